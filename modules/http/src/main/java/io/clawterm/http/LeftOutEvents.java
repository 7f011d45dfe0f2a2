package io.clawterm.http;

import akka.persistence.typed.PersistenceId;
import akka.serialization.Serialization;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionEntity;
import io.clawterm.session.SessionEvent;
import io.clawterm.storage.UnreadableEvent;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.util.Try;

/**
 * The events that the list of sessions had to leave out, as no build of now can read them; one must
 * not hold up the lines of all others. Kept in a table, so that each node and each later release
 * knows of them. A session whose events can all be read again, which shows when it goes on, gets
 * its line made anew from the journal.
 */
final class LeftOutEvents {

  private static final Logger LOG = LoggerFactory.getLogger(LeftOutEvents.class);

  private static final String NOTE =
      """
      INSERT INTO clawterm.unreadable_event (persistence_id, sequence_number, serializer, manifest)
      VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
      """;

  private static final String ANY =
      """
      SELECT DISTINCT persistence_id FROM clawterm.unreadable_event WHERE persistence_id = ANY (?)
      """;

  private static final String EVENTS =
      """
      SELECT sequence_number, event_ser_id, event_ser_manifest, event_payload
      FROM clawterm.event_journal JOIN clawterm.event_tag ON event_id = ordering
      WHERE tag = ? AND persistence_id = ? AND sequence_number <= ? ORDER BY sequence_number
      """;

  private static final String FORGET_LINE =
      """
      DELETE FROM clawterm.session_summary WHERE session_id = ?
      """;

  private static final String FORGET_NOTES =
      """
      DELETE FROM clawterm.unreadable_event WHERE persistence_id = ?
      """;

  private final Serialization serialization;

  LeftOutEvents(Serialization serialization) {
    this.serialization = serialization;
  }

  /** Remembers one. */
  void note(Connection connection, String persistenceId, long sequenceNumber, UnreadableEvent event)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(NOTE)) {
      statement.setString(1, persistenceId);
      statement.setLong(2, sequenceNumber);
      statement.setInt(3, event.serializer());
      statement.setString(4, event.manifest());
      statement.executeUpdate();
    }
    LOG.atError()
        .addKeyValue("session", PersistenceId.extractEntityId(persistenceId))
        .addKeyValue("commit", sequenceNumber)
        .addKeyValue("manifest", event.manifest())
        .addKeyValue("reason", event.reason())
        .log("the list of sessions leaves out a commit that this build can't read");
  }

  /**
   * Makes sessions' lines anew where something was left out and nothing needs to be any more.
   *
   * @param seen sessions by their persistence id, with the last commit that was seen
   */
  void mend(Connection connection, Map<String, Long> seen) throws SQLException {
    for (String persistenceId : leftOut(connection, seen.keySet())) {
      mend(connection, persistenceId, Objects.requireNonNull(seen.get(persistenceId)));
    }
  }

  private void mend(Connection connection, String persistenceId, long upTo) throws SQLException {
    SessionId id = SessionId.of(PersistenceId.extractEntityId(persistenceId));
    List<SummaryChange> changes = changes(connection, persistenceId, id, upTo);
    if (changes.isEmpty()) {
      return;
    }
    // Retention may have taken the beginning: then the line stays, and gets what is left.
    if (changes.getFirst().created().isPresent()) {
      forget(connection, FORGET_LINE, id.toString());
    }
    SummaryChange.writeAll(connection, changes);
    forget(connection, FORGET_NOTES, persistenceId);
    LOG.atInfo()
        .addKeyValue("session", id)
        .log("all commits of a session can be read again; its line in the list is made anew");
  }

  private static List<String> leftOut(Connection connection, Set<String> of) throws SQLException {
    List<String> found = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(ANY)) {
      statement.setArray(1, connection.createArrayOf("text", of.toArray()));
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          found.add(row.getString(1));
        }
      }
    }
    return found;
  }

  /** What all commits have changed; none where one can't be read. */
  private List<SummaryChange> changes(
      Connection connection, String persistenceId, SessionId id, long upTo) throws SQLException {
    List<SummaryChange> changes = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(EVENTS)) {
      statement.setString(1, SessionEntity.LIFE_TAG);
      statement.setString(2, persistenceId);
      statement.setLong(3, upTo);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Try<Object> read =
              serialization.deserialize(row.getBytes(4), row.getInt(2), row.getString(3));
          if (read.isFailure() || !(read.get() instanceof SessionEvent event)) {
            return List.of();
          }
          changes.add(SummaryChange.of(id, row.getLong(1), event));
        }
      }
    }
    return changes;
  }

  private static void forget(Connection connection, String sql, String of) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, of);
      statement.executeUpdate();
    }
  }
}
