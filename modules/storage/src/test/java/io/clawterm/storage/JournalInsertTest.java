package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.persistence.jdbc.journal.dao.JournalTables.JournalAkkaSerializationRow;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.postgresql.util.PSQLState;
import scala.None$;
import scala.Option;
import scala.Some;
import scala.Tuple2;
import scala.collection.immutable.Set;
import scala.collection.immutable.Set$;
import scala.jdk.javaapi.CollectionConverters;

class JournalInsertTest extends OnDatabase {

  @Test
  void eventsAreNumberedInTheirOrderAndEachHasItsOwnTags() throws SQLException {
    write(
        event("order-b", 1, Set$.MODULE$.empty()),
        event("order-a", 7, tags("x", "y")),
        event("order-b", 2, tags("x")),
        event("order-a", 8, tags("z")));

    assertThat(
            value(
                """
                SELECT string_agg(persistence_id || '/' || sequence_number || coalesce(tags, ''), ' '
                  ORDER BY ordering)
                FROM clawterm.event_journal
                LEFT JOIN (
                  SELECT event_id, '=' || string_agg(tag, ',' ORDER BY tag) AS tags
                  FROM clawterm.event_tag GROUP BY event_id) tag ON event_id = ordering
                WHERE persistence_id LIKE 'order-%'
                """))
        .isEqualTo("order-b/1 order-a/7=x,y order-b/2=x order-a/8=z");
  }

