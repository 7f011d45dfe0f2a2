package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets one node at a time look whether there is a cluster and found one if not: two that start at
 * once can't found two.
 */
public final class FormationLock implements AutoCloseable {

  private static final int FORMATION = 1_129_074_003;

  /** How long the driver waits beyond the server. */
  private static final int SLACK_MILLIS = 10_000;

  private static final String LIMIT = "SELECT set_config('lock_timeout', ?, true)";
  private static final String LOCK = "SELECT pg_advisory_xact_lock(?, 0)";

  private static final String JOINED =
      """
      UPDATE clawterm.cluster_node SET joined_at = now() WHERE number = ? AND fenced_at IS NULL
      """;

  private static final Logger LOG = LoggerFactory.getLogger(FormationLock.class);

  private final Connection connection;

  private FormationLock(Connection connection) {
    this.connection = connection;
  }

  /**
   * Waits for its turn.
   *
   * @throws StorageException when it has not come in that time, or the database does not answer
   */
  public static FormationLock await(DataSource database, Duration limit) {
    try {
      Connection connection = database.getConnection();
      var lock = new FormationLock(connection);
      try {
        lock.await(limit);
        return lock;
      } catch (SQLException e) {
        lock.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new StorageException(
          "Another node is joining the cluster and does not come to an end: " + e.getMessage(), e);
    }
  }

  private void await(Duration limit) throws SQLException {
    int usual = connection.getNetworkTimeout();
    connection.setNetworkTimeout(Runnable::run, (int) limit.toMillis() + SLACK_MILLIS);
    connection.setAutoCommit(false);
    try (PreparedStatement wait = connection.prepareStatement(LIMIT);
        PreparedStatement lock = connection.prepareStatement(LOCK)) {
      wait.setString(1, limit.toMillis() + "ms");
      wait.executeQuery().close();
      lock.setInt(1, FORMATION);
      lock.executeQuery().close();
    }
    connection.setNetworkTimeout(Runnable::run, usual);
  }

  /**
   * Tells the others that they can join this life of a node, and ends the turn, both in one step:
   * who comes next sees it.
   *
   * @throws StorageException when the turn was lost meanwhile, or the life was fenced; then another
   *     node may have founded a cluster
   */
  public void joined(int number) {
    try (PreparedStatement update = connection.prepareStatement(JOINED)) {
      update.setInt(1, number);
      if (update.executeUpdate() == 0) {
        throw new StorageException("Node " + number + " was fenced while it joined the cluster");
      }
      connection.commit();
    } catch (SQLException e) {
      throw new StorageException("Can't register as a member: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try (connection) {
      connection.rollback();
      connection.setAutoCommit(true);
    } catch (SQLException e) {
      LOG.atDebug().setCause(e).log("the turn has ended with its connection");
    }
  }
}
