package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.Props;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.TargetContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionSweepTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir static Path folder;

  private static TestDatabase database;
  private static JdbcSessionSummaries summaries;

  @BeforeAll
  static void startServer() {
    database = new TestDatabase(folder);
    summaries = new JdbcSessionSummaries(database.pool);
  }

  @AfterAll
  static void stopServer() {
    database.close();
  }

  @Test
  void aRunThatWasCutOffGoesOnAfterARestartWithoutADevice() throws InterruptedException {
    var clock = new ManualClock();
    SessionId cut = new SessionId(1);
    SessionId idle = new SessionId(2);
    try (TestNode node = new TestNode(database, clock)) {
      node.connect(cut, "phone").says("start");
      node.connect(idle, "phone").says("stop");
      await().atMost(LIMIT).until(() -> summaries.openRuns(Optional.empty(), 10).contains(cut));
      await().atMost(LIMIT).until(() -> summaries.find(Principal.LOCAL, idle).isPresent());
    }

    try (TestNode node = new TestNode(database, clock)) {
      sweep(node, clock, Duration.ofHours(1));

      TargetContext life = node.target.lives.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(life).isNotNull();
      assertThat(life.id()).isEqualTo(cut);
      assertThat(node.target.lives).isEmpty();
    }
  }

  @Test
  void inputThatNobodyHasTakenWakesItsSessionAfterARestart() throws InterruptedException {
    var clock = new ManualClock();
    SessionId id = new SessionId(5);
    try (TestNode node = new TestNode(database, clock)) {
      node.connect(id, "phone").says("wait");
      await().atMost(LIMIT).until(() -> summaries.openRuns(Optional.empty(), 10).contains(id));
    }

    try (TestNode node = new TestNode(database, clock)) {
      sweep(node, clock, Duration.ofHours(1));

      TargetContext life = node.target.lives.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
      while (life != null && !life.id().equals(id)) {
        life = node.target.lives.poll(LIMIT.toSeconds(), TimeUnit.SECONDS); // of another test
      }
      assertThat(life).isNotNull();
      node.sessions.tell(id, new SessionCommand.Close(Principal.LOCAL, node.system.ignoreRef()));
      await()
          .atMost(LIMIT)
          .until(() -> summaries.openRuns(Optional.empty(), 10).stream().noneMatch(id::equals));
    }
  }

  @Test
  void aSessionEndsWhenItsTimeWithoutADeviceIsOver() {
    var clock = new ManualClock();
    SessionId brief = new SessionId(3);
    SessionId attended = new SessionId(4);
    try (TestNode node = new TestNode(database, clock)) {
      node.connect(brief, "phone").suspends(Duration.ofMinutes(1));
      node.connect(
          attended,
          "phone",
          Principal.LOCAL,
          Optional.of("key:attended"),
          Optional.of(Duration.ofMinutes(1)));
      await()
          .atMost(LIMIT)
          .until(() ->
              summaries
                  .find(Principal.LOCAL, brief)
                  .filter(s -> s.expiry().equals(Duration.ofMinutes(1)))
                  .isPresent());
      await().atMost(LIMIT).until(() -> summaries.find(Principal.LOCAL, attended).isPresent());
      sweep(node, clock, Duration.ofMillis(100));
      clock.advance(Duration.ofMinutes(2));

      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(summaries.find(Principal.LOCAL, brief).orElseThrow().endedReason())
                  .contains("expired"));
      assertThat(summaries.dueToExpire(clock.instant(), Optional.empty(), 10))
          .contains(attended)
          .doesNotContain(brief);
      assertThat(summaries.find(Principal.LOCAL, attended).orElseThrow().state())
          .isEqualTo(SessionSummary.State.OPEN);
    }
  }

  private static void sweep(TestNode node, ManualClock clock, Duration interval) {
    node.system.systemActorOf(
        SessionSweep.create(summaries, node.sessions, clock, () -> interval),
        "session-sweep",
        Props.empty());
  }
}
