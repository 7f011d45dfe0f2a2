package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.api.SessionId;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenFileTest {
  @TempDir private Path folder;

  @Test
  void fileAndFolderArePrivateAndNothingIsLeftBesideThem() throws Exception {
    Path state = folder.resolve("state");
    Path file = state.resolve("sessions.json");
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing();
        ClawTermClient client = clientOf(server).tokenFile(file).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      resultOf(session.send("hello"));

      assertThat(mode(file)).isEqualTo("rw-------");
      assertThat(mode(state)).isEqualTo("rwx------");
      assertThat(mode(file.resolveSibling("sessions.json.lock"))).isEqualTo("rw-------");
    }
    try (var files = Files.list(state)) {
      assertThat(files.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("sessions.json", "sessions.json.lock");
    }
  }

  @Test
  void aDamagedFileIsReportedWithoutItsContent() throws Exception {
    Path file = folder.resolve("sessions.json");
    Files.writeString(file, "{\"sessions\":[{\"token\":\"secret\n");
    try (ClawTermClient client =
        ClawTermClient.builder()
            .address(ServerAddress.unix(folder.resolve("s")))
            .tokenFile(file)
            .build()) {
      assertThatThrownBy(client::sessions)
          .isInstanceOf(ClientException.StoreFailed.class)
          .hasMessageContaining("line ")
          .hasMessageNotContaining("secret");
    }
  }

  @Test
  void aSessionThatALiveClientHasOpenIsNotGivenToAnother() throws Exception {
    Path file = folder.resolve("sessions.json");
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient one = clientOf(server).tokenFile(file).build();
        ClawTermClient two = clientOf(server).tokenFile(file).build()) {
      ClientSession session = resultOf(one.connect(ConnectOptions.defaults()));

      assertThatThrownBy(() -> two.resume(session.id()))
          .isInstanceOf(ClientException.InUse.class)
          .hasMessageContaining(String.valueOf(ProcessHandle.current().pid()));

      session.close();
      assertThat(resultOf(two.resume(session.id())).id()).isEqualTo(session.id());
    }
  }

  @Test
  void manyClientsShareOneFileWithoutLosingEntries() throws Exception {
    Path file = folder.resolve("sessions.json");
    int clients = 8;
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient reader = clientOf(server).tokenFile(file).build()) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        threads.add(
            Thread.ofPlatform()
                .start(() -> {
                  try (ClawTermClient client = clientOf(server).tokenFile(file).build()) {
                    resultOf(resultOf(client.connect(ConnectOptions.defaults())).send("x"));
                  } catch (Exception e) {
                    throw new AssertionError(e);
                  }
                }));
      }
      for (Thread thread : threads) {
        thread.join();
      }

      assertThat(reader.sessions()).hasSize(clients);
    }
  }

  @Test
  void anUnknownSessionIsATypedFailure() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      assertThatThrownBy(() -> client.resume(new SessionId(7)))
          .isInstanceOf(ClientException.UnknownSession.class);
    }
  }

  @Test
  void aProcessKilledWithUnacknowledgedInputIsContinuedExactly() throws Exception {
    Path file = folder.resolve("sessions.json");
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing()) {
      server.acknowledging(false);
      Process process = startVictim(server.address(), file);
      SessionId session;
      try (var lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        session = SessionId.of(lines.readLine());
        eventually().until(() -> server.inputs(session.value()).size() == 3);
      } finally {
        process.destroyForcibly().waitFor();
      }
      server.acknowledging(true);
      List<Received.Entry> received = new CopyOnWriteArrayList<>();

      try (ClawTermClient client = clientOf(server).tokenFile(file).build()) {
        ClientSession resumed = resultOf(client.resume(session));
        resumed.onOutput(output -> received.add((Received.Entry) output));
        assertThat(resultOf(resumed.send("after"))).isEqualTo(4);
        eventually().until(() -> !received.isEmpty() && received.getLast().number() == 4);
      }

      assertThat(server.inputs(session.value()))
          .containsExactly("input 1", "input 2", "input 3", "after");
      assertThat(server.violations()).isEmpty();
    }
  }

  private static Process startVictim(ServerAddress address, Path file) throws Exception {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Victim.class.getName(),
            address.toString(),
            file.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** A client process that is killed while its input is under way. */
  static final class Victim {
    private Victim() {}

    public static void main(String[] arguments) throws Exception {
      try (ClawTermClient client =
          ClawTermClient.builder()
              .address(ServerAddress.parse(arguments[0]))
              .device("test")
              .tokenFile(Path.of(arguments[1]))
              .build()) {
        ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
        System.out.println(session.id());
        for (int i = 1; i <= 3; i++) {
          session.send("input " + i).toCompletableFuture().isDone();
        }
        resultOf(session.ended());
      }
    }
  }

  private static String mode(Path path) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
