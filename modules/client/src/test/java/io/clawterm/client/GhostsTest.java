package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device's own late RESUME takes the session from it, and it takes it back. */
class GhostsTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  @TempDir private Path folder;
  private final List<ConnectionEvent> events = new CopyOnWriteArrayList<>();

  @Test
  void aClientTakesTheSessionBackFromItsOwnLateResume() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = listening(server)) {
      ClientSession session = resumedPastAHeldGreeting(server, client);

      server.deliverHeldGreeting();

      assertThat(resultOf(session.send("still mine"))).isEqualTo(1);
      assertThat(server.greetings())
          .extracting(Frame::type)
          .containsExactly(FrameType.CONNECT, FrameType.RESUME, FrameType.RESUME, FrameType.RESUME);
      assertThat(server.violations()).isEmpty();
    }
  }

  @Test
  void aRefusedGreetingMayComeLateAsWell() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = listening(server)) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.refuseNext(Fields.reason(Code.OVERLOADED, "the session does not answer"));
      server.cutAll();
      eventually().until(() -> resumes() == 1);

      server.disconnectAll(Fields.reason(Code.TAKEN_OVER, "by the one that was refused"));

      assertThat(resultOf(session.send("still mine"))).isEqualTo(1);
      assertThat(server.violations()).isEmpty();
    }
  }

  @Test
  void onlyAsManyAsWereLeftUnansweredExplainATakeOver() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = listening(server)) {
      ClientSession session = resumedPastAHeldGreeting(server, client);
      server.deliverHeldGreeting();
      eventually().until(() -> resumes() == 2);

      server.disconnectAll(Fields.reason(Code.TAKEN_OVER, "somebody else"));

      assertThat(resultOf(session.ended()).code()).contains(Code.TAKEN_OVER);
    }
  }

  @Test
  void aGreetingExplainsOneTakeOverWithinAMinute() {
    var ghosts = new Ghosts();
    ghosts.inVain(0);
    ghosts.inVain(50 * SECOND);

    assertThat(ghosts.explain(61 * SECOND)).isTrue();
    assertThat(ghosts.explain(61 * SECOND)).isFalse();
  }

  @Test
  void aGreetingOfAnEarlierProcessExplainsOneWithinTenSeconds() {
    var ghosts = new Ghosts();
    ghosts.inherited(0);
    assertThat(ghosts.explain(9 * SECOND)).isTrue();
    assertThat(ghosts.explain(9 * SECOND)).isFalse();

    ghosts.inherited(0);
    assertThat(ghosts.explain(11 * SECOND)).isFalse();
  }

  @Test
  void neverMoreThanAFewAreBelieved() {
    var ghosts = new Ghosts();
    for (int i = 0; i < 100; i++) {
      ghosts.inVain(i);
    }

    int believed = 0;
    while (ghosts.explain(SECOND)) {
      believed++;
    }

    assertThat(believed).isEqualTo(5);
  }

  private ClawTermClient listening(ScriptedServer server) {
    return clientOf(server).listener((session, event) -> events.add(event)).build();
  }

  private ClientSession resumedPastAHeldGreeting(ScriptedServer server, ClawTermClient client)
      throws Exception {
    ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
    server.holdNextGreeting();
    server.cutAll();
    eventually().until(() -> server.holdsGreeting() && resumes() == 1);
    return session;
  }

  private long resumes() {
    return events.stream().filter(ConnectionEvent.Resumed.class::isInstance).count();
  }
}
