package io.clawterm.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.testkit.FakeTime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two real nodes on one database. */
class TwoNodesTest {

  private static final Duration LIMIT = Duration.ofMinutes(1);

  @TempDir static Path home;

  private static EmbeddedPostgres postgres;

  @BeforeAll
  static void startDatabase() {
    postgres = EmbeddedPostgres.start(home.resolve("pg"), EmbeddedPostgresSettings.forTests());
  }

  @AfterAll
  static void stopDatabase() {
    postgres.close();
  }

  @Test
  void aSessionGoesOnAtTheOtherNodeWhenItsOwnIsKilled() throws Exception {
    Cli first = machine("first");
    Cli second = machine("second");
    try (RunningNode one = up(first);
        RunningNode two = up(second)) {
      assertThat(two.pid()).isNotEqualTo(one.pid());
      Path out = Files.createFile(home.resolve("talk.out"));
      Path err = Files.createFile(home.resolve("talk.err"));
      Process talk = first.start(out, err, "connect", "--key", "moving", "agent:demo");
      talk.getOutputStream().write("count to 100 at 10 per second\n".getBytes(UTF_8));
      talk.getOutputStream().flush();
      await().atMost(LIMIT).until(() -> Files.readString(out).contains(" 5 "));

      one.kill();

      Cli.Result seen = second.runWith("", "connect", "--key", "moving", "agent:demo").succeeded();
      assertThat(seen.out().replaceAll("\\s+", " ")).contains(" 98 99 100");
      talk.destroyForcibly();
    }
  }

  @Test
  void aNodeThatIsDrainedGivesItsSessionsAway() throws Exception {
    Cli first = machine("leaver");
    Cli second = machine("stayer");
    try (RunningNode one = up(first);
        RunningNode two = up(second)) {
      Path out = Files.createFile(home.resolve("leave.out"));
      Path err = Files.createFile(home.resolve("leave.err"));
      Process talk = first.start(out, err, "connect", "--key", "leaving", "agent:demo");
      talk.getOutputStream().write("count to 100 at 10 per second\n".getBytes(UTF_8));
      talk.getOutputStream().flush();
      await().atMost(LIMIT).until(() -> Files.readString(out).contains(" 5 "));

      assertThat(first.run("drain").succeeded().out()).contains("1 connection stays");

      await()
          .atMost(LIMIT)
          .until(() -> Files.readString(out).replaceAll("\\s+", " ").contains(" 98 99 100"));
      assertThat(second.run("cluster").succeeded().out()).contains("up, draining");
      assertThat(one.complained() + two.complained()).doesNotContain("has to start again");
      talk.destroyForcibly();
    }
  }

  @Test
  void aNodeThatIsToldWhomToJoinJoinsThere() throws Exception {
    Cli first = machine("known");
    Cli second = machine("joiner");
    try (RunningNode one = up(first)) {
      JsonNode known =
          new ObjectMapper().readTree(first.run("cluster", "--json").succeeded().out());
      String address = known.path("node").asText().replaceFirst(".*@", "");
      Path settings = second.data().resolve("config.conf");
      Files.writeString(settings, "clawterm.cluster.join-timeout = 3s\n");
      Cli.Result refused =
          second.run(
              "up", "--port", "0", "--http", "0", "--database", url(), "--join", "127.0.0.1:1");
      assertThat(refused.code()).isEqualTo(1);
      assertThat(refused.err()).contains("no member of the cluster has answered", "127.0.0.1:1");
      Files.delete(settings);
      try (RunningNode two = RunningNode.up(second, "--database", url(), "--join", address)) {
        assertThat(two.pid()).isNotEqualTo(one.pid());
        await()
            .atMost(LIMIT)
            .untilAsserted(() ->
                assertThat(second.run("cluster").succeeded().out()).contains("2 nodes, 2 up"));
        second.run("send", "--target", "agent:demo", "count to 2").succeeded();
      }
    }
  }

