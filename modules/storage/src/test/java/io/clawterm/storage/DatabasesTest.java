package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.config.Secret;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

class DatabasesTest extends OnDatabase {

  private static final DatabaseSettings SETTINGS = DatabaseSettings.defaults();

  /** Flyway's checksum of each script that was released, or is about to be: never edit one. */
  private static final Map<String, Integer> SCRIPTS =
      Map.of(
          "1",
          -696435191,
          "2",
          1547846901,
          "3",
          -1694781763,
          "4",
          -629518731,
          "5",
          -665257790,
          "6",
          -182470636);

  @Test
  void thePoolIsFullAndRewritesBatches() throws SQLException {
    Sql.awaitValue(
        pool,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clawterm'",
        String.valueOf(SETTINGS.connections()));
    Sql.execute(pool, "CREATE TABLE IF NOT EXISTS batch (number int)");

    try (Connection connection = pool.getConnection();
        var insert = connection.prepareStatement("INSERT INTO batch VALUES (?)")) {
      for (int i = 0; i < 3; i++) {
        insert.setInt(1, i);
        insert.addBatch();
      }
      // The driver can't tell the rows of a rewritten batch apart.
      assertThat(insert.executeBatch()).contains(Statement.SUCCESS_NO_INFO);
    }
  }

  @Test
  void aServerWithoutFsyncIsRefusedUnlessForced() throws SQLException {
    DatabaseSettings forced =
        new DatabaseSettings(8, Duration.ofSeconds(10), Duration.ofMinutes(1), true);
    fsync("off");
    try {
      assertThatThrownBy(() -> Databases.open(server.target(), SETTINGS))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("fsync=off");
      assertThatCode(() -> Databases.check(pool, forced)).doesNotThrowAnyException();
    } finally {
      fsync("on");
    }
    assertThatCode(() -> Databases.check(pool, SETTINGS)).doesNotThrowAnyException();
  }

  private static void fsync(String value) throws SQLException {
    Sql.execute(pool, "ALTER SYSTEM SET fsync = " + value);
    Sql.execute(pool, "SELECT pg_reload_conf()");
    Sql.awaitValue(pool, "SHOW fsync", value);
  }

  @Test
  void aServerThatAcknowledgesBeforeItHasWrittenIsRefused() throws SQLException {
    Sql.execute(pool, "ALTER ROLE CURRENT_USER SET synchronous_commit = off");
    try {
      assertThatThrownBy(() -> Databases.open(server.target(), SETTINGS))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("synchronous_commit=off");
    } finally {
      Sql.execute(pool, "ALTER ROLE CURRENT_USER RESET synchronous_commit");
    }
  }

  @Test
  void connectionsWithoutAutoCommitAreRefused() {
    var config = new HikariConfig();
    config.setDataSource(Sql.on(server));
    config.setAutoCommit(false);
    try (var hosts = new HikariDataSource(config)) {
      assertThatThrownBy(() -> Databases.check(hosts, SETTINGS))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("auto-commit");
    }
  }

  @Test
  void aServerThatIsTooOldIsRefused() {
    assertThatThrownBy(() -> Databases.requireVersion(13))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("PostgreSQL 13")
        .hasMessageContaining("14");
    assertThatCode(() -> Databases.requireVersion(14)).doesNotThrowAnyException();
  }

  @Test
  void aWrongPasswordIsRefusedWithoutShowingIt() {
    JdbcTarget wrong =
        new JdbcTarget(server.target().url(), server.target().user(), new Secret("gu3ss"));

    assertThatThrownBy(() -> Databases.open(wrong, SETTINGS))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("password")
        .hasCauseInstanceOf(SQLException.class)
        .message()
        .doesNotContain("gu3ss");
  }

  @Test
  void aServerThatDoesNotAnswerIsGivenUpInTime() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      JdbcTarget target =
          JdbcTarget.parse("postgresql://u:p@127.0.0.1:" + silent.getLocalPort() + "/d");
      DatabaseSettings hasty =
          new DatabaseSettings(2, Duration.ofSeconds(1), Duration.ofSeconds(1), false);

