package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A server that dies, or seems to, while its node lives. */
class PostgresWatchTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  /** Several looks of the watch. */
  private static final Duration A_WHILE = Duration.ofSeconds(2);

  private static final String STARTED = "SELECT pg_postmaster_start_time()";

  @TempDir Path folder;
  private EmbeddedPostgres server;

  @BeforeEach
  void start() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void aServerThatDiesIsStartedAgainOnItsPort() throws SQLException, IOException {
    Sql.execute(Sql.on(server), "CREATE TABLE kept AS SELECT 42 AS answer");

    for (int death = 1; death <= 2; death++) {
      PostmasterFile before = postmaster();
      kill("KILL", before.pid());

      await().atMost(LIMIT).until(() -> answers("SELECT answer FROM kept", "42"::equals));
      assertThat(postmaster().pid()).isNotEqualTo(before.pid());
      assertThat(postmaster().port()).isEqualTo(before.port());
      int deaths = death;
      await().atMost(LIMIT).untilAsserted(() -> assertThat(server.restarts()).isEqualTo(deaths));
    }
  }

  @Test
  void aServerThatIsPausedIsNotDead() throws SQLException, IOException {
    String started = Sql.value(Sql.on(server), STARTED);
    long paused = postmaster().pid();

    kill("STOP", paused);
    await()
        .during(A_WHILE)
        .atMost(LIMIT)
        .untilAsserted(() -> assertThat(processesOnTheFolder()).containsExactly(paused));
    kill("CONT", paused);

    await().atMost(LIMIT).until(() -> answers(STARTED, started::equals));
    assertThat(server.restarts()).isZero();
  }

  @Test
  void aServerThatCannotBeStartedIsTriedUntilItCan() throws IOException {
    Path needed = folder.resolve("data").resolve("global").resolve("pg_control");
    Path away = folder.resolve("pg_control");
    Files.move(needed, away);
    kill("KILL", postmaster().pid());
    Path log = folder.resolve("log").resolve("postgres.log");
    await()
        .atMost(LIMIT)
        .until(
            () -> Files.readString(log).split("could not find the database system", -1).length > 3);
    assertThat(server.restarts()).isZero();

    Files.move(away, needed);

    await().atMost(LIMIT).until(() -> answers("SELECT 42", "42"::equals));
  }

  /** How far the watch has come when the node closes. */
  enum Moment {
    DEAD,
    STARTING,
    STARTED
  }

  @ParameterizedTest
  @EnumSource
  void aServerThatIsClosedStaysClosed(Moment moment) throws IOException {
    long before = postmaster().pid();
    kill("KILL", before);
    switch (moment) {
      case DEAD -> {}
      case STARTING -> await().atMost(LIMIT).until(this::pgCtlRuns);
      case STARTED -> await().atMost(LIMIT).until(() -> server.restarts() == 1);
    }

    server.close();

    await()
        .during(A_WHILE)
        .atMost(LIMIT)
        .untilAsserted(() -> assertThat(processesOnTheFolder()).isEmpty());
    EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests()).close();
  }

  private boolean pgCtlRuns() {
    return ProcessHandle.allProcesses()
        .anyMatch(process -> isOnTheFolder(process) && argumentsOf(process).contains("--wait"));
  }

  /** Servers, and what starts them; a process of a server calls itself something else. */
  private List<Long> processesOnTheFolder() {
    return ProcessHandle.allProcesses()
        .filter(this::isOnTheFolder)
        .map(ProcessHandle::pid)
        .toList();
  }

  private boolean isOnTheFolder(ProcessHandle process) {
    String data = folder.resolve("data").toString();
    return argumentsOf(process).stream().anyMatch(argument -> argument.contains(data));
  }

  private static List<String> argumentsOf(ProcessHandle process) {
    return process.info().arguments().map(Arrays::asList).orElse(List.of());
  }

  private boolean answers(String query, Predicate<String> expected) {
    try {
      return expected.test(Sql.value(Sql.on(server), query));
    } catch (SQLException e) {
      return false; // not yet
    }
  }

  private PostmasterFile postmaster() throws IOException {
    return PostmasterFile.in(folder.resolve("data")).orElseThrow();
  }

  private void kill(String signal, long pid) throws IOException {
    Command killed = Command.run(List.of("kill", "-" + signal, String.valueOf(pid)), folder, LIMIT);
    assertThat(killed.succeeded()).as(killed.output()).isTrue();
  }
}
