package io.clawterm.storage;

import akka.persistence.jdbc.journal.dao.JournalTables.JournalAkkaSerializationRow;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.collection.immutable.Set;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Writes events and their tags, all or none, in one statement that is its own transaction: no step
 * of a commit waits between two others. On processors that are busy each further one waits for its
 * turn, and running sessions wait with it.
 */
final class JournalInsert {

  private static final String SQL =
      """
      WITH written AS (
        INSERT INTO clawterm.event_journal (
          persistence_id, sequence_number, deleted, writer, write_timestamp, adapter_manifest,
          event_ser_id, event_ser_manifest, event_payload,
          meta_ser_id, meta_ser_manifest, meta_payload)
        SELECT
          persistence_id, sequence_number, deleted, writer, write_timestamp, adapter_manifest,
          event_ser_id, event_ser_manifest, event_payload,
          meta_ser_id, meta_ser_manifest, meta_payload
        FROM unnest(
          ?::varchar[], ?::bigint[], ?::boolean[], ?::varchar[], ?::bigint[], ?::varchar[],
          ?::integer[], ?::varchar[], ?::bytea[],
          ?::integer[], ?::varchar[], ?::bytea[]) WITH ORDINALITY AS event (
          persistence_id, sequence_number, deleted, writer, write_timestamp, adapter_manifest,
          event_ser_id, event_ser_manifest, event_payload,
          meta_ser_id, meta_ser_manifest, meta_payload, place)
        ORDER BY place
        RETURNING ordering, persistence_id, sequence_number)
      INSERT INTO clawterm.event_tag (event_id, tag)
      SELECT written.ordering, tagged.tag
      FROM unnest(?::varchar[], ?::bigint[], ?::varchar[])
        AS tagged (persistence_id, sequence_number, tag)
      JOIN written USING (persistence_id, sequence_number)
      """;

  /**
   * Bytes of events in one statement. Client and server hold it as a whole, each more than once;
   * what is larger goes in several, with a transaction around them.
   */
  private static final int MAX_BYTES = 4 << 20;

  private final DataSource dataSource;

  JournalInsert(DataSource dataSource) {
    this.dataSource = dataSource;
  }

  private record Tagged(String persistenceId, long sequenceNumber, String tag) {}

  /**
   * Writes them in this order.
   *
   * @param events with the tags of each
   * @throws SQLException where the outcome may be unknown: they may have been written
   */
  void write(Seq<Tuple2<JournalAkkaSerializationRow, Set<String>>> events) throws SQLException {
    var parts = parts(List.copyOf(CollectionConverters.asJava(events)));
    if (parts.size() > 1) {
      Transaction.run(
          dataSource,
          connection -> {
            for (var part : parts) {
              write(connection, part);
            }
            return parts.size();
          });
      return;
    }
    try (Connection connection = dataSource.getConnection()) {
      // Else nothing would be durable when this returns. A host's source is refused without it at
      // the start, but it is the host's, and this promise is not to rest on that.
      connection.setAutoCommit(true);
      write(connection, parts.getFirst());
    }
  }

  private static List<List<Tuple2<JournalAkkaSerializationRow, Set<String>>>> parts(
      List<Tuple2<JournalAkkaSerializationRow, Set<String>>> events) {
    List<List<Tuple2<JournalAkkaSerializationRow, Set<String>>>> parts = new ArrayList<>();
    int from = 0;
    long bytes = 0;
    for (int i = 0; i < events.size(); i++) {
      long more = events.get(i)._1().eventPayload().length;
      if (i > from && bytes + more > MAX_BYTES) {
        parts.add(events.subList(from, i));
        from = i;
        bytes = 0;
      }
      bytes += more;
    }
    parts.add(events.subList(from, events.size()));
    return parts;
  }

  private static void write(
      Connection connection, List<Tuple2<JournalAkkaSerializationRow, Set<String>>> events)
      throws SQLException {
    List<JournalAkkaSerializationRow> rows = new ArrayList<>();
    List<Tagged> tags = new ArrayList<>();
    for (Tuple2<JournalAkkaSerializationRow, Set<String>> event : events) {
      JournalAkkaSerializationRow row = event._1();
      rows.add(row);
      for (String tag : CollectionConverters.asJava(event._2())) {
        tags.add(new Tagged(row.persistenceId(), row.sequenceNumber(), tag));
      }
    }
    try (PreparedStatement insert = connection.prepareStatement(SQL)) {
      var arrays = new Arrays(connection, insert);
      arrays.add("varchar", rows, JournalAkkaSerializationRow::persistenceId);
      arrays.add("bigint", rows, JournalAkkaSerializationRow::sequenceNumber);
      arrays.add("boolean", rows, JournalAkkaSerializationRow::deleted);
      arrays.add("varchar", rows, JournalAkkaSerializationRow::writer);
      arrays.add("bigint", rows, JournalAkkaSerializationRow::writeTimestamp);
      arrays.add("varchar", rows, JournalAkkaSerializationRow::adapterManifest);
      arrays.add("integer", rows, JournalAkkaSerializationRow::eventSerId);
      arrays.add("varchar", rows, JournalAkkaSerializationRow::eventSerManifest);
      arrays.add("bytea", rows, JournalAkkaSerializationRow::eventPayload);
      arrays.add("integer", rows, row -> orNull(row.metaSerId()));
      arrays.add("varchar", rows, row -> orNull(row.metaSerManifest()));
      arrays.add("bytea", rows, row -> orNull(row.metaPayload()));
      arrays.add("varchar", tags, Tagged::persistenceId);
      arrays.add("bigint", tags, Tagged::sequenceNumber);
      arrays.add("varchar", tags, Tagged::tag);
      insert.executeUpdate();
    }
  }

  private static @Nullable Object orNull(Option<?> value) {
    return value.isEmpty() ? null : value.get();
  }

  /** The parameters of a statement, one after the other. */
  private static final class Arrays {
    private final Connection connection;
    private final PreparedStatement statement;
    private int parameters;

    Arrays(Connection connection, PreparedStatement statement) {
      this.connection = connection;
      this.statement = statement;
    }

    <T> void add(String type, List<T> of, Function<T, @Nullable Object> column)
        throws SQLException {
      @Nullable Object[] values =
          "bytea".equals(type) ? new byte[of.size()][] : new Object[of.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = column.apply(of.get(i));
      }
      Array array = connection.createArrayOf(type, values);
      statement.setArray(++parameters, array);
    }
  }
}
