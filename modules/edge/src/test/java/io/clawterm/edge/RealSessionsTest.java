package io.clawterm.edge;

import static io.clawterm.edge.TestClient.code;
import static io.clawterm.edge.TestClient.connectFrame;
import static io.clawterm.edge.TestClient.data;
import static io.clawterm.edge.TestClient.fields;
import static io.clawterm.edge.TestClient.resumeFrame;
import static io.clawterm.edge.TestClient.text;
import static io.clawterm.edge.TestClient.token;
import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.persistence.query.PersistenceQuery;
import akka.persistence.testkit.PersistenceTestKitPlugin;
import akka.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import akka.persistence.testkit.query.javadsl.PersistenceTestKitReadJournal;
import com.typesafe.config.ConfigFactory;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.Entry;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.SessionMetrics;
import io.clawterm.session.SessionSettings;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.Targets;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The edge with real sessions, sharded over one node, on a journal in memory. */
class RealSessionsTest {

  private static ActorTestKit kit;
  private static TcpEdge tcp;

  /** Says again what it hears. */
  private static final class Echo implements Target {
    @Override
    public InputStyle inputStyle() {
      return InputStyle.BYTES;
    }

    @Override
    public Behavior<TargetCommand> start(TargetContext context) {
      return Behaviors.receiveMessage(message -> {
        if (message instanceof TargetCommand.Deliver deliver) {
          List<Entry> entries =
              deliver.inputs().stream().map(it -> Entry.bytes(it.body(), it.more())).toList();
          OptionalLong consumed = OptionalLong.of(deliver.inputs().getLast().number());
          context
              .session()
              .tell(new SessionCommand.Emit(context.epoch(), entries, consumed, Optional.empty()));
        }
        return Behaviors.same();
      });
    }
  }

  @BeforeAll
  static void start() throws Exception {
    kit =
        ActorTestKit.create(
            "edge-and-sessions",
            PersistenceTestKitPlugin.getInstance()
                .config()
                .withFallback(PersistenceTestKitSnapshotPlugin.config())
                .withFallback(
                    ConfigFactory.parseString(
                        """
                        akka.loglevel = WARNING
                        akka.actor.provider = cluster
                        akka.remote.artery.canonical.hostname = 127.0.0.1
                        akka.remote.artery.canonical.port = 0
                        akka.cluster.jmx.enabled = off
                        akka.cluster.sharding.state-store-mode = ddata
                        akka.cluster.sharding.remember-entities = off
                        akka.cluster.min-nr-of-members = 1
                        """))
                .withFallback(ConfigFactory.load()));
    Cluster cluster = Cluster.get(kit.system());
    cluster.manager().tell(Join.create(cluster.selfMember().address()));
    Targets targets =
        (owner, name) ->
            name.equals("agent:main")
                ? new Targets.Found.Available(new Echo())
                : new Targets.Found.Missing("there is agent:main alone");
    var environment =
        new SessionEnvironment(
            SessionSettings.from(ConfigFactory.load().getConfig("clawterm.session")),
            targets,
            new JournalSessionLog(
                PersistenceQuery.get(kit.system())
                    .getReadJournalFor(
                        PersistenceTestKitReadJournal.class,
                        PersistenceTestKitReadJournal.Identifier())),
            (id, upTo) -> new CompletableFuture<>(),
            InstantSource.system(),
            SessionMetrics.NONE);
    ClusterSessions sessions =
        ClusterSessions.start(kit.system(), environment, new ResumeTokens(new byte[32]));
    var edge =
        new Edge(sessions, EdgeFixture.TOKENS, EdgeFixture.settings(""), new SimpleMeterRegistry());
    tcp =
        TcpEdge.bind(kit.system(), edge, "127.0.0.1", 0)
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);
    // The first CONNECT waits for the shards.
    try (TestClient client = client()) {
      client.open();
    }
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  private static TestClient client() throws Exception {
    return TestClient.connect(tcp.address());
  }

