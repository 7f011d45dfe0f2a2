package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.cluster.typed.Leave;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import io.clawterm.session.TargetContext;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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

  @Test
  void theLossOfAMemberLeadsToASweepLongBeforeTheNextOne() throws InterruptedException {
    SessionId open = new SessionId(6);
    try (TestNode node = new TestNode(database, new ManualClock())) {
      node.connect(open, "phone").says("start");
      await().atMost(LIMIT).until(() -> summaries.openRuns(Optional.empty(), 10).contains(open));
      // It runs no shards, on which the node's own would wait: so it comes after them.
      var neighbour = new Neighbour(node);
      var woken = new Woken();
      node.system.systemActorOf(
          SessionSweep.create(summaries, woken, Clock.systemUTC(), () -> Duration.ofHours(1)),
          "session-sweep",
          Props.empty());
      await().atMost(LIMIT).until(() -> woken.times(open) == 1);

      neighbour.leaves();

      await().atMost(LIMIT).until(() -> woken.times(open) > 1);
      neighbour.system().terminate();
    }
  }

  /** After the death of a node there may be thousands, and running sessions have to go on. */
  @Test
  void manyRunsAreTakenUpAFewAtATime() {
    int count = 2 * SessionSweep.PART + 1;
    var runs = new Runs(count, SessionSweep.PART + 1);
    var woken = new Woken();
    try (TestNode node = new TestNode(database, new ManualClock())) {
      node.system.systemActorOf(
          SessionSweep.create(runs, woken, Clock.systemUTC(), () -> Duration.ofHours(1)),
          "session-sweep",
          Props.empty());
      await().atMost(LIMIT).until(() -> woken.all.size() >= count);

      assertThat(woken.all).hasSize(count).doesNotHaveDuplicates();
      assertThat(runs.lookedAt).hasSize(3);
      for (int i = 1; i < runs.lookedAt.size(); i++) {
        assertThat(Duration.ofNanos(runs.lookedAt.get(i) - runs.lookedAt.get(i - 1)))
            .isGreaterThanOrEqualTo(SessionSweep.PAUSE);
      }
    }
  }

  /** Another member of a node's cluster. */
  private record Neighbour(ActorSystem<?> system) {

    Neighbour(TestNode node) {
      this(
          ActorSystem.create(
              Behaviors.empty(), node.system.name(), node.system.settings().config()));
      Cluster cluster = Cluster.get(system);
      cluster.manager().tell(Join.create(Cluster.get(node.system).selfMember().address()));
      await().atMost(LIMIT).until(() -> cluster.selfMember().status().equals(MemberStatus.up()));
    }

    void leaves() {
      Cluster cluster = Cluster.get(system);
      cluster.manager().tell(Leave.create(cluster.selfMember().address()));
    }
  }

  /** Open runs and others that stay due, and when the runs were looked up. */
  private static final class Runs implements SessionSummaries {

    private final List<SessionId> open;
    private final List<SessionId> due;
    private final List<Long> lookedAt = new CopyOnWriteArrayList<>();

    Runs(int open, int due) {
      this.open = sessions(open);
      this.due = sessions(due);
    }

    private static List<SessionId> sessions(int count) {
      return IntStream.rangeClosed(1, count).mapToObj(SessionId::new).toList();
    }

    private static List<SessionId> behind(
        Optional<SessionId> last, List<SessionId> all, int limit) {
      int from = last.map(all::indexOf).orElse(-1) + 1;
      return all.subList(from, Math.min(from + limit, all.size()));
    }

    @Override
    public List<SessionId> openRuns(Optional<SessionId> after, int limit) {
      lookedAt.add(System.nanoTime());
      return behind(after, open, limit);
    }

    @Override
    public List<SessionId> dueToExpire(Instant now, Optional<SessionId> after, int limit) {
      return behind(after, due, limit);
    }

    @Override
    public Page ofOwner(
        Principal owner, Optional<SessionSummary.State> state, Optional<Cursor> after, int limit) {
      throw new AssertionError("a sweep lists nobody's sessions");
    }

    @Override
    public Optional<SessionSummary> find(Principal owner, SessionId id) {
      throw new AssertionError("a sweep lists nobody's sessions");
    }

    @Override
    public List<SessionSummary> running(Principal owner, int limit) {
      throw new AssertionError("a sweep lists nobody's sessions");
    }

    @Override
    public Counts countsOf(Principal owner) {
      throw new AssertionError("a sweep lists nobody's sessions");
    }
  }

  /** Counts who is woken. */
  private static final class Woken implements Sessions {

    private final Queue<SessionId> all = new ConcurrentLinkedQueue<>();

    long times(SessionId session) {
      return all.stream().filter(session::equals).count();
    }

    @Override
    public void tell(SessionId session, SessionCommand command) {
      if (command instanceof SessionCommand.Wake) {
        all.add(session);
      }
    }

    @Override
    public boolean haveNode() {
      return true;
    }

    @Override
    public CompletionStage<SessionId> resolve(
        Principal principal,
        Optional<String> key,
        Optional<String> nonce,
        Optional<SessionId> unlike) {
      throw new AssertionError("a sweep looks nothing up");
    }

    @Override
    public ResumeTokens tokens() {
      throw new AssertionError("a sweep has no device");
    }
  }

  private static void sweep(TestNode node, ManualClock clock, Duration interval) {
    node.system.systemActorOf(
        SessionSweep.create(summaries, node.sessions, clock, () -> interval),
        "session-sweep",
        Props.empty());
  }
}
