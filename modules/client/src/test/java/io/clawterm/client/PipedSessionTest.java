package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipedSessionTest {
  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter asides = new StringWriter();
  private final PipedSession piped =
      new PipedSession(new PrintWriter(out), new PrintWriter(asides));

  @Test
  void anAnswerIsPrintedUntilItsRunHasEnded() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      int id = asked(server, client, "hello");

      say(
          server,
          id,
          "{'type':'message','role':'user','device':'test','text':'hello'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'text','text':'good \\u001b[31mday'}",
          "{'type':'retract','from':3,'to':3}",
          "{'type':'text','text':'better'}");
      assertThat(exit).isNotDone();
      say(server, id, "{'type':'status','run':'ended','outcome':'done'}");

      assertThat(resultOf(exit)).isEqualTo(PipedSession.DONE);
      assertThat(out.toString()).isEqualTo("good [31mday\nbetter\n");
      assertThat(asides.toString()).isEqualTo("— the answer is started again —\n");
      assertThat(server.inputs(id)).containsExactly("{\"type\":\"input\",\"text\":\"hello\"}");
      assertThat(server.session(id).inputFlags).containsExactly(Flags.EVENT);
    }
  }

  @Test
  void anAnswerIsGivenWithoutWhatWasTakenBackOrAnswersOthers() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      ClientSession session = resultOf(client.connect(agent()));
      var answer = new CompletableFuture<PipedSession.Answer>();
      Thread.ofVirtual()
          .start(() -> {
            try {
              answer.complete(piped.answer(session, "hello"));
            } catch (InterruptedException e) {
              answer.completeExceptionally(e);
            }
          });
      int id = session.id().value();
      eventually().until(() -> server.inputs(id).size() == 1);

      say(
          server,
          id,
          "{'type':'message','role':'user','device':'phone','text':'first'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'text','text':'for the phone'}",
          "{'type':'message','role':'user','device':'test','text':'hello'}",
          "{'type':'status','run':'ended','outcome':'done'}",
          "{'type':'status','run':'started','answers':4}",
          "{'type':'text','text':'good \u001b[31mday'}",
          "{'type':'text','text':' to you'}",
          "{'type':'retract','from':7,'to':8}",
          "{'type':'text','text':'bet'}",
          "{'type':'text','text':'ter'}",
          "{'type':'status','run':'ended','outcome':'failed','error':'no more'}");

      assertThat(resultOf(answer))
          .isEqualTo(new PipedSession.Answer(PipedSession.FAILED, "better"));
    }
  }

  @Test
  void aFailedAnswerIsAnExitCodeAndAMessage() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      int id = asked(server, client, "hello");

      say(
          server,
          id,
          "{'type':'message','role':'user','device':'test','text':'hello'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'status','run':'ended','outcome':'failed','error':'no model'}");

      assertThat(resultOf(exit)).isEqualTo(PipedSession.FAILED);
      assertThat(asides.toString()).contains("[failed: no model]");
    }
  }

  @Test
  void theEndOfAnEarlierRunIsNotTakenForTheAnswer() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      int id = asked(server, client, "second");

      say(
          server,
          id,
          "{'type':'message','role':'user','device':'phone','text':'first'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'message','role':'user','device':'test','text':'second'}",
          "{'type':'status','run':'ended','outcome':'failed','error':'other'}");
      eventually().until(() -> asides.toString().contains("other"));
      assertThat(exit).isNotDone();
      say(
          server,
          id,
          "{'type':'status','run':'started','answers':3}",
          "{'type':'status','run':'ended','outcome':'done'}");

      assertThat(resultOf(exit)).isEqualTo(PipedSession.DONE);
      assertThat(asides.toString()).contains("phone > first");
    }
  }

  @Test
  void aSessionThatEndsBeforeTheAnswerIsToldApart() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      asked(server, client, "hello");

      server.disconnectAll(Fields.reason(Code.TAKEN_OVER, "phone"));

      assertThat(resultOf(exit)).isEqualTo(PipedSession.ENDED);
      assertThat(asides.toString()).contains("TAKEN_OVER: phone");
    }
  }

  @Test
  void linesAreSentEachAndAllAreAnsweredBeforeTheEnd() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      ClientSession session = resultOf(client.connect(agent()));
      run(() -> piped.run(session, new StringReader("one\n\ntwo")));
      int id = session.id().value();
      eventually().until(() -> server.inputs(id).size() == 2);

      say(
          server,
          id,
          "{'type':'message','role':'user','device':'test','text':'one'}",
          "{'type':'message','role':'user','device':'test','text':'two'}",
          "{'type':'status','run':'started','answers':1}",
          "{'type':'text','text':'1'}",
          "{'type':'status','run':'ended','outcome':'done'}");
      eventually().until(() -> out.toString().contains("1"));
      assertThat(exit).isNotDone();
      say(
          server,
          id,
          "{'type':'status','run':'started','answers':2}",
          "{'type':'text','text':'2'}",
          "{'type':'status','run':'ended','outcome':'done'}");

      assertThat(resultOf(exit)).isEqualTo(PipedSession.DONE);
      assertThat(out.toString()).isEqualTo("1\n2\n");
    }
  }

  private final CompletableFuture<Integer> exit = new CompletableFuture<>();

  private int asked(ScriptedServer server, ClawTermClient client, String text) throws Exception {
    ClientSession session = resultOf(client.connect(agent()));
    run(() -> piped.ask(session, text));
    int id = session.id().value();
    eventually().until(() -> server.inputs(id).size() == 1);
    return id;
  }

  private interface Running {
    int call() throws Exception;
  }

  private void run(Running running) {
    Thread.ofVirtual()
        .start(() -> {
          try {
            exit.complete(running.call());
          } catch (Exception e) {
            exit.completeExceptionally(e);
          }
        });
  }

  static ConnectOptions agent() {
    return ConnectOptions.target("agent:main").withEvents(true);
  }

  static void say(ScriptedServer server, int session, String... entries) {
    for (String entry : List.of(entries)) {
      server.emit(session, entry.replace('\'', '"'), Flags.EVENT);
    }
  }
}
