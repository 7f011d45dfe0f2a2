package io.clawterm.client;

import static io.clawterm.client.PipedSessionTest.agent;
import static io.clawterm.client.PipedSessionTest.say;
import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.TerminalSize;
import java.io.ByteArrayOutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.ExternalTerminal;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TerminalSessionTest {
  private static final char SUSPEND = 0x1D;
  private static final char INTERRUPT = 0x03;

  @TempDir private Path folder;
  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
  private final PipedOutputStream keys = new PipedOutputStream();
  private final CompletableFuture<Ending> ended = new CompletableFuture<>();
  private Terminal terminal;

  @BeforeEach
  void openTerminal() throws Exception {
    terminal =
        new ExternalTerminal(
            "test", "ansi", new PipedInputStream(keys), shown, StandardCharsets.UTF_8);
    terminal.setSize(Size.of(80, 24));
  }

  @AfterEach
  void closeTerminal() throws Exception {
    terminal.close();
  }

  @Test
  void aLineIsSentItsAnswerShownAndTheSuspendKeySuspends() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, false, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(agent()));
      run(screen, session);
      int id = session.id().value();
      type("hello\r");
      eventually().until(() -> server.inputs(id).size() == 1);
      say(
          server,
          id,
          "{'type':'message','role':'user','device':'test','text':'hello'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'text','text':'good \\u001b]0;evil\\u0007day'}",
          "{'type':'status','run':'ended','outcome':'done'}");
      eventually().until(() -> shown().contains("good ]0;evilday"));

      type(String.valueOf(SUSPEND));

      assertThat(resultOf(ended)).isEqualTo(new Ending.Suspended());
      assertThat(shown()).contains("clawterm resume " + session.id());
      assertThat(shown()).doesNotContain("\u001b]0;evil");
      assertThat(server.session(id).suspends).isEqualTo(1);
    }
  }

  @Test
  void anInterruptDuringAnAnswerStopsTheRunAndNotTheProgram() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, false, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(agent()));
      run(screen, session);
      int id = session.id().value();
      type("go on for ever\r");
      eventually().until(() -> server.inputs(id).size() == 1);

      type(String.valueOf(INTERRUPT));

      eventually().until(() -> server.inputs(id).contains("{\"type\":\"abort\"}"));
      type(String.valueOf(SUSPEND));
      assertThat(resultOf(ended)).isEqualTo(new Ending.Suspended());
    }
  }

  @Test
  void aPersonWhoWatchesIsToldThatNothingIsSent() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, false, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(agent().withMode(Mode.WATCH)));
      run(screen, session);

      type("hello\r");
      eventually().until(() -> shown().contains("not sent: this device only watches"));
      type(String.valueOf(SUSPEND));

      assertThat(resultOf(ended)).isEqualTo(new Ending.Suspended());
      assertThat(server.inputs(session.id().value())).isEmpty();
    }
  }

  @Test
  void aPersonAtThePromptIsToldWhenAnotherDeviceTakesOver() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, false, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(agent()));
      run(screen, session);
      eventually().until(() -> shown().contains("> "));

      server.disconnectAll(Fields.reason(Code.TAKEN_OVER, "phone"));

      assertThat(resultOf(ended)).isInstanceOf(Ending.Failed.class);
      assertThat(shown()).contains("TAKEN_OVER: phone");
    }
  }

  @Test
  void aProgramGetsEachKeyAndItsBytesReachTheTerminalAsTheyAre() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, true, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.target("pty:sh")));
      run(screen, session);
      int id = session.id().value();
      server.emit(id, "\u001b[1mbold\u001b[0m", 0);
      eventually().until(() -> shown().contains("\u001b[1mbold\u001b[0m"));

      type("ls\r" + INTERRUPT);
      eventually().until(() -> String.join("", server.inputs(id)).equals("ls\r" + INTERRUPT));
      type("x" + SUSPEND + "never sent");

      assertThat(resultOf(ended)).isEqualTo(new Ending.Suspended());
      assertThat(String.join("", server.inputs(id))).isEqualTo("ls\r" + INTERRUPT + "x");
    }
  }

  @Test
  void aProgramHearsOfEachChangeOfTheSizeAndOfTheLastOneAfterALostConnection() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, true, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session =
          resultOf(client.connect(ConnectOptions.target("pty:sh").withSize(80, 24)));
      run(screen, session);
      List<TerminalSize> told = server.session(session.id().value()).sizes;
      type("x");
      eventually().until(() -> server.inputs(session.id().value()).size() == 1);

      changeSize(100, 30);
      eventually().until(() -> told.equals(List.of(new TerminalSize(100, 30))));
      changeSize(100, 30);
      changeSize(0, 0);
      changeSize(120, 40);
      eventually().until(() -> told.size() > 1);
      server.cutAll();
      eventually().until(() -> server.greetings().size() == 2);

      assertThat(told).containsExactly(new TerminalSize(100, 30), new TerminalSize(120, 40));
      assertThat(server.greetings())
          .extracting(greeting -> greeting.fields().terminalSize().orElseThrow())
          .containsExactly(new TerminalSize(80, 24), new TerminalSize(120, 40));
      type(String.valueOf(SUSPEND));
      resultOf(ended);
    }
  }

  @Test
  void aSizeThatTheGreetingDidNotTellFollowsAtOnce() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, true, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.target("pty:sh")));
      run(screen, session);

      eventually()
          .untilAsserted(() ->
              assertThat(server.session(session.id().value()).sizes)
                  .containsExactly(new TerminalSize(80, 24)));
      type(String.valueOf(SUSPEND));
      resultOf(ended);
    }
  }

  private void changeSize(int columns, int rows) {
    terminal.setSize(Size.of(columns, rows));
    terminal.raise(Terminal.Signal.WINCH);
  }

  @Test
  void aLostConnectionIsOneLineThatReplacesItself() throws Exception {
    TerminalSession screen = TerminalSession.on(terminal, true, Optional.empty());
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(screen).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.target("pty:sh")));
      run(screen, session);
      server.cutAll();

      eventually().until(() -> shown().contains("connected\u001b[0m\r\n"));
      assertThat(shown())
          .containsPattern("\r\u001b\\[K\u001b\\[2mconnection lost, reconnecting in \\d+ ms…");
      assertThat(shown().split("\n", -1)).hasSizeLessThanOrEqualTo(2);
      type(String.valueOf(SUSPEND));
      resultOf(ended);
    }
  }

  private void run(TerminalSession screen, ClientSession session) {
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            ended.complete(screen.run(session));
          } catch (Exception e) {
            ended.completeExceptionally(e);
          }
        });
  }

  private void type(String text) throws Exception {
    keys.write(text.getBytes(StandardCharsets.UTF_8));
    keys.flush();
  }

  private String shown() {
    return shown.toString(StandardCharsets.UTF_8);
  }
}
