package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

/**
 * Removes old rows from the journal for good.
 *
 * <p>The newest row of an entity always stays: the next sequence number is found by it, also when a
 * snapshot holds the whole state.
 */
public final class JournalTrim {

  /** Rows a statement, so that none holds its locks for long or outlives its time-out. */
  private static final int BATCH = 10_000;

  private static final String TRIM =
      """
      DELETE FROM clawterm.event_journal
      WHERE persistence_id = ? AND sequence_number IN (
        SELECT sequence_number FROM clawterm.event_journal
        WHERE persistence_id = ? AND sequence_number <= ? AND sequence_number < (
          SELECT max(sequence_number) FROM clawterm.event_journal WHERE persistence_id = ?)
        ORDER BY sequence_number LIMIT ?)
      """;

  private static final String DELETE_EVENTS =
      """
      DELETE FROM clawterm.event_journal WHERE persistence_id = ?
      """;

  private static final String DELETE_SNAPSHOTS =
      """
      DELETE FROM clawterm.snapshot WHERE persistence_id = ?
      """;

  private JournalTrim() {}

  /**
   * Deletes the events of an entity up to and including a sequence number, except the newest one.
   * The entity must have a snapshot that holds them. It may go on writing meanwhile.
   *
   * @return how many were deleted; after a failure some may be deleted already, the oldest first
   */
  public static long upTo(DataSource database, String persistenceId, long sequenceNumber) {
    try (Connection connection = database.getConnection();
        PreparedStatement delete = connection.prepareStatement(TRIM)) {
      delete.setString(1, persistenceId);
      delete.setString(2, persistenceId);
      delete.setLong(3, sequenceNumber);
      delete.setString(4, persistenceId);
      delete.setInt(5, BATCH);
      long total = 0;
      int deleted;
      do {
        deleted = delete.executeUpdate();
        total += deleted;
      } while (deleted == BATCH);
      return total;
    } catch (SQLException e) {
      throw new StorageException("Can't trim the journal: " + e.getMessage(), e);
    }
  }

  /**
   * Deletes all events, tags and snapshots of an entity in one transaction. The entity must not
   * run; its id begins at 1 again.
   */
  public static void whole(DataSource database, String persistenceId) {
    try (Connection connection = database.getConnection()) {
      boolean automatic = connection.getAutoCommit();
      connection.setAutoCommit(false);
      try {
        delete(connection, DELETE_SNAPSHOTS, persistenceId);
        delete(connection, DELETE_EVENTS, persistenceId);
        connection.commit();
      } finally {
        // What wasn't committed must not be by the switch back.
        connection.rollback();
        connection.setAutoCommit(automatic);
      }
    } catch (SQLException e) {
      throw new StorageException("Can't delete from the journal: " + e.getMessage(), e);
    }
  }

  private static void delete(Connection connection, String sql, String persistenceId)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, persistenceId);
      statement.executeUpdate();
    }
  }
}
