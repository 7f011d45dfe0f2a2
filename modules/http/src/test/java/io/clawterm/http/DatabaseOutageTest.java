package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.session.LogEntry;
import io.clawterm.session.SessionMetrics;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import io.clawterm.testkit.FaultProxy;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node whose database dies, stalls, or has a full disk. It is here because this is the lowest
 * module that sees both sessions and storage.
 */
class DatabaseOutageTest {

  private static final Logger LOG = LoggerFactory.getLogger(DatabaseOutageTest.class);

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Duration STALL = Duration.ofSeconds(Integer.getInteger("stall.seconds", 12));

  /** What a device waits at most until it is told to come back. */
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(15);

  /** From the return of the database to the first acknowledgement. */
  private static final Duration BACK_WITHIN = Duration.ofSeconds(10);

  private static final Duration MOMENT = Duration.ofMillis(20);

  @TempDir Path folder;
  private int words;

  @Test
  void aDatabaseThatIsKilledLosesNothingAndComesBack() throws IOException {
    try (EmbeddedPostgres server = start(folder);
        HikariDataSource pool = open(server);
        TestNode node = new TestNode(pool, InstantSource.system(), SessionMetrics.NONE)) {
      PersistentDevice device = deviceInFullStream(node, new SessionId(1));

      kill("KILL", List.of(postmaster(folder)));
      long killed = System.nanoTime();
      saysUntil(device, () -> device.refusals.contains(Code.OVERLOADED));
      saysUntil(device, () -> server.restarts() == 1);
      long restarted = System.nanoTime();
      int before = device.acknowledged();
      saysUntil(device, () -> device.acknowledged() > before);

      report("killed", device, killed, restarted);
      assertThat(System.nanoTime() - restarted).isLessThan(BACK_WITHIN.toNanos());
      assertAllIsThereOnce(node, device);
    }
  }

  @Test
  void aDatabaseThatStallsIsAnsweredInTimeAndComesBack() throws IOException {
    try (EmbeddedPostgres server = start(folder);
        HikariDataSource pool = open(server);
        TestNode node = new TestNode(pool, InstantSource.system(), SessionMetrics.NONE)) {
      PersistentDevice device = deviceInFullStream(node, new SessionId(2));
      PersistentDevice other = deviceInFullStream(node, new SessionId(3));
      List<Long> processes = serverProcesses(folder);

      kill("STOP", processes);
      long stalled = System.nanoTime();
      device.act(Duration.ofMillis(100));
      int before = device.acknowledged();
      try {
        while (System.nanoTime() - stalled < STALL.toNanos()) {
          says(device);
          other.act(MOMENT);
        }
        assertThat(device.acknowledged()).isEqualTo(before);
        assertThat(device.refusals).isNotEmpty().containsOnly(Code.OVERLOADED);
        assertThat(device.longestWait()).isLessThan(ANSWER_WITHIN);
      } finally {
        kill("CONT", processes);
      }
      long back = System.nanoTime();
      saysUntil(device, () -> device.acknowledged() > before);

      report("stalled", device, stalled, back);
      assertThat(System.nanoTime() - back).isLessThan(BACK_WITHIN.toNanos());
      assertThat(server.restarts()).isZero();
      assertAllIsThereOnce(node, device);
      assertAllIsThereOnce(node, other);
    }
  }

  @Test
  void aDatabaseThatIsSlowForEachQuestionShowsUntilItIsQuickAgain() {
    try (EmbeddedPostgres server = start(folder);
        HikariDataSource pool = open(server)) {
      PGSimpleDataSource database = new PGSimpleDataSource();
      database.setUrl(server.target().url());
      database.setUser(server.target().user());
      database.setPassword(server.target().password().value());
      try (FaultProxy way = FaultProxy.to(database.getPortNumbers()[0])) {
        database.setPortNumbers(new int[] {way.port()});
        try (NodeLease lease = NodeLease.acquire(database, Clock.systemUTC(), "test", "1")) {
          assertThat(pool.isRunning()).isTrue();
          await().atMost(LIMIT).until(() -> !lease.state().isSlow());

          way.slow(Duration.ofMillis(300));
          await().atMost(LIMIT).until(() -> lease.state().isSlow());
          assertThat(lease.state().isInDanger()).isFalse();

          way.flow();
          await().atMost(LIMIT).until(() -> !lease.state().isSlow());
        }
      }
    }
  }

