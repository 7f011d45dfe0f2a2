package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.typesafe.config.Config;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.LiveSettings;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.config.SettingKeys;
import io.clawterm.storage.SettingChange.Author;
import io.clawterm.storage.SharedSettings.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedSettingsTest {

  private static final String LIMIT = "clawterm.example.limit";
  private static final OptionalLong ANY = OptionalLong.empty();
  private static final Author ADA = new Author("default", "ada", "ada@desk", "too many");

  @TempDir static Path folder;

  private static EmbeddedPostgres server;
  private static DataSource database;

  private NodeLease one;
  private NodeLease two;
  private SharedSettings first;
  private SharedSettings second;

  @BeforeAll
  static void startServer() {
    server =
        EmbeddedPostgres.start(folder.resolve("postgres"), EmbeddedPostgresSettings.forTests());
    database = Databases.connect(server.target(), DatabaseSettings.defaults());
    Migrations.run(database);
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @BeforeEach
  void startNodes() throws Exception {
    one = lease();
    two = lease();
    first = settings(one, "");
    second = settings(two, "");
    first.start();
    second.start();
    first.change(LIMIT, Optional.empty(), ANY, ADA);
    second.follow();
  }

  @AfterEach
  void stopNodes() {
    one.close();
    two.close();
  }

  private static NodeLease lease() throws SQLException {
    NodeLease lease = NodeLease.acquire(database, Clock.systemUTC(), "test", "1");
    Sql.execute(
        database,
        "UPDATE clawterm.cluster_node SET joined_at = now() WHERE number = " + lease.number());
    return lease;
  }

  private static SharedSettings settings(NodeLease lease, String file) throws IOException {
    Path path = folder.resolve("node-" + lease.number() + ".conf");
    Files.writeString(path, file);
    var live =
        new LiveSettings<>(
            NodeConfiguration.load(Map.of(), Optional.of(path), "none"),
            new SettingKeys(Set.of(LIMIT), Set.of(), Set.of(), Map.of()),
            SharedSettingsTest::read);
    return new SharedSettings(live, new StoredSettings(database, lease.number()));
  }

  private static int read(NodeConfiguration configuration) {
    Optional<Integer> limit = configuration.read("clawterm.example", SharedSettingsTest::limit);
    configuration.refuseIfWrong();
    return limit.orElseThrow();
  }

  private static int limit(Config config) {
    int limit = config.getInt("limit");
    if (limit < 1) {
      throw new IllegalArgumentException("limit must be above 0, is " + limit);
    }
    return limit;
  }

  @Test
  void aChangeOnOneNodeHoldsOnTheOtherAndOnOneThatStartsLater() throws Exception {
    SettingChange change = changed(first.change(LIMIT, Optional.of("7"), ANY, ADA));

    assertThat(first.state().settings()).isEqualTo(7);
    assertThat(second.state().settings()).isEqualTo(5);
    assertThat(first.behind(change.version()))
        .extracting(node -> node.node().number())
        .containsExactly(two.number());

    second.follow();

    assertThat(second.state().settings()).isEqualTo(7);
    assertThat(first.behind(change.version())).isEmpty();
    try (NodeLease later = lease()) {
      SharedSettings third = settings(later, LIMIT + " = 9");
      third.start();
      assertThat(third.state().settings()).isEqualTo(7);

      changed(second.change(LIMIT, Optional.empty(), ANY, ADA));
      third.follow();
      assertThat(third.state().settings()).as("its own file holds again").isEqualTo(9);
    }
  }

  @Test
  void whoHasNotSeenTheNewestChangeIsRefused() {
    long seen = changed(first.change(LIMIT, Optional.of("11"), ANY, ADA)).version();
    SettingChange others =
        changed(second.change(LIMIT, Optional.of("12"), OptionalLong.of(seen), ADA));

    assertThat(first.change(LIMIT, Optional.of("13"), OptionalLong.of(seen), ADA))
        .isEqualTo(new Outcome.Overtaken(Optional.of(others)));

    assertThat(first.change(LIMIT, Optional.of("12"), ANY, ADA)).isInstanceOf(Outcome.Same.class);
    assertThat(first.state().settings()).isEqualTo(12);
  }

  /** What was checked with version 4 may make no sense with version 5. */
  @Test
  void aChangeThatWasCheckedBeforeAnotherOneIsCheckedAnew() {
    var stored = new StoredSettings(database, one.number());
    long version = stored.version();
    changed(second.change(LIMIT, Optional.of("21"), ANY, ADA));

    assertThat(stored.change(LIMIT, Optional.of("22"), version, ADA))
        .isInstanceOf(StoredSettings.Outcome.Overtaken.class);
  }

  @Test
  void changesAtOnceGetInOneAfterTheOtherWithoutAGap() throws Exception {
    long before = new StoredSettings(database, one.number()).version();
    List<Thread> writers =
        IntStream.range(0, 8)
            .mapToObj(i ->
                Thread.ofPlatform()
                    .start(() -> {
                      SharedSettings mine = i % 2 == 0 ? first : second;
                      mine.change(LIMIT, Optional.of(String.valueOf(100 + i)), ANY, ADA);
                    }))
            .toList();
    for (Thread writer : writers) {
      writer.join();
    }

    List<SettingChange> history = first.stored().history(Optional.empty(), Long.MAX_VALUE, 8);
    assertThat(history)
        .extracting(SettingChange::version)
        .containsExactly(
            before + 8,
            before + 7,
            before + 6,
            before + 5,
            before + 4,
            before + 3,
            before + 2,
            before + 1);
    for (int i = 0; i + 1 < history.size(); i++) {
      assertThat(history.get(i).before()).isEqualTo(history.get(i + 1).after());
    }
  }

  @Test
  void theHistorySaysWhoDidWhatAndNobodyChangesIt() throws Exception {
    changed(first.change(LIMIT, Optional.of("31"), ANY, ADA));
    changed(second.change(LIMIT, Optional.empty(), ANY, ADA));

    List<SettingChange> history = first.stored().history(Optional.of(LIMIT), Long.MAX_VALUE, 2);

    assertThat(history)
        .extracting(SettingChange::before, SettingChange::after, SettingChange::node)
        .containsExactly(
            tuple(Optional.of("31"), Optional.empty(), two.number()),
            tuple(Optional.empty(), Optional.of("31"), one.number()));
    assertThat(history).allSatisfy(change -> assertThat(change.author()).isEqualTo(ADA));
    for (String sql :
        List.of(
            "UPDATE clawterm.setting_change SET principal = 'nobody'",
            "DELETE FROM clawterm.setting_change",
            "TRUNCATE clawterm.setting_change")) {
      assertThatThrownBy(() -> Sql.execute(database, "SET clawterm.node = 'operator'; " + sql))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("only ever added");
    }
  }

  @Test
  void aFencedNodeChangesNothing() {
    new ClusterNodes(database).fence(one.number(), two.number());

    assertThatThrownBy(() -> first.change(LIMIT, Optional.of("41"), ANY, ADA))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("is fenced");

    second.follow();
    assertThat(second.state().settings()).isEqualTo(5);
    assertThat(second.behind(0)).as("it is waited for no more").isEmpty();
  }

  @Test
  void whatANodeCannotFollowIsToldToAll() throws Exception {
    Sql.execute(
        database,
        "SET clawterm.node = 'operator'; INSERT INTO clawterm.setting_change VALUES ("
            + (first.state().overlay().version() + 1)
            + ", 'clawterm.example.of-a-later-release', NULL, '1', 'cluster', 'default', 'ada', '',"
            + " '', 1)");

    first.follow();

    assertThat(first.state().settings()).isEqualTo(5);
    assertThat(second.stored().followers())
        .filteredOn(follower -> follower.node().number() == one.number())
        .singleElement()
        .satisfies(follower ->
            assertThat(follower.refused())
                .singleElement()
                .asString()
                .startsWith("clawterm.example.of-a-later-release: there is no such setting"));
    changed(first.change("clawterm.example.of-a-later-release", Optional.empty(), ANY, ADA));
    assertThat(first.state().refused()).isEmpty();
  }

  @Test
  void aReloadIsInTheHistoryAndHoldsForNobodyElse() throws Exception {
    Files.writeString(folder.resolve("node-" + one.number() + ".conf"), LIMIT + " = 51");

    LiveSettings.Reloaded reloaded = first.reload(ADA);

    assertThat(reloaded.applied()).hasSize(1);
    assertThat(first.state().settings()).isEqualTo(51);
    assertThat(first.stored().history(Optional.of(LIMIT), Long.MAX_VALUE, 1))
        .extracting(SettingChange::scope, SettingChange::after)
        .containsExactly(tuple(SettingChange.Scope.FILE, Optional.of("51")));
    second.follow();
    assertThat(second.state().settings()).isEqualTo(5);

    Files.writeString(folder.resolve("node-" + one.number() + ".conf"), LIMIT + " = 0");
    assertThatThrownBy(() -> first.reload(ADA)).isInstanceOf(InvalidConfigurationException.class);
  }

  private static SettingChange changed(Outcome outcome) {
    assertThat(outcome).isInstanceOf(Outcome.Changed.class);
    return ((Outcome.Changed) outcome).change();
  }
}
