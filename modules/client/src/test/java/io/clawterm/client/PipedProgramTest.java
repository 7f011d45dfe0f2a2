package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipedProgramTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final StringWriter asides = new StringWriter();
  private final PipedProgram piped = new PipedProgram(out, new PrintWriter(asides));
  private final CompletableFuture<Ending> ending = new CompletableFuture<>();

  @Test
  void aProgramGetsItsInputAndItsEndAndAllItsBytesComeOut() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      int id = started(client, "pty:cat", "one\ntwo").id().value();
      eventually().until(() -> server.inputs(id).size() == 2);

      assertThat(server.inputs(id)).containsExactly("one\ntwo", "\u0004\u0004");
      server.emit(id, new byte[] {(byte) 0xFF, 0, 27, '['}, 0);
      server.emit(id, "{\"type\":\"notice\",\"text\":\"slow\"}", Flags.EVENT);
      eventually().until(() -> out.size() == 4 && asides.toString().contains("[slow]"));
      assertThat(ending).isNotDone();
      server.disconnectAll(Fields.reason(Code.CLOSED, "program ended with status 0"));

      assertThat(resultOf(ending)).isInstanceOf(Ending.Closed.class);
      assertThat(out.toByteArray()).containsExactly(0xFF, 0, 27, '[');
      assertThat(asides.toString()).contains("[slow]");
    }
  }

  @Test
  void aProgramThatEndsIsNotWaitedForByInputThatNeverDoes() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      var endless =
          new InputStream() {
            @Override
            public int read() {
              return read(new byte[1], 0, 1);
            }

            @Override
            public int read(byte[] into, int from, int length) {
              new CompletableFuture<Void>().join();
              return -1;
            }
          };
      started(client, "pod:main", endless);

      server.disconnectAll(Fields.reason(Code.CLOSED, "gone"));

      assertThat(resultOf(ending)).isInstanceOf(Ending.Closed.class);
    }
  }

  @Test
  void aPodIsLeftOnceItIsSilent() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing();
        ClawTermClient client = clientOf(server).listener(piped).build()) {
      int id = started(client, "pod:main", "hello").id().value();

      assertThat(resultOf(ending)).isInstanceOf(Ending.Suspended.class);
      assertThat(server.inputs(id)).containsExactly("hello");
      assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("echo hello");
    }
  }

  private ClientSession started(ClawTermClient client, String target, String input)
      throws Exception {
    return started(
        client, target, new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
  }

  private ClientSession started(ClawTermClient client, String target, InputStream input)
      throws Exception {
    ClientSession session =
        resultOf(client.connect(ConnectOptions.target(target).withEvents(true)));
    Thread.ofVirtual()
        .start(() -> {
          try {
            ending.complete(piped.run(session, input));
          } catch (InterruptedException e) {
            ending.completeExceptionally(e);
          }
        });
    return session;
  }
}