  @Test
  void whatWasMissedIsReplayedInOrderAndOnce() throws Exception {
    Frame accept;
    try (TestClient client = client()) {
      accept = client.open();
      for (int i = 1; i <= 200; i++) {
        client.send(data(accept.sessionId(), i, "line " + i));
      }
      for (int i = 1; i <= 70; i++) {
        assertThat(text(client.receive(FrameType.DATA))).isEqualTo("line " + i);
      }
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(accept.sessionId(), token(accept), 70, fields()));
      Frame resumed = client.receive();
      long inputs = resumed.fields().lastSeq().orElseThrow();
      for (long i = inputs + 1; i <= 200; i++) {
        client.send(data(accept.sessionId(), i, "line " + i));
      }
      for (int i = 71; i <= 200; i++) {
        Frame frame = client.receive(FrameType.DATA);
        assertThat(frame.seq()).isEqualTo(i);
        assertThat(text(frame)).isEqualTo("line " + i);
      }
    }
  }

  @Test
  void aKeyAndANonceLeadToTheSameSession() throws Exception {
    byte[] nonce = new byte[16];
    nonce[3] = 9;
    try (TestClient first = client();
        TestClient second = client();
        TestClient third = client()) {
      first.send(connectFrame(fields().nonce(nonce)));
      // The second takes over only from a first that is attached: sent together, either may be it.
      int session = first.receive(FrameType.ACCEPT).sessionId();
      second.send(connectFrame(fields().device("phone").nonce(nonce)));
      Frame again = second.receive(FrameType.ACCEPT);

      assertThat(again.sessionId()).isEqualTo(session);
      assertThat(again.fields().sessionKey()).isEmpty();
      assertThat(code(first.receive(FrameType.DISCONNECT))).isEqualTo(Code.TAKEN_OVER);
      third.send(connectFrame(fields().sessionKey("nonce:guess")));
      assertThat(code(third.receive())).isEqualTo(Code.FORBIDDEN);
    }
  }

  @Test
  void aClosedSessionIsOverAndItsKeyLeadsToANewOne() throws Exception {
    Frame accept;
    try (TestClient client = client()) {
      client.send(connectFrame(fields().sessionKey("closing")));
      accept = client.receive();
      client.send(Frame.of(accept.sessionId(), 0, FrameType.DISCONNECT, 0, Fields.none()));
      assertThat(code(client.receive(FrameType.DISCONNECT))).isEqualTo(Code.CLOSED);
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
      assertThat(code(client.receive())).isEqualTo(Code.CLOSED);
    }
    try (TestClient client = client()) {
      client.send(connectFrame(fields().sessionKey("closing")));
      Frame anew = client.receive();
      assertThat(anew.type()).isEqualTo(FrameType.ACCEPT);
      assertThat(anew.sessionId()).isNotEqualTo(accept.sessionId());
    }
  }

  @Test
  void anUnknownTargetAndAClaimAheadOfTheLogAreRefused() throws Exception {
    try (TestClient client = client()) {
      client.send(connectFrame(fields().target("pod:none")));
      assertThat(code(client.receive())).isEqualTo(Code.NO_SUCH_TARGET);
    }
    Frame accept;
    try (TestClient client = client()) {
      accept = client.open();
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(accept.sessionId(), token(accept), 5, fields()));
      assertThat(code(client.receive())).isEqualTo(Code.PROTOCOL_ERROR);
    }
  }

  @Test
  void anAcceptVoidsTheTokenBeforeWithTheFirstFrameThatFollows() throws Exception {
    Frame first;
    try (TestClient client = client()) {
      first = client.open(fields().sessionKey("tokens"));
    }
    int session = first.sessionId();
    byte[] before = token(first);
    try (TestClient client = client()) {
      client.open(fields().sessionKey("tokens"));
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(session, before, 0, fields()));
      before = token(client.receive(FrameType.RESUMED));
    }
    try (TestClient client = client()) {
      client.open(fields().sessionKey("tokens"));
      client.send(Frame.of(session, 0, FrameType.KEEPALIVE, Flags.ACK_NOW, Fields.none()));
      client.receive(FrameType.KEEPALIVE);
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(session, before, 0, fields()));
      assertThat(code(client.receive())).isEqualTo(Code.NO_SUCH_SESSION);
    }
  }

  /** The connection is cut after each byte of RESUME, DATA and KEEPALIVE; nothing may be lost. */
  @Test
  void aConnectionCutAfterEachByteLosesNothing() throws Exception {
    Frame accept;
    try (TestClient client = client()) {
      accept = client.open();
    }
    int session = accept.sessionId();
    byte[] token = token(accept);
    long sent = 0;
    int cut = 0;
    int length = Integer.MAX_VALUE;
    while (cut <= length) {
      long lastInput;
      try (TestClient client = client()) {
        client.send(resumeFrame(session, token, 0, fields()));
        Frame resumed = client.receive(FrameType.RESUMED);
        token = token(resumed);
        lastInput = resumed.fields().lastSeq().orElseThrow();
        assertThat(lastInput).isBetween(sent - 1, sent);
        // Confirms the token, so that only this one is good from here on.
        client.send(Frame.of(session, 0, FrameType.KEEPALIVE, Flags.ACK_NOW, Fields.none()));
        client.receive(FrameType.KEEPALIVE);
      }
      sent = lastInput + 1;
      byte[] resume = resumeFrame(session, token, 0, fields()).toBytes();
      var rest = new ByteArrayOutputStream();
      rest.writeBytes(data(session, sent, "input " + sent).toBytes());
      rest.writeBytes(Frame.of(session, 0, FrameType.KEEPALIVE, 0, Fields.none()).toBytes());
      length = resume.length + rest.size();
      try (TestClient client = client()) {
        client.send(Arrays.copyOf(resume, Math.min(cut, resume.length)));
        if (cut > resume.length) {
          token = token(client.receive(FrameType.RESUMED));
          int more = Math.min(cut - resume.length, rest.size());
          client.send(Arrays.copyOf(rest.toByteArray(), more));
        }
        // Else this RESUME may reach the session after the next one, and take it over.
        client.hangUp();
      }
      cut++;
    }
    try (TestClient client = client()) {
      client.send(resumeFrame(session, token, 0, fields()));
      Frame resumed = client.receive(FrameType.RESUMED);
      long last = resumed.fields().lastSeq().orElseThrow();
      if (last < sent) {
        client.send(data(session, sent, "input " + sent));
      }
      List<String> seen = new ArrayList<>();
      for (long i = 1; i <= sent; i++) {
        seen.add(text(client.receive(FrameType.DATA)));
      }
      assertThat(seen)
          .isEqualTo(IntStream.rangeClosed(1, (int) sent).mapToObj(i -> "input " + i).toList());
      assertThat(sent).isGreaterThan(5);
    }
  }
}