  @Test
  void aFullDiskRefusesInputAndLosesNothing() throws IOException, SQLException {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeThat(succeeds("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", disk.toString()))
        .as("a small file system can be mounted, which needs root")
        .isTrue();
    try {
      Path data = disk.resolve("postgres");
      String events;
      try (EmbeddedPostgres server = start(data);
          HikariDataSource pool = open(server)) {
        try (TestNode node = new TestNode(pool, InstantSource.system(), SessionMetrics.NONE)) {
          PersistentDevice device = deviceInFullStream(node, new SessionId(4));

          node.disk.isIn(data);
          assertThat(node.disk.state().isFull()).isFalse();

          Path filler = disk.resolve("filler");
          fill(filler);
          // Its log has some room left: the server still runs, and says what is wrong.
          saysUntil(device, () -> node.disk.refusals() > 0);
          useUpLog(pool);
          fill(filler);
          long full = System.nanoTime();
          saysUntil(device, () -> device.refusals.contains(Code.OVERLOADED));
          Path log = data.resolve("log").resolve("postgres.log");
          int before = device.acknowledged();
          long end = System.nanoTime() + Duration.ofSeconds(8).toNanos();
          while (System.nanoTime() < end) {
            says(device);
          }
          assertThat(device.acknowledged()).as("acknowledged on a full disk").isEqualTo(before);
          assertThat(device.longestWait()).isLessThan(ANSWER_WITHIN);
          assertThat(node.disk.state().isFull()).as("the full disk shows").isTrue();
          LOG.atWarn()
              .addKeyValue("panic", Files.readString(log).contains("PANIC"))
              .addKeyValue("restarts", server.restarts())
              .addKeyValue("refusedForLackOfRoom", node.disk.refusals())
              .log("The disk was full");
          Files.delete(filler);
          long freed = System.nanoTime();
          int atLast = device.acknowledged();
          saysUntil(device, () -> device.acknowledged() > atLast);

          report("full", device, full, freed);
          assertThat(System.nanoTime() - freed).isLessThan(BACK_WITHIN.toNanos());
          assertAllIsThereOnce(node, device);
        }
        events = events(pool);
      }
      assertFilesAreSound(data, events);
    } finally {
      assertThat(succeeds("umount", "--lazy", disk.toString())).isTrue();
    }
  }

  private static final String EVENTS =
      "SELECT count(*) || ' ' || md5(string_agg(persistence_id || sequence_number, ' '))"
          + " FROM (SELECT persistence_id, sequence_number FROM clawterm.event_journal"
          + " ORDER BY persistence_id, sequence_number) e";

