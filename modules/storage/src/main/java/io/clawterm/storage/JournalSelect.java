package io.clawterm.storage;

import akka.NotUsed;
import akka.japi.Pair;
import akka.persistence.PersistentRepr;
import akka.persistence.jdbc.AkkaSerialization;
import akka.persistence.jdbc.journal.dao.JournalTables.JournalAkkaSerializationRow;
import akka.serialization.Serialization;
import akka.stream.javadsl.Source;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import scala.Option;
import scala.Tuple2;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;
import scala.util.Try;
import slick.dbio.DBIOAction;
import slick.jdbc.JdbcBackend;
import slick.jdbc.SimpleJdbcAction;

/**
 * Reads the events of one entity part by part, each no longer than a limit in bytes.
 * akka-persistence-jdbc counts events alone: its 500 are of some 100 bytes each, or of 256 KiB, and
 * then a few devices that read a log at one time take all the memory of a node.
 */
final class JournalSelect {

  /** Bytes of events in one part; one event may go beyond. */
  static final int MAX_BYTES = 1 << 20;

  // The length of an event is known without reading it.
  private static final String SQL =
      """
      SELECT
        ordering, deleted, persistence_id, sequence_number, writer, write_timestamp,
        adapter_manifest, event_payload, event_ser_id, event_ser_manifest,
        meta_payload, meta_ser_id, meta_ser_manifest
      FROM (
        SELECT *, sum(octet_length(event_payload)) OVER (ORDER BY sequence_number) AS bytes
        FROM (
          SELECT * FROM clawterm.event_journal
          WHERE persistence_id = ? AND sequence_number BETWEEN ? AND ? AND NOT deleted
          ORDER BY sequence_number
          LIMIT ?) AS next) AS counted
      WHERE bytes - octet_length(event_payload) < ?
      ORDER BY sequence_number
      """;

  private final JdbcBackend.DatabaseDef database;
  private final Serialization serialization;

  JournalSelect(JdbcBackend.DatabaseDef database, Serialization serialization) {
    this.database = database;
    this.serialization = serialization;
  }

  /**
   * Events that follow one another.
   *
   * @param more there may be others behind them
   */
  record Part(List<JournalAkkaSerializationRow> events, boolean more) {

    /** Where the next one begins, if there may be one. */
    Optional<Long> next() {
      return more ? Optional.of(events.getLast().sequenceNumber() + 1) : Optional.empty();
    }
  }

  /**
   * The events of an entity, in order, with the place of each among those of all. A part is read
   * once all of the one before it is taken.
   *
   * @param from the first sequence number
   * @param to the last one
   * @param most events in one part
   */
  akka.stream.scaladsl.Source<Try<Tuple2<PersistentRepr, Object>>, NotUsed> events(
      String id, long from, long to, int most) {
    return Source.unfoldAsync(
            Optional.of(from),
            begin ->
                begin.isEmpty() || begin.get() > to
                    ? CompletableFuture.completedFuture(
                        Optional.<Pair<Optional<Long>, List<JournalAkkaSerializationRow>>>empty())
                    : part(id, begin.get(), to, most)
                        .thenApply(part -> Optional.of(Pair.create(part.next(), part.events()))))
        .mapConcat(events -> events)
        .map(event -> AkkaSerialization.fromRow(serialization, event))
        .asScala();
  }

  @SuppressWarnings({"rawtypes", "unchecked"}) // of all actions, which Java cannot say
  private CompletionStage<Part> part(String id, long from, long to, int most) {
    DBIOAction action =
        new SimpleJdbcAction<>(context -> {
          try {
            return part(context.connection(), id, from, to, most);
          } catch (SQLException e) {
            throw new StorageException("events could not be read", e);
          }
        });
    Future<Part> part = database.run(action);
    return FutureConverters.asJava(part);
  }

  /** The first events from a number on: as many as there are, or as the limits allow. */
  static Part part(Connection connection, String id, long from, long to, int most)
      throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(SQL)) {
      select.setString(1, id);
      select.setLong(2, from);
      select.setLong(3, to);
      select.setInt(4, most);
      select.setLong(5, MAX_BYTES);
      List<JournalAkkaSerializationRow> events = new ArrayList<>();
      long bytes = 0;
      try (ResultSet rows = select.executeQuery()) {
        while (rows.next()) {
          JournalAkkaSerializationRow event = event(rows);
          events.add(event);
          bytes += event.eventPayload().length;
        }
      }
      return new Part(events, events.size() == most || bytes >= MAX_BYTES);
    }
  }

  private static JournalAkkaSerializationRow event(ResultSet row) throws SQLException {
    int metaSerializer = row.getInt("meta_ser_id");
    Option<Object> metaSerializerId = row.wasNull() ? Option.empty() : Option.apply(metaSerializer);
    return new JournalAkkaSerializationRow(
        row.getLong("ordering"),
        row.getBoolean("deleted"),
        row.getString("persistence_id"),
        row.getLong("sequence_number"),
        row.getString("writer"),
        row.getLong("write_timestamp"),
        row.getString("adapter_manifest"),
        row.getBytes("event_payload"),
        row.getInt("event_ser_id"),
        row.getString("event_ser_manifest"),
        Option.apply(row.getBytes("meta_payload")),
        metaSerializerId,
        Option.apply(row.getString("meta_ser_manifest")));
  }
}
