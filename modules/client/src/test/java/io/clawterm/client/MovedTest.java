package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A session goes on at another node, or at the same one again, without a stampede. */
class MovedTest {
  @TempDir private Path folder;
  private final List<ConnectionEvent> events = new CopyOnWriteArrayList<>();

  @ParameterizedTest
  @EnumSource(names = {"MOVED", "SHUTTING_DOWN"})
  void theClientGoesWhereItIsSentAfterTheTimeThatIsAskedFor(Code code) throws Exception {
    try (var first = ScriptedServer.tcp();
        var second = ScriptedServer.tcp();
        ClawTermClient client = listening(first)) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      second.takingOver(first);

      first.disconnectAll(to(code, second, 200));

      assertThat(resultOf(session.send("here now"))).isEqualTo(1);
      assertThat(second.inputs(session.id().value())).containsExactly("here now");
      assertThat(first.connectionCount()).isEqualTo(1);
      assertThat(waits()).singleElement().satisfies(wait -> assertThat(wait).isBetween(200L, 300L));
    }
  }

  @Test
  void whoAreSentAwayTogetherDoNotComeTogether() throws Exception {
    try (var first = ScriptedServer.tcp();
        var second = ScriptedServer.tcp();
        ClawTermClient client = listening(first)) {
      List<ClientSession> sessions = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        sessions.add(resultOf(client.connect(ConnectOptions.defaults())));
      }
      second.takingOver(first);

      first.disconnectAll(to(Code.MOVED, second, 400));

      for (ClientSession session : sessions) {
        resultOf(session.send("moved"));
      }
      assertThat(waits()).hasSize(10).allSatisfy(wait -> assertThat(wait).isBetween(400L, 600L));
      assertThat(waits().stream().distinct().count()).isGreaterThan(3);
    }
  }

  @Test
  void aNodeThatDoesNotKnowTheSessionIsNotBelieved() throws Exception {
    try (var first = ScriptedServer.tcp();
        var stranger = ScriptedServer.tcp();
        ClawTermClient client = listening(first)) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));

      first.disconnectAll(to(Code.MOVED, stranger, 1));

      assertThat(resultOf(session.send("back again"))).isEqualTo(1);
      assertThat(stranger.greetings()).hasSize(1);
      assertThat(first.inputs(session.id().value())).containsExactly("back again");
    }
  }

  @Test
  void aSessionIsResumedOnTheConnectionThatStaysOpen() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing();
        ClawTermClient client = listening(server)) {
      List<String> received = new CopyOnWriteArrayList<>();
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      session.onOutput(output -> received.add(((Received.Entry) output).text()));
      resultOf(session.send("one"));

      server.disconnectOnly(Fields.reason(Code.MOVED, "to where you are"));
      resultOf(session.send("two"));
      server.disconnectOnly(
          Fields.builder().code(Code.MOVED).text("again").retryAfterMs(50).build());
      resultOf(session.send("three"));

      eventually().until(() -> received.size() == 3);
      assertThat(received).containsExactly("echo one", "echo two", "echo three");
      assertThat(server.connectionCount()).isEqualTo(1);
      assertThat(server.greetings())
          .extracting(Frame::type)
          .containsExactly(FrameType.CONNECT, FrameType.RESUME, FrameType.RESUME);
      assertThat(server.violations()).isEmpty();
    }
  }

  @Test
  void aServerThatHasNoTimeIsAskedAgainOnTheSameConnection() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).answerTimeout(Duration.ofSeconds(2)).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      for (int millis : List.of(5, 2_100)) { // the second is longer than an answer may take
        server.refuseNextResume(
            Fields.builder().code(Code.OVERLOADED).text("busy").retryAfterMs(millis).build());
      }

      server.cutAll();

      assertThat(resultOf(session.send("in its turn"))).isEqualTo(1);
      assertThat(server.greetings()).hasSize(4);
      assertThat(server.connectionCount()).isEqualTo(2);
      assertThat(server.violations()).isEmpty();
    }
  }

  @Test
  void whoLetsGoWhileItWaitsClosesItsConnection() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = listening(server)) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.refuseNextResume(
          Fields.builder().code(Code.OVERLOADED).text("busy").retryAfterMs(60_000).build());
      server.cutAll();
      eventually().until(() -> server.greetings().size() == 2);

      session.close();

      eventually().until(() -> server.attachments().getLast().isOver());
    }
  }

  @Test
  void aConnectionThatIsClosedBeforeItIsTimeIsReplaced() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = listening(server)) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));

      server.disconnectAll(Fields.builder().code(Code.MOVED).retryAfterMs(100).build());

      assertThat(resultOf(session.send("on a new one"))).isEqualTo(1);
      assertThat(server.connectionCount()).isEqualTo(2);
      // Nothing was sent for nothing: no greeting is left that could come late.
      server.disconnectAll(Fields.reason(Code.TAKEN_OVER, "somebody else"));
      assertThat(resultOf(session.ended()).code()).contains(Code.TAKEN_OVER);
    }
  }

  @Test
  void ofSeveralAddressesTheNextOneIsTried() throws Exception {
    try (var first = ScriptedServer.tcp();
        var second = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client =
            clientOf(first)
                .addresses(
                    List.of(
                        ServerAddress.unix(folder.resolve("nobody")),
                        first.address(),
                        second.address()))
                .build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      ScriptedServer taken = first.sessionCount() == 1 ? first : second;
      ScriptedServer other = taken == first ? second : first;
      other.takingOver(taken);

      taken.disconnectAll(Fields.builder().code(Code.SHUTTING_DOWN).retryAfterMs(1).build());
      taken.vanish();

      assertThat(resultOf(session.send("elsewhere"))).isEqualTo(1);
      assertThat(other.inputs(session.id().value())).containsExactly("elsewhere");
    }
  }

  @Test
  void severalAddressesAreReadWithCommasBetweenThem() {
    assertThat(ServerAddress.parseAll("tls://a:1, tls://[::1]:2,unix:/tmp/a,b"))
        .containsExactly(
            ServerAddress.tls("a", 1),
            ServerAddress.tls("::1", 2),
            ServerAddress.unix(Path.of("/tmp/a,b")));
    assertThatThrownBy(() -> ServerAddress.parseAll("tls://a:1,b:2"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private ClawTermClient listening(ScriptedServer server) {
    return clientOf(server).listener((session, event) -> events.add(event)).build();
  }

  private static Fields to(Code code, ScriptedServer server, int retryAfterMs) {
    String hostAndPort = server.address().toString().substring("tcp://".length());
    return Fields.builder().code(code).address(hostAndPort).retryAfterMs(retryAfterMs).build();
  }

  private List<Long> waits() {
    return events.stream()
        .filter(ConnectionEvent.Lost.class::isInstance)
        .map(event -> ((ConnectionEvent.Lost) event).retryIn())
        .map(Duration::toMillis)
        .toList();
  }
}
