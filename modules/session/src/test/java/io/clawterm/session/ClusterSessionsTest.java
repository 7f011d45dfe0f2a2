package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.persistence.query.PersistenceQuery;
import akka.persistence.testkit.PersistenceTestKitPlugin;
import akka.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import akka.persistence.testkit.query.javadsl.PersistenceTestKitReadJournal;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Sessions and their directory in a cluster of one node. */
class ClusterSessionsTest {

  private static final ActorTestKit KIT =
      ActorTestKit.create(
          "cluster-sessions",
          ConfigFactory.parseString(
                  """
                  akka.actor.provider = cluster
                  akka.remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                  akka.cluster.jmx.multi-mbeans-in-same-jvm = on
                  akka.cluster.sharding.passivation.default-idle-strategy.idle-entity.timeout = 500 ms
                  """)
              .withFallback(PersistenceTestKitPlugin.getInstance().config())
              .withFallback(PersistenceTestKitSnapshotPlugin.config())
              .withFallback(ConfigFactory.load()));
  private static final ManualClock CLOCK = new ManualClock();
  private static final ScriptedTarget TARGET = new ScriptedTarget(Target.InputStyle.MESSAGES);
  private static final Sessions SESSIONS = start();
  private static final Principal ANN = new Principal("acme", "ann");

  private static Sessions start() {
    Cluster cluster = Cluster.get(KIT.system());
    cluster.manager().tell(Join.create(cluster.selfMember().address()));
    var environment =
        new SessionEnvironment(
            TestNode.settings(),
            (owner, name) -> new Targets.Found.Available(TARGET),
            new JournalSessionLog(
                PersistenceQuery.get(KIT.system())
                    .getReadJournalFor(
                        PersistenceTestKitReadJournal.class,
                        PersistenceTestKitReadJournal.Identifier())),
            (persistenceId, upTo) -> CompletableFuture.runAsync(() -> {}),
            CLOCK,
            SessionMetrics.NONE);
    return ClusterSessions.start(KIT.system(), environment, new ResumeTokens(new byte[32]));
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void withoutKeyAndNonceEachConnectIsAnotherSession() {
    assertThat(resolve(Optional.empty(), Optional.empty(), Optional.empty()))
        .isNotEqualTo(resolve(Optional.empty(), Optional.empty(), Optional.empty()));
  }

  @Test
  void aKeyLeadsToOneSessionAlsoForTwoWhoComeAtOnce() {
    CompletionStage<SessionId> first = ask("agent:main:main", ANN);
    CompletionStage<SessionId> second = ask("agent:main:main", ANN);

    assertThat(await(first)).isEqualTo(await(second));
    assertThat(await(ask("agent:main:main", ANN))).isEqualTo(await(first));
    assertThat(await(ask("agent:main:main", new Principal("other", "ann"))))
        .isNotEqualTo(await(first));
  }

  @Test
  void everyKeyThatAClientMayUseIsResolved() {
    var all = new StringBuilder();
    for (char c = 0x21; c <= 0x7e; c++) {
      all.append(c);
    }
    String key = all.toString();
    assertThat(Sessions.isUsableKey(key)).isTrue();

    assertThat(await(ask(key, ANN))).isEqualTo(await(ask(key, ANN)));
    assertThat(await(ask("x".repeat(160), ANN))).isEqualTo(await(ask("x".repeat(160), ANN)));
    assertThat(Sessions.isUsableKey("x".repeat(161))).isFalse();
    assertThat(Sessions.isUsableKey("")).isFalse();
    assertThat(Sessions.isUsableKey("with space")).isFalse();
    assertThat(Sessions.isUsableKey(SessionKeys.ofNonce(ANN, "00"))).isFalse();
  }

  @Test
  void aKeyIsBoundAnewOnlyWhenItsSessionIsTheOneThatTurnedOutClosed() {
    SessionId closed = await(ask("cron:1", ANN));

    SessionId next = resolve(Optional.of("cron:1"), Optional.empty(), Optional.of(closed));
    SessionId late = resolve(Optional.of("cron:1"), Optional.empty(), Optional.of(closed));

    assertThat(next).isNotEqualTo(closed);
    assertThat(late).isEqualTo(next);
  }

  @Test
  void aNonceLeadsToItsSessionForTenMinutes() {
    Optional<String> nonce = Optional.of("0123456789abcdef0123456789abcdef");
    SessionId first = resolve(Optional.empty(), nonce, Optional.empty());
    CLOCK.advance(Duration.ofMinutes(9));
    assertThat(resolve(Optional.empty(), nonce, Optional.empty())).isEqualTo(first);
    assertThat(
            await(
                SESSIONS.resolve(
                    new Principal("acme", "eve"), Optional.empty(), nonce, Optional.empty())))
        .isNotEqualTo(first);

    CLOCK.advance(Duration.ofMinutes(1));

    assertThat(resolve(Optional.empty(), nonce, Optional.empty())).isNotEqualTo(first);
  }

  @Test
  void anAttachedDeviceStaysAttachedThoughItIsSilent() {
    TestProbe<DeviceMessage> edge = KIT.createTestProbe();
    SessionId id = resolve(Optional.empty(), Optional.empty(), Optional.empty());

    SESSIONS.tell(
        id,
        new SessionCommand.Connect(
            ANN,
            "agent:main",
            Optional.empty(),
            Optional.empty(),
            new Attachment(1, "laptop", edge.getRef(), Mode.TAKE_OVER, 1_000, Optional.empty())));

    edge.expectMessageClass(DeviceMessage.Attached.class, Duration.ofSeconds(10));
    edge.expectNoMessage(Duration.ofMillis(1_500));
  }

  private static CompletionStage<SessionId> ask(String key, Principal principal) {
    return SESSIONS.resolve(principal, Optional.of(key), Optional.empty(), Optional.empty());
  }

  private static SessionId resolve(
      Optional<String> key, Optional<String> nonce, Optional<SessionId> unlike) {
    return await(SESSIONS.resolve(ANN, key, nonce, unlike));
  }

  private static SessionId await(CompletionStage<SessionId> answer) {
    return answer.toCompletableFuture().orTimeout(10, TimeUnit.SECONDS).join();
  }
}
