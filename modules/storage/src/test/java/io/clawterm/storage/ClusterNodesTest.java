package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.ds.PGSimpleDataSource;

class ClusterNodesTest {

  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final DatabaseSettings SETTINGS = DatabaseSettings.defaults();

  private static final String EVENT =
      """
      INSERT INTO clawterm.event_journal
        (persistence_id, sequence_number, writer, event_ser_id, event_ser_manifest, event_payload)
      VALUES ('%s', %d, 'w', 1, '', '')
      """;

  @TempDir static Path folder;

  private static EmbeddedPostgres server;
  private static DataSource single;
  private static ClusterNodes nodes;

  @BeforeAll
  static void startServer() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    single = Databases.connect(server.target(), SETTINGS);
    Migrations.run(single);
    nodes = new ClusterNodes(single);
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @Test
  void aLifeIsAWriterFromItsRegistrationToItsEnd() {
    NodeLease lease = lease();
    lease.describe("10.0.0.1:25520", 7, "10.0.0.1:7220");
    joined(lease);

    ClusterNode known =
        nodes.writers().stream()
            .filter(node -> node.number() == lease.number())
            .findFirst()
            .orElseThrow();
    assertThat(known)
        .isEqualTo(
            new ClusterNode(
                lease.number(),
                "test",
                "1",
                "10.0.0.1:25520",
                7,
                "10.0.0.1:7220",
                true,
                true,
                false,
                known.startedAt()));
    assertThat(known.startedAt()).isCloseTo(Instant.now(), within(1, ChronoUnit.MINUTES));
    assertThat(lease.skew().abs()).isLessThan(Duration.ofSeconds(5));
    lease.close();
    assertThat(nodes.writers()).noneMatch(node -> node.number() == lease.number());
  }

  @Test
  void aLifeIsToldThatItIsToDrainAndSoAreTheOthers() {
    NodeLease lease = lease();
    try (NodeLease other = lease()) {
      lease.describe("10.0.0.9:25520", 9, "");
      List<Boolean> told = new CopyOnWriteArrayList<>();
      lease.whenDrains(told::add);

      assertThat(nodes.drain(lease.number(), true)).isTrue();
      await().atMost(LIMIT).until(() -> told.equals(List.of(true)));
      await().atMost(LIMIT).until(() -> other.draining().contains("10.0.0.9:25520 9"));
      assertThat(nodes.writers())
          .anyMatch(node -> node.number() == lease.number() && node.draining());

      assertThat(nodes.drain(lease.number(), false)).isTrue();
      await().atMost(LIMIT).until(() -> told.equals(List.of(true, false)));
      await().atMost(LIMIT).until(() -> !other.draining().contains("10.0.0.9:25520 9"));
      lease.close();
      assertThat(nodes.drain(lease.number(), true)).as("it is over").isFalse();
    }
  }

  /** As it is when a machine sleeps, whose clock that counts what it does sleeps too. */
  @Test
  void aLifeMayNotActWhileTheDatabaseHasNotConfirmedItForLong() throws Exception {
    var now = new AtomicReference<>(Instant.now());
    try (NodeLease lease = NodeLease.acquire(single, now::get, "test", "1")) {
      assertThat(lease.state().mayAct()).isTrue();
      try (Connection connection = single.getConnection();
          Statement statement = connection.createStatement()) {
        connection.setAutoCommit(false);
        statement.execute("LOCK TABLE clawterm.cluster_node IN ACCESS EXCLUSIVE MODE");
        now.updateAndGet(at -> at.plusSeconds(6));

        // A beat may have been on its way before the lock. After 5 s any clock would say so.
        await().atMost(Duration.ofSeconds(4)).until(() -> !lease.state().mayAct());

        assertThat(lease.isHeld()).as("nobody has taken over").isTrue();
        connection.rollback();
      }
      await().atMost(LIMIT).until(() -> lease.state().mayAct());
    }
  }

  @Test
  void theRightToActEndsWithTheLeaseAndBeforeOthersMayTakeIt() {
    LeaseState five = confirmed(true, Duration.ofSeconds(5));
    LeaseState more = confirmed(true, Duration.ofMillis(5_001));
    LeaseState lost = confirmed(false, Duration.ZERO);

    assertThat(five.mayAct()).isTrue();
    assertThat(more.mayAct()).isFalse();
    assertThat(lost.mayAct()).isFalse();
  }

