package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.FrameType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CodesTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(
      names = {
        "OK",
        "MOVED",
        "SHUTTING_DOWN",
        "BAD_CHECKSUM",
        "SEQUENCE_GAP",
        "OVERLOADED",
        "INTERNAL"
      })
  void theClientComesBackByItself(Code code) throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing();
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.disconnectAll(Fields.builder().code(code).retryAfterMs(1).build());

      assertThat(resultOf(session.send("still here"))).isEqualTo(1);

      assertThat(server.greetings().getLast().type()).isEqualTo(FrameType.RESUME);
    }
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "TAKEN_OVER",
        "PROTOCOL_ERROR",
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "NO_SUCH_SESSION",
        "NO_SUCH_TARGET",
        "TOO_LARGE"
      })
  void theClientStopsAndReports(Code code) throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.disconnectAll(Fields.reason(code, "because"));

      Ending ending = resultOf(session.ended());

      assertThat(ending)
          .isInstanceOfSatisfying(
              Ending.Failed.class,
              failed ->
                  assertThat(failed.cause())
                      .isInstanceOfSatisfying(
                          ClientException.Refused.class,
                          refused -> {
                            assertThat(refused.code()).isEqualTo(code);
                            assertThat(refused.text()).isEqualTo("because");
                          }));
      assertThatThrownBy(() -> resultOf(session.send("too late")))
          .hasMessageContaining(code.toString());
    }
  }

  @Test
  void aRefusedConnectFailsAtOnceWithTheCode() throws Exception {
    try (var server = ScriptedServer.tcp();
        ClawTermClient client = clientOf(server).build()) {
      server.refuseNext(Fields.reason(Code.NO_SUCH_TARGET, "no agent of this name"));

      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.target("agent:nobody"))))
          .hasCauseInstanceOf(ClientException.Refused.class)
          .hasMessageContaining("no agent of this name");
    }
  }

  @Test
  void anotherVersionIsATypedFailure() throws Exception {
    try (var server = ScriptedServer.tcp();
        ClawTermClient client = clientOf(server).build()) {
      server.refuseNext(Fields.builder().code(Code.UNSUPPORTED_VERSION).version(2).build());

      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .cause()
          .isInstanceOfSatisfying(
              ClientException.UnsupportedVersion.class,
              failure -> assertThat(failure.spoken()).isEqualTo(2));
    }
  }

  @Test
  void anOverloadedServerIsLeftAloneForAsLongAsItAsks() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.tcp();
        ClawTermClient client =
            clientOf(server).listener((session, event) -> events.add(event)).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.disconnectAll(
          Fields.builder().code(Code.OVERLOADED).text("full").retryAfterMs(300).build());

      eventually().until(() -> events.stream().anyMatch(ConnectionEvent.Resumed.class::isInstance));

      assertThat(events)
          .anyMatch(event ->
              event instanceof ConnectionEvent.Lost(String reason, Duration wait)
                  && reason.equals("the server is busy")
                  && wait.compareTo(Duration.ofMillis(300)) >= 0
                  && wait.compareTo(Duration.ofMillis(450)) <= 0);
      assertThat(session.id().value()).isNotZero();
    }
  }

  @Test
  void aServerThatSaysWhenToComeIsNotLeftAloneForLongerEachTime() throws Exception {
    try (var server = ScriptedServer.tcp();
        ClawTermClient client =
            clientOf(server)
                .backoff(Duration.ofMinutes(10), Duration.ofHours(1))
                .patience(Duration.ofHours(10))
                .build()) {
      for (int i = 0; i < 3; i++) {
        server.refuseNext(
            Fields.builder().code(Code.OVERLOADED).text("full").retryAfterMs(5).build());
      }

      assertThat(resultOf(client.connect(ConnectOptions.defaults())).id().value()).isNotZero();
    }
  }

  @Test
  void aMoveIsFollowedToLoopbackButBackWhereNobodyAnswers() throws Exception {
    try (var server = ScriptedServer.tcp();
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.disconnectAll(
          Fields.builder().code(Code.MOVED).address("127.0.0.1:1").retryAfterMs(1).build());

      assertThat(resultOf(session.send("found"))).isEqualTo(1);
    }
  }

  @Test
  void aMoveNeverLeadsFromTlsToPlainOrFromLoopbackToTheNetwork() {
    assertThat(Links.moved(ServerAddress.tls("a", 1), "b:2")).contains(ServerAddress.tls("b", 2));
    assertThat(Links.moved(ServerAddress.tcp("127.0.0.1", 1), "example.org:2")).isEmpty();
    assertThat(Links.moved(ServerAddress.tcp("127.0.0.1", 1), "127.0.0.1:2"))
        .contains(ServerAddress.tcp("127.0.0.1", 2));
    assertThat(Links.moved(ServerAddress.unix(Path.of("/s")), "127.0.0.1:2")).isEmpty();
    assertThat(Links.moved(ServerAddress.tls("a", 1), "nonsense:port")).isEmpty();
  }

  @Test
  void disconnectEndsTheSessionForGood() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));

      assertThat(resultOf(session.disconnect())).isEqualTo(new Ending.Closed("bye"));

      assertThat(server.sessionCount()).isZero();
      assertThat(client.sessions()).isEmpty();
    }
  }

  @Test
  void anUnreachableServerIsReportedWhenPatienceIsOver() throws Exception {
    try (ClawTermClient client =
        ClawTermClient.builder()
            .address(ServerAddress.unix(folder.resolve("nobody")))
            .patience(Duration.ZERO)
            .build()) {
      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .hasCauseInstanceOf(ClientException.Unreachable.class);
    }
  }

  @Test
  void aServerThatNeverAnswersIsCalledSilent() throws Exception {
    try (var server = ScriptedServer.tcp();
        ClawTermClient client =
            clientOf(server)
                .patience(Duration.ZERO)
                .answerTimeout(Duration.ofMillis(200))
                .build()) {
      server.mute();

      assertThatThrownBy(() -> resultOf(client.connect(ConnectOptions.defaults())))
          .hasCauseInstanceOf(ClientException.Unreachable.class)
          .hasMessageContaining("the server is silent");
    }
  }

  @Test
  void aServerThatHasLostWhatItShowedIsNotBelieved() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing();
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      List<Received> received = new CopyOnWriteArrayList<>();
      session.onOutput(received::add);
      resultOf(session.send("one"));
      eventually().until(() -> received.size() == 1);
      server.session(session.id().value()).output.clear();
      server.cutAll();

      assertThat(resultOf(session.ended()))
          .isInstanceOfSatisfying(
              Ending.Failed.class,
              failed -> assertThat(failed.cause()).isInstanceOf(ClientException.HistoryLost.class));
    }
  }
}