  @Test
  void eachColumnIsAsItWasGiven() throws SQLException {
    byte[] payload = new byte[3 << 20];
    new Random(1).nextBytes(payload);
    byte[] meta = {0, -1, 92, 39};
    Option<byte[]> someMeta = Some.apply(meta);
    Option<Object> someId = Some.apply(9);
    Option<String> someManifest = Some.apply("{\"m\",NULL}");
    write(
        new Tuple2<>(
            new JournalAkkaSerializationRow(
                0,
                false,
                "id \"'\\{},",
                5,
                "who,\"",
                123,
                "",
                payload,
                42,
                "NULL",
                someMeta,
                someId,
                someManifest),
            tags("a \"b\",{c}\\")),
        event("plain", 1, Set$.MODULE$.empty()));

    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT * FROM clawterm.event_journal JOIN clawterm.event_tag ON event_id ="
                    + " ordering WHERE writer = 'who,\"'")) {
      assertThat(row.next()).isTrue();
      assertThat(row.getString("persistence_id")).isEqualTo("id \"'\\{},");
      assertThat(row.getLong("sequence_number")).isEqualTo(5);
      assertThat(row.getBoolean("deleted")).isFalse();
      assertThat(row.getLong("write_timestamp")).isEqualTo(123);
      assertThat(row.getString("adapter_manifest")).isEmpty();
      assertThat(row.getBytes("event_payload")).isEqualTo(payload);
      assertThat(row.getInt("event_ser_id")).isEqualTo(42);
      assertThat(row.getString("event_ser_manifest")).isEqualTo("NULL");
      assertThat(row.getBytes("meta_payload")).isEqualTo(meta);
      assertThat(row.getInt("meta_ser_id")).isEqualTo(9);
      assertThat(row.getString("meta_ser_manifest")).isEqualTo("{\"m\",NULL}");
      assertThat(row.getString("tag")).isEqualTo("a \"b\",{c}\\");
    }
    assertThat(
            value(
                "SELECT num_nulls(meta_payload, meta_ser_id, meta_ser_manifest) FROM"
                    + " clawterm.event_journal WHERE persistence_id = 'plain'"))
        .isEqualTo("3");
  }

  @Test
  void oneThatIsThereAlreadyKeepsAllOut() throws SQLException {
    write(event("taken", 3, tags("first")));

    assertThatThrownBy(() ->
            write(
                event("beside", 1, tags("second")),
                event("taken", 3, tags("second")),
                event("beside", 2, tags("second"))))
        .isInstanceOfSatisfying(
            SQLException.class,
            refusal ->
                assertThat(refusal.getSQLState()).isEqualTo(PSQLState.UNIQUE_VIOLATION.getState()));

    assertThat(value("SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'beside'"))
        .isEqualTo("0");
    assertThat(value("SELECT count(*) FROM clawterm.event_tag WHERE tag = 'second'"))
        .isEqualTo("0");
  }

  @Test
  void whatIsTooMuchForOneStatementIsThereAsAWholeOrNotAtAll() throws SQLException {
    byte[] large = new byte[3 << 20];
    write(event("large", 1, large), event("large", 2, large), event("large", 3, large));

    assertThatThrownBy(() -> write(event("larger", 1, large), event("large", 3, large)))
        .isInstanceOf(SQLException.class);

    assertThat(value("SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'large'"))
        .isEqualTo("3");
    assertThat(value("SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'larger'"))
        .isEqualTo("0");
    assertThat(value("SELECT count(*) FROM clawterm.event_tag WHERE tag = 'large'")).isEqualTo("3");
  }

  @Test
  void whatIsWrittenIsDurableAlsoWhereTheSourceCommitsNothingByItself() throws SQLException {
    var config = new HikariConfig();
    config.setDataSource(Sql.on(server));
    config.setAutoCommit(false);
    byte[] large = new byte[3 << 20];
    try (var hosts = new HikariDataSource(config)) {
      DataSource named = new StorageSetup(hosts, 2).writeAsOperator().dataSource();
      write(named, event("host", 1, Set$.MODULE$.empty()));
      write(named, event("host", 2, large), event("host", 3, large));
      write(named, event("host", 4, Set$.MODULE$.empty()));
    }

    assertThat(value("SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'host'"))
        .isEqualTo("4");
  }

  @Test
  void commitsHaveAtMostHalfOfTheConnections() {
    for (int[] each : new int[][] {{2, 1, 1}, {3, 1, 2}, {6, 3, 3}, {8, 4, 4}, {20, 4, 16}}) {
      var setup = new StorageSetup(pool, each[0]);
      assertThat(setup.writers(4)).isEqualTo(each[1]);
      assertThat(setup.others(4)).isEqualTo(each[2]);
    }
    assertThatThrownBy(() -> new StorageSetup(pool, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aFencedNodeWritesNothing() throws SQLException {
    Sql.execute(
        pool,
        "INSERT INTO clawterm.cluster_node (cluster, version, fenced_at) VALUES ('c', 'v', now())");
    int node = Integer.parseInt(value("SELECT max(number) FROM clawterm.cluster_node"));
    var setup = new StorageSetup(Sql.on(server), 2);
    setup.writeAs(node);

    assertThatThrownBy(() -> write(setup.dataSource(), event("fenced", 1, tags("t"))))
        .hasMessageContaining("is fenced");

    assertThat(value("SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'fenced'"))
        .isEqualTo("0");
  }

  private static String value(String sql) throws SQLException {
    return Sql.value(pool, sql);
  }

  @SafeVarargs
  private static void write(Tuple2<JournalAkkaSerializationRow, Set<String>>... events)
      throws SQLException {
    write(pool, events);
  }

  @SafeVarargs
  private static void write(
      DataSource database, Tuple2<JournalAkkaSerializationRow, Set<String>>... events)
      throws SQLException {
    List<Tuple2<JournalAkkaSerializationRow, Set<String>>> all = new ArrayList<>();
    for (Tuple2<JournalAkkaSerializationRow, Set<String>> event : events) {
      all.add(event);
    }
    new JournalInsert(database).write(CollectionConverters.asScala(all).toSeq());
  }

  private static Set<String> tags(String... tags) {
    return CollectionConverters.asScala(List.of(tags)).toSet();
  }

  private static Tuple2<JournalAkkaSerializationRow, Set<String>> event(
      String persistenceId, long sequenceNumber, Set<String> tags) {
    return event(persistenceId, sequenceNumber, new byte[] {1, 2, 3}, tags);
  }

  private static Tuple2<JournalAkkaSerializationRow, Set<String>> event(
      String persistenceId, long sequenceNumber, byte[] payload) {
    return event(persistenceId, sequenceNumber, payload, tags(persistenceId));
  }

  private static Tuple2<JournalAkkaSerializationRow, Set<String>> event(
      String persistenceId, long sequenceNumber, byte[] payload, Set<String> tags) {
    return new Tuple2<>(
        new JournalAkkaSerializationRow(
            0,
            false,
            persistenceId,
            sequenceNumber,
            "writer",
            1,
            "",
            payload,
            1,
            "",
            none(),
            none(),
            none()),
        tags);
  }

  @SuppressWarnings("unchecked")
  private static <T> Option<T> none() {
    return (Option<T>) None$.MODULE$;
  }
}
