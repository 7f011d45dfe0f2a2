package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A database that an earlier build has made, while its nodes run. */
class OlderSchemaTest {

  /** The first script with nodes; what was before knew one by itself. */
  private static final int NODES = 3;

  @TempDir static Path folder;

  private static EmbeddedPostgres server;
  private static DataSource database;

  @BeforeAll
  static void startServer() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    database = Sql.on(server);
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @AfterEach
  void forget() throws SQLException {
    Sql.execute(database, "DROP SCHEMA IF EXISTS clawterm CASCADE");
  }

  private static void make(int script) {
    Flyway.configure(Migrations.class.getClassLoader())
        .dataSource(database)
        .locations(Migrations.SCRIPTS)
        .target(String.valueOf(script))
        .schemas(Migrations.SCHEMA)
        .createSchemas(true)
        .table("schema_history")
        .load()
        .migrate();
  }

  static IntStream scripts() {
    return IntStream.range(1, Migrations.NEWEST);
  }

  static IntStream scriptsWithNodes() {
    return IntStream.range(NODES, Migrations.NEWEST);
  }

  private static String event(String id, int number) {
    return """
    INSERT INTO clawterm.event_journal
      (persistence_id, sequence_number, writer, event_ser_id, event_ser_manifest, event_payload)
    VALUES ('%s', %d, 'w', 1, '', 'x')
    """
        .formatted(id, number);
  }

  @ParameterizedTest
  @MethodSource("scripts")
  void isBroughtUpToDateWithAllThatIsInIt(int script) throws SQLException {
    make(script);
    assertThat(Migrations.applied(database)).isEqualTo(script);
    Sql.execute(database, "SET clawterm.node = 'operator';" + event("old", 1));

    Migrations.run(database);

    assertThat(Migrations.applied(database)).isEqualTo(Migrations.known());
    assertThat(
            Sql.value(
                database,
                "SELECT convert_from(event_payload, 'UTF8') FROM clawterm.event_journal"
                    + " WHERE persistence_id = 'old'"))
        .isEqualTo("x");
  }

  /** Its nodes are found before the schema is changed, and write on afterwards. */
  @ParameterizedTest
  @MethodSource("scriptsWithNodes")
  void isMigratedUnderTheNodesOfTheEarlierBuild(int script) throws SQLException {
    make(script);
    try (Connection life = database.getConnection();
        Statement old = life.createStatement()) {
      old.execute("INSERT INTO clawterm.cluster_node (cluster, version) VALUES ('theirs', '0')");
      old.execute("SELECT pg_advisory_lock(" + ClusterNodes.LIFE + ", 1)");
      old.execute("SET clawterm.node = '1'");
      old.execute(event("running", 1));
      assertThat(new ClusterNodes(database).writers())
          .singleElement()
          .satisfies(node -> {
            assertThat(node.cluster()).isEqualTo("theirs");
            assertThat(node.connected()).isTrue();
            assertThat(node.draining()).isFalse();
          });

      Migrations.run(database);

      old.execute(event("running", 2));
      assertThat(new ClusterNodes(database).writers()).hasSize(1);
    }
    assertThat(Sql.value(database, "SELECT count(*) FROM clawterm.event_journal")).isEqualTo("2");
  }

  @Test
  void beforeTheFirstStartThereAreNoNodes() {
    assertThat(new ClusterNodes(database).writers()).isEmpty();
    make(1);
    assertThat(new ClusterNodes(database).writers()).isEmpty();
  }
}