      assertThatThrownBy(() -> Databases.open(target, hasty)).isInstanceOf(StorageException.class);
    }
  }

  @Test
  void theSchemaIsMigratedOnceHoweverManyNodesStart() throws Exception {
    Path other = folder.resolveSibling(folder.getFileName() + "-fresh");
    try (EmbeddedPostgres fresh =
        EmbeddedPostgres.start(other, EmbeddedPostgresSettings.forTests())) {
      Together.times(
          3,
          () -> {
            Migrations.run(Sql.on(fresh));
            return true;
          });
      Migrations.run(Sql.on(fresh));

      assertThat(
              Sql.value(
                  Sql.on(fresh),
                  "SELECT count(*) FROM clawterm.schema_history WHERE version IS NOT NULL"))
          .isEqualTo(String.valueOf(Migrations.NEWEST));
      assertThat(
              Sql.value(
                  Sql.on(fresh),
                  "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"))
          .isEqualTo("0");
    } finally {
      Folders.delete(other);
    }
  }

  @Test
  void aSchemaOfALaterReleaseIsRefusedUnlessItIsAllowed() throws Exception {
    String later = String.valueOf(Migrations.NEWEST + 1);
    Sql.execute(
        pool,
        "INSERT INTO clawterm.schema_history (installed_rank, version, description, type, script,"
            + " checksum, installed_by, execution_time, success) SELECT 1000, '"
            + later
            + "', 'later', 'SQL', 'later', 0, 'x', 0, true");
    try {
      assertThat(Migrations.applied(pool)).isEqualTo(Migrations.NEWEST + 1);
      assertThatThrownBy(() -> Migrations.run(pool))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("of a later release: it has script " + later)
          .hasMessageContaining("clawterm.node.allow-newer-schema");
      Migrations.run(pool, true);
    } finally {
      Sql.execute(pool, "DELETE FROM clawterm.schema_history WHERE installed_rank = 1000");
    }
    Migrations.run(pool);
  }

  @Test
  void howQuickADatabaseIsAndWhatItsClockSaysIsMeasuredByWhomeverMayUseIt() throws Exception {
    Sql.execute(pool, "CREATE USER ordinary PASSWORD 'pw'");
    PGSimpleDataSource source = (PGSimpleDataSource) Sql.on(server);
    source.setUser("ordinary");
    source.setPassword("pw");
    Clock hourBehind = Clock.offset(Clock.systemUTC(), Duration.ofHours(-1));
    String before = Sql.value(pool, "SELECT pg_current_wal_flush_lsn()");

    DatabaseMeasurement measured = DatabaseMeasurement.of(source, hourBehind);

    assertThat(measured.clockSkew()).isCloseTo(Duration.ofHours(-1), Duration.ofSeconds(20));
    assertThat(measured.roundTrip()).isPositive();
    assertThat(measured.commit()).isPositive();
    assertThat(Sql.value(pool, "SELECT pg_current_wal_flush_lsn() > '" + before + "'"))
        .as("it has committed")
        .isEqualTo("t");
  }

  @Test
  void aCommitThatTakesLongIsSlow() {
    Duration quick = Duration.ofMillis(2);

    assertThat(new DatabaseMeasurement(quick, quick, quick).isSlow()).isFalse();
    assertThat(new DatabaseMeasurement(quick, Duration.ofMillis(501), quick).isSlow()).isTrue();
    assertThat(new DatabaseMeasurement(Duration.ofMillis(251), quick, quick).isSlow()).isTrue();
  }

  @Test
  void aMigrationMayTakeLongerThanAnyOtherAnswer() throws Exception {
    Path other = folder.resolveSibling(folder.getFileName() + "-slow");
    DatabaseSettings hasty =
        new DatabaseSettings(2, Duration.ofSeconds(5), Duration.ofSeconds(1), false);
    try (EmbeddedPostgres slow =
            EmbeddedPostgres.start(other, EmbeddedPostgresSettings.forTests());
        HikariDataSource small = Databases.open(slow.target(), hasty)) {
      Migrations.migrate(small, "classpath:io/clawterm/storage/slow");

      assertThat(Sql.value(small, "SELECT waited FROM clawterm.slow")).isEqualTo("2.5");
      assertThatThrownBy(() -> Sql.value(small, "SELECT pg_sleep(2.5)"))
          .isInstanceOf(SQLException.class);
    } finally {
      Folders.delete(other);
    }
  }

  @Test
  void theNewestScriptIsKnownAndNoneWasEdited() throws SQLException {
    Map<String, Integer> applied = new TreeMap<>();
    try (Connection connection = pool.getConnection();
        var rows =
            connection
                .createStatement()
                .executeQuery(
                    "SELECT version, checksum FROM clawterm.schema_history"
                        + " WHERE version IS NOT NULL")) {
      while (rows.next()) {
        applied.put(rows.getString(1), rows.getInt(2));
      }
    }

    assertThat(applied).isEqualTo(SCRIPTS).hasSize(Migrations.NEWEST);
  }

  @Test
  void allWhoAskForASecretAtOnceGetTheSame() throws Exception {
    Set<String> answers = new HashSet<>();
    for (byte[] answer : Together.times(8, () -> ClusterSecrets.getOrCreate(pool, "raced", 32))) {
      answers.add(new String(answer, StandardCharsets.ISO_8859_1));
    }

    assertThat(answers).hasSize(1).allMatch(secret -> secret.length() == 32);
    assertThat(ClusterSecrets.getOrCreate(pool, "other", 32))
        .isNotEqualTo(ClusterSecrets.getOrCreate(pool, "raced", 32));
    assertThatThrownBy(() -> ClusterSecrets.getOrCreate(pool, "other", 16))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("32 bytes instead of 16");
  }

  @Test
  void trimmingKeepsTheNewestRowAndWhatOthersWrote() throws SQLException {
    write("long", 25_000);
    write("short", 3);
    Sql.execute(
        pool,
        "INSERT INTO clawterm.event_tag SELECT ordering, 'tag' FROM clawterm.event_journal"
            + " WHERE persistence_id = 'long'");

    assertThat(JournalTrim.upTo(pool, "long", 24_998)).isEqualTo(24_998);
    assertThat(JournalTrim.upTo(pool, "long", 24_998)).isZero();
    assertThat(JournalTrim.upTo(pool, "long", Long.MAX_VALUE)).isEqualTo(1);
    assertThat(JournalTrim.upTo(pool, "unknown", 7)).isZero();

    assertThat(numbers("long")).isEqualTo("25000");
    assertThat(numbers("short")).isEqualTo("1,2,3");
    assertThat(Sql.value(pool, "SELECT count(*) FROM clawterm.event_tag")).isEqualTo("1");
  }

  @Test
  void anIdThatLooksLikeSqlIsOnlyAnId() throws SQLException {
    write("safe", 3);

    JournalTrim.whole(pool, "x' OR persistence_id = 'safe");
    JournalTrim.upTo(pool, "x' OR persistence_id = 'safe", 3);

    assertThat(numbers("safe")).isEqualTo("1,2,3");
  }

  private static void write(String id, int events) throws SQLException {
    Sql.execute(
        pool,
        """
        INSERT INTO clawterm.event_journal
          (persistence_id, sequence_number, writer, event_ser_id, event_ser_manifest, event_payload)
        SELECT '%s', number, '', 1, '', '' FROM generate_series(1, %d) number
        """
            .formatted(id, events));
  }

  private static String numbers(String id) throws SQLException {
    return Sql.value(
        pool,
        "SELECT string_agg(sequence_number::text, ',' ORDER BY sequence_number)"
            + " FROM clawterm.event_journal WHERE persistence_id = '"
            + id
            + "'");
  }

  @Test
  void aDatabaseWithoutAFreeConnectionIsNotReadyAndIsAgainAfterwards() throws SQLException {
    DatabaseSettings two =
        new DatabaseSettings(2, Duration.ofSeconds(10), Duration.ofMinutes(1), false);
    try (HikariDataSource small = Databases.open(server.target(), two)) {
      try (Connection one = small.getConnection();
          Connection other = small.getConnection()) {
        assertThat(one).isNotSameAs(other);
        assertThat(DatabaseHealth.answers(small, Duration.ofMillis(200))).isFalse();
      }

      assertThat(DatabaseHealth.answers(small, Duration.ofSeconds(20))).isTrue();
    }
  }

  @Test
  void aDatabaseThatIsGoneIsNotReady() {
    HikariDataSource closed = Databases.open(server.target(), SETTINGS);
    closed.close();

    assertThat(DatabaseHealth.answers(closed, Duration.ofSeconds(20))).isFalse();
  }
}
