package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.ds.PGSimpleDataSource;

@SuppressWarnings("try") // some servers are only held, some end early: that is what is tested
class EmbeddedPostgresTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String STARTED = "SELECT pg_postmaster_start_time()";

  @TempDir static Path template;
  @TempDir Path folder;

  /** Copying a fresh database takes a tenth of creating one. */
  @BeforeAll
  static void createDatabase() {
    EmbeddedPostgres.start(template, EmbeddedPostgresSettings.forTests()).close();
  }

  @BeforeEach
  void copyDatabase() throws IOException {
    try (Stream<Path> files = Files.walk(template.resolve("data"))) {
      for (Path file : files.toList()) {
        Path copy = folder.resolve(template.relativize(file));
        Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  @Test
  void whatWasStoredIsThereAfterAnOrderlyStop() throws SQLException {
    try (EmbeddedPostgres server = start()) {
      Sql.execute(Sql.on(server), "CREATE TABLE kept AS SELECT 42 AS answer");
    }

    try (EmbeddedPostgres server = start()) {
      assertThat(Sql.value(Sql.on(server), "SELECT answer FROM kept")).isEqualTo("42");
    }
  }

  @Test
  void itIsTheVersionOfTheArtifactsAndDurable() throws SQLException {
    try (EmbeddedPostgres server = start()) {
      assertThat(Sql.value(Sql.on(server), "SHOW server_version") + ".0")
          .isEqualTo(PostgresBinaries.VERSION);
      assertThat(Sql.value(Sql.on(server), "SHOW fsync")).isEqualTo("on");
      assertThat(Sql.value(Sql.on(server), "SHOW synchronous_commit")).isEqualTo("on");
      assertThat(Sql.value(Sql.on(server), "SHOW data_checksums")).isEqualTo("on");
      assertThat(Sql.value(Sql.on(server), "SHOW server_encoding")).isEqualTo("UTF8");
    }
  }

  @Test
  void onlyWhoKnowsThePasswordGetsInAndOnlyOnThisMachine() throws SQLException, IOException {
    try (EmbeddedPostgres server = start()) {
      PGSimpleDataSource guess = new PGSimpleDataSource();
      guess.setUrl(server.target().url());
      guess.setUser(server.target().user());
      guess.setPassword("guess");

      assertThatThrownBy(guess::getConnection).hasMessageContaining("password");
      assertThat(server.target().toString()).doesNotContain(server.target().password().value());
      assertThat(Sql.value(Sql.on(server), "SHOW listen_addresses")).isEqualTo("127.0.0.1");
      assertThat(Sql.value(Sql.on(server), "SHOW unix_socket_directories")).isEmpty();
      Path password = folder.resolve("data").resolve("clawterm.password");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(password)))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void afterTheNodeWasKilledTheNextStartTakesItsServerOver() throws SQLException, IOException {
    String url;
    String started;
    try (OtherProcess node = OtherProcess.holding("server", folder)) {
      url = node.says();
      started = Sql.value(onFolder(url), STARTED);
      Sql.execute(onFolder(url), "CREATE TABLE kept AS SELECT 42 AS answer");
    }

    try (EmbeddedPostgres server = start()) {
      assertThat(server.target().url()).isEqualTo(url);
      assertThat(Sql.value(Sql.on(server), STARTED)).isEqualTo(started);
      assertThat(Sql.value(Sql.on(server), "SELECT answer FROM kept")).isEqualTo("42");
    }
    assertThat(postmasterFile()).doesNotExist();
  }

  @Test
  void aLeftOverServerWithOtherSettingsIsReplaced() throws SQLException, IOException {
    OtherProcess.holding("server", folder).close();
    PostmasterFile left = postmaster();
    EmbeddedPostgresSettings tests = EmbeddedPostgresSettings.forTests();
    EmbeddedPostgresSettings other =
        new EmbeddedPostgresSettings(
            tests.binariesFolder(), 32, 20, LIMIT, LIMIT, tests.progress());

    try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, other)) {
      assertThat(left.isRunning()).isFalse();
      assertThat(Sql.value(Sql.on(server), "SHOW max_connections")).isEqualTo("20");
    }
  }

  @Test
  void aLeftOverServerThatDoesNotKnowUsIsReplaced() throws SQLException, IOException {
    try (OtherProcess node = OtherProcess.holding("server", folder)) {
      Sql.execute(onFolder(node.says()), "ALTER SYSTEM SET authentication_timeout = '61s'");
      Files.writeString(folder.resolve("data").resolve("pg_hba.conf"), "local all all trust\n");
      kill("HUP", postmaster().pid());
      await().atMost(LIMIT).until(() -> !letsIn(node.says()));
    }
    PostmasterFile left = postmaster();
    Files.writeString(
        folder.resolve("data").resolve("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");

    try (EmbeddedPostgres server = start()) {
      assertThat(left.isRunning()).isFalse();
      assertThat(Sql.value(Sql.on(server), "SELECT 42")).isEqualTo("42");
    }
  }

  @Test
  void theServerIsRecoveredAfterItWasKilledUnderLoad() throws SQLException, IOException {
    try (OtherProcess node = OtherProcess.holding("server", folder)) {
      Sql.execute(onFolder(node.says()), "CREATE TABLE kept AS SELECT 42 AS answer");
      try (Connection busy = onFolder(node.says()).getConnection()) {
        busy.setAutoCommit(false);
        busy.createStatement().execute("INSERT INTO kept SELECT generate_series(1, 50000)");
        kill("KILL", postmaster().pid());
      }
    }

    try (EmbeddedPostgres server = start()) {
      assertThat(Sql.value(Sql.on(server), "SELECT sum(answer) FROM kept")).isEqualTo("42");
    }
  }

  @Test
  void aStartWaitsUntilTheProcessesOfAKilledServerHaveEnded() throws SQLException, IOException {
    try (OtherProcess node = OtherProcess.holding("server", folder);
        Connection idle = onFolder(node.says()).getConnection()) {
      var pid = idle.createStatement().executeQuery("SELECT pg_backend_pid()");
      pid.next();
      long backend = pid.getLong(1);
      kill("STOP", backend);
      kill("KILL", postmaster().pid());
      node.close();

      var starting = CompletableFuture.supplyAsync(this::start);
      Path log = folder.resolve("log").resolve("postgres.log");
      await()
          .atMost(LIMIT)
          .untilAsserted(() -> assertThat(log).content().contains("pre-existing shared memory"));
      assertThat(starting).isNotDone();
      kill("CONT", backend);

      try (EmbeddedPostgres server = starting.join()) {
        assertThat(Sql.value(Sql.on(server), "SELECT 42")).isEqualTo("42");
      }
    }
  }

  @Test
  void aLeftOverFileThatNamesSomeOtherProcessDoesNotHinderTheStart() throws Exception {
    start().close();
    String self = String.valueOf(ProcessHandle.current().pid());
    Files.writeString(
        postmasterFile(), self + "\n" + folder + "\n1\n1\n\n127.0.0.1\n  0 0\nready   \n");

    try (EmbeddedPostgres server = start()) {
      assertThat(Sql.value(Sql.on(server), "SELECT 42")).isEqualTo("42");
    }
  }

  @Test
  void ofTwoStartsAtOnceOneIsRefused() throws Exception {
    List<OtherProcess> starts = Together.times(2, () -> OtherProcess.holding("server", folder));
    try (OtherProcess one = starts.get(0);
        OtherProcess two = starts.get(1)) {
      OtherProcess winner = one.says().startsWith("jdbc:") ? one : two;
      OtherProcess loser = winner == one ? two : one;

      assertThat(winner.says()).startsWith("jdbc:");
      assertThat(loser.says()).contains("in use", "process " + winner.pid());
    }
    start().close();
  }

  @Test
  void aSecondStartInThisProcessIsRefused() {
    try (EmbeddedPostgres server = start()) {
      assertThatThrownBy(this::start)
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("process " + ProcessHandle.current().pid());
    }
  }

  @Test
  void twoServersOfOneProcessDoNotDisturbEachOther() throws SQLException {
    try (EmbeddedPostgres one =
            EmbeddedPostgres.start(folder.resolve("a b"), EmbeddedPostgresSettings.forTests());
        EmbeddedPostgres two =
            EmbeddedPostgres.start(folder.resolve("two"), EmbeddedPostgresSettings.forTests())) {
      one.close();

      assertThat(Sql.value(Sql.on(two), "SELECT 42")).isEqualTo("42");
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void theTerminalOfTheNodeDoesNotReachTheServer() throws IOException {
    try (EmbeddedPostgres server = start()) {
      assertThat(session(postmaster().pid())).isNotEqualTo(session(ProcessHandle.current().pid()));
    }
  }

  @Test
  void closingWhatIsClosedOrKilledDoesNothing() throws IOException {
    EmbeddedPostgres server = start();
    kill("KILL", postmaster().pid());

    server.close();
    server.close();

    start().close();
  }

  @Test
  void anInterruptedThreadCanCloseIt() throws IOException {
    EmbeddedPostgres server = start();
    PostmasterFile running = postmaster();

    Thread.currentThread().interrupt();
    server.close();

    assertThat(Thread.interrupted()).isTrue();
    assertThat(running.isRunning()).isFalse();
  }

  @Test
  void anInterruptedStartLeavesNoServerAndNoLock() {
    start().close();

    Thread.currentThread().interrupt();
    assertThatThrownBy(this::start).isInstanceOf(StorageException.class);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(postmasterFile()).doesNotExist();
    start().close();
  }

  @Test
  void openConnectionsDoNotHoldUpTheStop() throws SQLException {
    EmbeddedPostgres server = start();
    try (Connection open = Sql.on(server).getConnection()) {
      server.close();

      assertThat(open.isValid(1)).isFalse();
    }
  }

  @Test
  void theFirstStartTellsWhatTakesTime() {
    List<String> steps = new ArrayList<>();
    EmbeddedPostgresSettings settings =
        EmbeddedPostgresSettings.defaults().withProgress(steps::add);
    Path empty = folder.resolve("empty");

    EmbeddedPostgres.start(empty, settings).close();
    assertThat(steps).hasSize(2);
    assertThat(steps.get(0)).startsWith("Unpacking PostgreSQL");
    assertThat(steps.get(1)).startsWith("Creating the database");

    EmbeddedPostgres.start(empty, settings).close();
    assertThat(steps).hasSize(2);
  }

  @Test
  void dataOfAnotherMajorVersionIsRefused() throws IOException {
    start().close();
    Files.writeString(folder.resolve("data").resolve("PG_VERSION"), "17\n");

    assertThatThrownBy(this::start)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("PostgreSQL 17")
        .hasMessageContaining("18")
        .hasMessageContaining("pg_dump");
  }

  @Test
  void aFolderOfOtherThingsIsNeitherUsedNorCleared() throws IOException {
    Path other = folder.resolve("other");
    Path foreign = Files.createDirectories(other.resolve("data")).resolve("precious");
    Files.writeString(foreign, "kept");

    assertThatThrownBy(() -> EmbeddedPostgres.start(other, EmbeddedPostgresSettings.forTests()))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("PG_VERSION");

    assertThat(foreign).hasContent("kept");
  }

  @Test
  void withoutThePasswordFileItSaysWhatIsMissing() throws IOException {
    start().close();
    Files.delete(folder.resolve("data").resolve("clawterm.password"));

    assertThatThrownBy(this::start)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("clawterm.password");
  }

  @Test
  void whyTheServerDoesNotStartIsInTheMessage() throws IOException {
    start().close();
    Files.delete(folder.resolve("data").resolve("global").resolve("pg_control"));

    assertThatThrownBy(this::start)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("could not find the database system")
        .hasMessageContaining("postgres.log");
  }

  @Test
  void whatAKilledCreationLeftIsRemoved() throws IOException {
    Path left = Files.createDirectories(folder.resolve("data.1-abc.part").resolve("base"));
    Files.setLastModifiedTime(left.getParent(), FileTime.fromMillis(1_000_000));

    start().close();

    assertThat(left.getParent()).doesNotExist();
  }

  @Test
  void theLogIsBounded() throws IOException {
    start().close();
    Path log = folder.resolve("log").resolve("postgres.log");
    Files.writeString(log, "x".repeat(5 << 20));

    start().close();

    assertThat(log.resolveSibling("postgres.log.1")).hasSize(5 << 20);
    assertThat(Files.size(log)).isLessThan(100_000);
  }

  @Test
  void theLogShowsNoStatementsAndNoValues() throws SQLException, IOException {
    try (EmbeddedPostgres server = start()) {
      Sql.execute(Sql.on(server), "CREATE TABLE words (word text PRIMARY KEY)");
      Sql.execute(Sql.on(server), "INSERT INTO words VALUES ('private')");
      assertThatThrownBy(() -> Sql.execute(Sql.on(server), "INSERT INTO words VALUES ('private')"))
          .isInstanceOf(SQLException.class);
    }

    assertThat(folder.resolve("log").resolve("postgres.log"))
        .content()
        .contains("duplicate key")
        .doesNotContain("private");
  }

  private EmbeddedPostgres start() {
    return EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
  }

  /** The server of the folder, as somebody who reads its password file. */
  private PGSimpleDataSource onFolder(String url) throws IOException {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(url);
    source.setUser("clawterm");
    source.setPassword(Files.readString(folder.resolve("data").resolve("clawterm.password")));
    return source;
  }

  private boolean letsIn(String url) throws IOException {
    try (Connection connection = onFolder(url).getConnection()) {
      return connection.isValid(5);
    } catch (SQLException e) {
      return false;
    }
  }

  private Path postmasterFile() {
    return folder.resolve("data").resolve(PostmasterFile.NAME);
  }

  private PostmasterFile postmaster() throws IOException {
    return PostmasterFile.in(folder.resolve("data")).orElseThrow();
  }

  private void kill(String signal, long pid) throws IOException {
    Command killed = Command.run(List.of("kill", "-" + signal, String.valueOf(pid)), folder, LIMIT);
    assertThat(killed.succeeded()).as(killed.output()).isTrue();
  }

  private static String session(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc", String.valueOf(pid), "stat"));
    return stat.substring(stat.lastIndexOf(')') + 2).split(" ", 5)[3];
  }
}