  @Test
  void aNodeOfAnotherClusterIsRefusedOnTheSameDatabase() throws Exception {
    Cli first = machine("named");
    Cli second = machine("stranger");
    Files.writeString(second.data().resolve("config.conf"), "clawterm.cluster.name = \"other\"\n");
    try (RunningNode one = up(first)) {
      assertThat(one.pid()).isPositive();
      // As an earlier release has left it: the stranger must not bring it up to date.
      sql("UPDATE clawterm.schema_history SET success = false WHERE version = '6'");
      try {
        Cli.Result refused = second.run("up", "--port", "0", "--http", "0", "--database", url());

        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err())
            .contains("belongs to the cluster \"clawterm\"")
            .doesNotContain("should not happen");

        assertThat(doctor(second))
            .contains("fail cluster the database belongs to the cluster \"clawterm\"")
            .contains("ok schema of an earlier release: script 5 of 6");
      } finally {
        sql("UPDATE clawterm.schema_history SET success = true WHERE version = '6'");
      }
      Files.delete(second.data().resolve("config.conf"));
      sql("CREATE DATABASE untouched");
      assertThat(doctor(second, url().replaceFirst("(:[0-9]+)/postgres", "$1/untouched")))
          .contains("ok schema none yet")
          .contains("ok cluster no node runs on this database");
      assertThat(doctor(second))
          .contains("ok cluster one node of clawterm to join")
          .contains("ok schema as this release needs it, script 6")
          .containsPattern("(ok|warn) database answers in [0-9.]+ ms, commits in [0-9.]+ ms")
          .contains("ok clock ");
    }
  }

  private static String doctor(Cli cli) throws Exception {
    return doctor(cli, url());
  }

  private static String doctor(Cli cli, String database) throws Exception {
    return cli.run("doctor", "--database", database).out().replaceAll(" +", " ");
  }

  private static void sql(String statement) throws SQLException {
    JdbcTarget target = postgres.target();
    try (Connection connection =
            DriverManager.getConnection(target.url(), target.user(), target.password().value());
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"+3600s", "-3600s"})
  void aNodeWhoseClockIsAnHourOffIsRefused(String offset) throws Exception {
    Optional<Path> library = FakeTime.library();
    assumeThat(library).as("libfaketime, which sets the clock of one process").isPresent();
    Cli wrong =
        machine("clock" + offset)
            .with("LD_PRELOAD", library.get().toString())
            .with("FAKETIME", offset)
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1");

    Cli.Result refused = wrong.run("up", "--port", "0", "--http", "0", "--database", url());

    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err())
        .containsPattern("the clock of this machine is (3599|360[0-9]) s")
        .contains(offset.startsWith("+") ? "ahead of the database's" : "behind the database's")
        .doesNotContain("should not happen");
  }

  @Test
  void aStoppedNodeThatWakesUpWritesNothingAndComesBackAsANewMember() throws Exception {
    Cli first = machine("sleeper");
    Cli second = machine("waker");
    try (RunningNode one = up(first);
        RunningNode two = up(second)) {
      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(second.run("cluster").succeeded().out())
                  .contains("2 nodes, 2 up")
                  .doesNotContain(ClusterView.PROBLEM));
      signal("STOP", one.pid());
      try {
        assertThat(second.run("cluster").succeeded().out())
            .as("a node that hangs keeps nobody waiting")
            .contains("has not said within 1 s");
        await()
            .atMost(LIMIT)
            .until(() ->
                second
                        .run("status")
                        .succeeded()
                        .out()
                        .lines()
                        .filter(line -> line.startsWith("member"))
                        .count()
                    == 1);
      } finally {
        signal("CONT", one.pid());
      }

      await().atMost(LIMIT).until(() -> one.complained().contains("ready again"));
      assertThat(one.complained()).contains("this node has to start again");
      await()
          .atMost(LIMIT)
          .until(() ->
              second
                      .run("status")
                      .succeeded()
                      .out()
                      .lines()
                      .filter(line -> line.startsWith("member") && line.contains(" up"))
                      .count()
                  == 2);
      assertThat(two.complained()).doesNotContain("has to start again");
    }
  }

  private static void signal(String name, long pid) throws Exception {
    assertThat(new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor()).isZero();
  }

  private static Cli machine(String name) throws IOException {
    Cli cli = Cli.in(Files.createDirectory(home.resolve(name)));
    Files.createDirectory(cli.data());
    return cli;
  }

  private static RunningNode up(Cli cli) throws IOException {
    return RunningNode.up(cli, "--database", url());
  }

  private static String url() {
    return "postgresql://%s:%s@%s"
        .formatted(
            postgres.target().user(),
            postgres.target().password().value(),
            postgres.target().url().replaceFirst("jdbc:postgresql://", ""));
  }
}