  private static String events(HikariDataSource pool) throws SQLException {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      return text(statement, EVENTS);
    }
  }

  /**
   * A server that has just started reads each page of all tables from its file and holds it against
   * its checksum; by its index the journal has the events that it has without, and had before.
   */
  private static void assertFilesAreSound(Path data, String before) throws SQLException {
    try (EmbeddedPostgres server = start(data);
        HikariDataSource pool = open(server);
        Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      assertThat(text(statement, "SHOW data_checksums")).isEqualTo("on");
      String tables =
          """
          SELECT 'SELECT sum(n) FROM (' || string_agg(
              format('SELECT coalesce(sum(length(t::text)), 0) AS n FROM %s t', oid::regclass),
              ' UNION ALL ') || ') s'
          FROM pg_class WHERE relkind = 'r' AND relnamespace = 'clawterm'::regnamespace
          """;
      assertThat(text(statement, text(statement, tables))).isNotNull();
      assertThat(text(statement, EVENTS)).isNotNull().isEqualTo(before);
      statement.execute("SET enable_indexscan = off; SET enable_indexonlyscan = off");
      assertThat(text(statement, EVENTS)).isEqualTo(before);
      statement.execute("RESET ALL; SET enable_seqscan = off; SET enable_sort = off");
      assertThat(text(statement, EVENTS)).isEqualTo(before);
    }
  }

  private static String text(Statement statement, String query) throws SQLException {
    try (ResultSet row = statement.executeQuery(query)) {
      assertThat(row.next()).isTrue();
      return row.getString(1);
    }
  }

  private static EmbeddedPostgres start(Path folder) {
    return EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
  }

  private static HikariDataSource open(EmbeddedPostgres server) {
    HikariDataSource pool = Databases.open(server.target(), DatabaseSettings.defaults());
    Migrations.run(pool);
    return pool;
  }

  private PersistentDevice deviceInFullStream(TestNode node, SessionId id) {
    PersistentDevice device = new PersistentDevice(node, id);
    saysUntil(device, () -> device.acknowledged() >= 50);
    return device;
  }

  private void says(PersistentDevice device) {
    device.says("word " + ++words + " " + "x".repeat(1_000));
    device.act(MOMENT);
  }

  private void saysUntil(PersistentDevice device, BooleanSupplier condition) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime())
          .as(() -> "acknowledged " + device.acknowledged() + ", refused " + device.refusals)
          .isLessThan(end);
      says(device);
    }
  }

  /** The log as the device has it, and as the journal has it. */
  private static void assertAllIsThereOnce(TestNode node, PersistentDevice device) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (device.heard().size() < device.sent.size() && System.nanoTime() < end) {
      device.act(MOMENT);
    }
    assertThat(device.acknowledged()).isEqualTo(device.sent.size());
    // None where the device asked for nothing during the outage.
    assertThat(device.refusals).isSubsetOf(Code.OVERLOADED);
    assertThat(device.heard()).isEqualTo(device.sent);
    List<String> stored = new ArrayList<>();
    for (LogEntry entry : node.logOf(device.id())) {
      assertThat(entry.entry()).isEqualTo(device.log.get((int) entry.number() - 1));
      stored.add(new String(entry.entry().body().unsafeArray(), StandardCharsets.UTF_8));
    }
    assertThat(stored).hasSize(device.log.size());
    for (String word : device.sent) {
      assertThat(stored.stream().filter(text -> text.equals("heard " + word))).hasSize(1);
    }
  }

  private static void report(String what, PersistentDevice device, long from, long back) {
    long now = System.nanoTime();
    LOG.atWarn()
        .addKeyValue("outage", what)
        .addKeyValue("lastedMillis", TimeUnit.NANOSECONDS.toMillis(back - from))
        .addKeyValue("serviceAfterMillis", TimeUnit.NANOSECONDS.toMillis(now - back))
        .addKeyValue("longestWaitMillis", device.longestWait().toMillis())
        .addKeyValue("refusals", device.refusals.size())
        .log("The database was away");
  }

  private static void fill(Path file) throws IOException {
    byte[] block = new byte[1 << 12];
    try (OutputStream out =
        Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left on device");
    }
  }

  /** Segments of the write-ahead log that are there already would take some more megabytes. */
  private static void useUpLog(HikariDataSource pool) {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      for (int i = 0; i < 20; i++) {
        statement.execute("SELECT pg_logical_emit_message(true, '', 'x'), pg_switch_wal()");
      }
    } catch (SQLException e) {
      LOG.atWarn().addKeyValue("state", String.valueOf(e.getSQLState())).log("The log is used up");
    }
  }

  private static long postmaster(Path folder) throws IOException {
    Path file = folder.resolve("data").resolve("postmaster.pid");
    return Long.parseLong(Files.readAllLines(file).get(0).strip());
  }

  private static List<Long> serverProcesses(Path folder) throws IOException {
    long postmaster = postmaster(folder);
    List<Long> processes = new ArrayList<>(List.of(postmaster));
    ProcessHandle.of(postmaster)
        .orElseThrow()
        .children()
        .map(ProcessHandle::pid)
        .forEach(processes::add);
    return processes;
  }

  private static void kill(String signal, List<Long> processes) throws IOException {
    List<String> command = new ArrayList<>(List.of("kill", "-" + signal));
    processes.forEach(process -> command.add(String.valueOf(process)));
    assertThat(succeeds(command.toArray(String[]::new))).isTrue();
  }

  private static boolean succeeds(String... command) throws IOException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    return process.onExit().join().exitValue() == 0;
  }
}