  private static LeaseState confirmed(boolean held, Duration ago) {
    return new LeaseState(1, held, ago, Duration.ZERO, Duration.ZERO, Duration.ofSeconds(60));
  }

  @Test
  void aFencedLifeWritesNothingAndIsTold() throws Exception {
    try (NodeLease stale = lease();
        NodeLease other = lease();
        HikariDataSource pool = Databases.pool(single, SETTINGS, stale.number())) {
      var told = new CountDownLatch(1);
      stale.whenLost(told::countDown);
      Sql.execute(pool, EVENT.formatted("fenced", 1));

      assertThat(nodes.fence(stale.number(), other.number())).isTrue();

      assertThatThrownBy(() -> Sql.execute(pool, EVENT.formatted("fenced", 2)))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("node " + stale.number() + " is fenced");
      assertThat(told.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(stale.isHeld()).isFalse();
      assertThat(nodes.fence(other.number(), stale.number()))
          .as("the dead fences nobody")
          .isFalse();
      assertThat(other.isHeld()).isTrue();
    }
  }

  /** Checked before the fence and committed after it: that must not be. */
  @Test
  void aWriteThatIsUnderWayDoesNotOutliveTheFence() throws Exception {
    try (NodeLease stale = lease();
        NodeLease other = lease();
        HikariDataSource pool = Databases.pool(single, SETTINGS, stale.number());
        Connection writing = pool.getConnection()) {
      writing.setAutoCommit(false);
      try (var insert = writing.createStatement()) {
        insert.execute(EVENT.formatted("underway", 1));
      }

      assertThat(nodes.fence(stale.number(), other.number())).isTrue();

      assertThatThrownBy(writing::commit).isInstanceOf(SQLException.class);
      assertThat(
              Sql.value(
                  single,
                  "SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'underway'"))
          .isEqualTo("0");
    }
  }

  @Test
  void onlyALifeWithoutItsLockIsTakenForCrashed() throws Exception {
    NodeLease lease = lease();
    try (NodeLease other = lease()) {
      assertThat(nodes.fenceIfGone(lease.number(), other.number())).isFalse();
      assertThat(lease.isHeld()).isTrue();

      // As a crash does; then the lease takes its lock again, unless somebody was faster.
      Sql.execute(
          single,
          "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = "
              + lease.number());
      boolean fenced = nodes.fenceIfGone(lease.number(), other.number());
      if (fenced) {
        await().atMost(LIMIT).until(() -> !lease.isHeld());
      } else {
        await()
            .atMost(LIMIT)
            .until(() ->
                nodes.writers().stream()
                    .anyMatch(node -> node.number() == lease.number() && node.connected()));
      }
    } finally {
      lease.close();
    }
  }

  @Test
  void ofTwoThatFenceEachOtherOneIsLeft() throws Exception {
    for (int round = 0; round < 5; round++) {
      try (NodeLease one = lease();
          NodeLease two = lease()) {
        List<NodeLease> both = List.of(one, two);
        List<Boolean> done =
            IntStream.range(0, 2)
                .parallel()
                .mapToObj(i -> nodes.fence(both.get(1 - i).number(), both.get(i).number()))
                .toList();

        assertThat(done).containsOnlyOnce(true);
      }
    }
  }

  @Test
  void aConnectionThatNamesAnUnknownLifeWritesNothing() {
    try (HikariDataSource pool = Databases.pool(single, SETTINGS, 1_000_000)) {
      assertThatThrownBy(() -> Sql.execute(pool, EVENT.formatted("unknown", 1)))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("fenced");
    }
  }

  @Test
  void aLeaseHasOneOwnerAndItsEpochGrowsWithEachNewOne() {
    var leases = new Leases(single);

    assertThat(leases.take("split", "a", Duration.ofMinutes(1))).isEqualTo(OptionalLong.of(1));
    assertThat(leases.take("split", "a", Duration.ofMinutes(1))).isEqualTo(OptionalLong.of(1));
    assertThat(leases.take("split", "b", Duration.ofMinutes(1))).isEmpty();
    leases.giveUp("split", "b");
    assertThat(leases.take("split", "b", Duration.ofMinutes(1))).isEmpty();
    leases.giveUp("split", "a");
    assertThat(leases.take("split", "b", Duration.ofMillis(1))).isEqualTo(OptionalLong.of(2));
    await()
        .atMost(LIMIT)
        .until(() -> leases.take("split", "a", Duration.ofMinutes(1)).equals(OptionalLong.of(3)));
  }

  @Test
  void oneNodeAtATimeLooksForACluster() {
    try (var first = FormationLock.await(single, LIMIT)) {
      assertThat(first).isNotNull();
      assertThatThrownBy(() -> FormationLock.await(single, Duration.ofMillis(50)))
          .isInstanceOf(StorageException.class);
    }
    FormationLock.await(single, LIMIT).close();
  }

  @Test
  void whoComesNextSeesThatTheOneBeforeHasJoined() {
    NodeLease lease = lease();
    try (var first = FormationLock.await(single, LIMIT)) {
      first.joined(lease.number());
      try (var next = FormationLock.await(single, Duration.ofMillis(50))) {
        assertThat(next).isNotNull();
        assertThat(nodes.writers())
            .anyMatch(node -> node.number() == lease.number() && node.joined());
      }
    }
    lease.close();
    try (var late = FormationLock.await(single, LIMIT)) {
      assertThatThrownBy(() -> late.joined(lease.number())).hasMessageContaining("was fenced");
    }
  }

  @Test
  void exactlyTheLifeWithTheUidIsFenced() {
    try (NodeLease before = lease();
        NodeLease now = lease();
        NodeLease other = lease()) {
      before.describe("10.0.0.2:25520", 1, "");
      now.describe("10.0.0.2:25520", 2, "");

      assertThat(nodes.fence("10.0.0.2:25520", 1, other.number())).isTrue();
      assertThat(nodes.mayWrite(before.number())).isFalse();
      assertThat(nodes.mayWrite(now.number())).isTrue();
      assertThat(nodes.fence("10.0.0.3:25520", 1, other.number())).as("unknown").isTrue();
      assertThat(nodes.fence("10.0.0.3:25520", 1, before.number())).as("by the dead").isFalse();
    }
  }

  @Test
  void aConnectionThatNamesNobodyWritesNothing() {
    assertThatThrownBy(() -> Sql.execute(single, EVENT.formatted("unnamed", 1)))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("does not say which node");
  }

  @Test
  void aServerThatKeepsASessionToOneConnectionIsFit() {
    Databases.requireSessions(single);
  }

  @Test
  void aClockThatGoesWrongLaterShowsAtTheNextBeat() {
    var clock = new AtomicReference<>(Clock.systemUTC());
    try (NodeLease lease = NodeLease.acquire(single, () -> clock.get().instant(), "test", "1")) {
      lease.watchClock(Duration.ofSeconds(60));
      assertThat(lease.state().isClockRight()).isTrue();

      clock.set(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(-5)));

      await().atMost(LIMIT).until(() -> !lease.state().isClockRight());
      assertThat(lease.state().clockSkew())
          .isCloseTo(Duration.ofMinutes(-5), Duration.ofSeconds(20));
      assertThat(lease.isHeld()).isTrue();

      clock.set(Clock.systemUTC());

      await().atMost(LIMIT).until(() -> lease.state().isClockRight());
    }
  }

  @Test
  void aLifeThatTheDatabaseDoesNotAnswerIsInDangerUntilItDoes() throws Exception {
    var database = (PGSimpleDataSource) Sql.on(server);
    int[] ports = database.getPortNumbers();
    try (NodeLease lease = NodeLease.acquire(database, Clock.systemUTC(), "test", "1")) {
      assertThat(lease.state().isInDanger()).isFalse();

      database.setPortNumbers(new int[] {1});
      Sql.execute(
          single,
          "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = "
              + lease.number());

      await().atMost(LIMIT).until(() -> lease.state().isInDanger());
      assertThat(lease.isHeld()).as("nobody has taken over").isTrue();

      database.setPortNumbers(ports);

      await().atMost(LIMIT).until(() -> !lease.state().isInDanger());
    }
  }

  private static void joined(NodeLease lease) {
    try (var turn = FormationLock.await(single, LIMIT)) {
      turn.joined(lease.number());
    }
  }

  private static NodeLease lease() {
    return NodeLease.acquire(single, Clock.systemUTC(), "test", "1");
  }
}
