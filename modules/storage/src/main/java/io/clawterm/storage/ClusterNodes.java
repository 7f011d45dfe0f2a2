package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import javax.sql.DataSource;
import org.postgresql.util.PSQLState;

/**
 * The nodes that share a database: which are alive, and which may write nothing any more.
 *
 * <p>A node holds a lock of its session with the database while it lives ({@link NodeLease}). The
 * server frees it as soon as the process is gone, so a crash shows at once; a node that only sleeps
 * keeps it. Whether a node <em>may be taken for dead</em> is decided elsewhere; once it is, {@link
 * #fence} makes that true: nothing that it writes is accepted from then on.
 */
public final class ClusterNodes {

  /** First half of the key of the lock that a node holds while it lives. */
  static final int LIFE = 1_129_074_001;

  /** First half of the key that each write of a node takes shared; the migration has it too. */
  static final int WRITES = 1_129_074_002;

  /** A schema that an earlier release made has no {@code draining_at} before this one's start. */
  private static final String WRITERS =
      """
      SELECT number, cluster, version, address, uid, devices_at, joined_at IS NOT NULL, number IN (
        SELECT objid::integer FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid::bigint = ?
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
        to_jsonb(cluster_node) ->> 'draining_at' IS NOT NULL, started_at
      FROM clawterm.cluster_node WHERE fenced_at IS NULL ORDER BY number
      """;

  /**
   * Serializes those who fence: of two that would fence each other, the second finds it is gone.
   */
  private static final String ALONE =
      """
      LOCK TABLE clawterm.cluster_node IN SHARE ROW EXCLUSIVE MODE
      """;

  private static final String STILL_ME =
      """
      SELECT 1 FROM clawterm.cluster_node WHERE number = ? AND fenced_at IS NULL
      """;

  private static final String BACKENDS =
      """
      SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint IN (?, ?)
        AND objid::bigint = ? AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """;

  private static final String AT =
      """
      SELECT number FROM clawterm.cluster_node
      WHERE address = ? AND uid = ? AND fenced_at IS NULL
      """;

  private static final String WAIT_FOR_WRITES =
      """
      SELECT pg_advisory_xact_lock(?, ?)
      """;

  private static final String IS_GONE =
      """
      SELECT pg_try_advisory_xact_lock(?, ?)
      """;

  private static final String FENCE =
      """
      UPDATE clawterm.cluster_node SET fenced_at = now(), fenced_by = ?
      WHERE number = ? AND fenced_at IS NULL
      """;

  private static final String DRAIN =
      """
      UPDATE clawterm.cluster_node SET draining_at = CASE WHEN ? THEN coalesce(draining_at, now()) END
      WHERE number = ? AND fenced_at IS NULL
      """;

  private final DataSource database;

  public ClusterNodes(DataSource database) {
    this.database = database;
  }

  /**
   * The lives that are not fenced, oldest first: what each of them writes is accepted. None before
   * the first start of any.
   *
   * @throws StorageException when the database does not answer
   */
  public List<ClusterNode> writers() {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(WRITERS)) {
      query.setLong(1, LIFE);
      List<ClusterNode> nodes = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          nodes.add(
              new ClusterNode(
                  row.getInt(1),
                  row.getString(2),
                  row.getString(3),
                  row.getString(4),
                  row.getLong(5),
                  row.getString(6),
                  row.getBoolean(7),
                  row.getBoolean(8),
                  row.getBoolean(9),
                  row.getTimestamp(10).toInstant()));
        }
      }
      return nodes;
    } catch (SQLException e) {
      if (PSQLState.UNDEFINED_TABLE.getState().equals(e.getSQLState())) {
        return List.of();
      }
      throw new StorageException("Can't read which nodes there are: " + e.getMessage(), e);
    }
  }

  /**
   * Makes sure that a life writes nothing any more: its connections that write are ended, and
   * whatever it sends later is refused.
   *
   * @param by the life that fences; it does nothing where it is fenced itself
   * @return whether the life is fenced now
   * @throws StorageException when the database does not answer; then nothing has changed
   */
  public boolean fence(int number, int by) {
    return asOne(connection -> fence(connection, number, by, false));
  }

  /**
   * As {@link #fence(int, int)}, for the life with this address and uid. One that the database
   * knows nothing of cannot write either.
   */
  public boolean fence(String address, long uid, int by) {
    return asOne(connection -> {
      Transaction.execute(connection, ALONE);
      OptionalInt number = at(connection, address, uid);
      return number.isPresent()
          ? fence(connection, number.getAsInt(), by, false)
          : found(connection, STILL_ME, by);
    });
  }

  /**
   * As {@link #fence}, but only where the life has lost its lock: its process is gone, or it has no
   * way to the database.
   */
  public boolean fenceIfGone(int number, int by) {
    return asOne(connection -> fence(connection, number, by, true));
  }

  /** Whether a life may write. */
  public boolean mayWrite(int number) {
    return asOne(connection -> found(connection, STILL_ME, number));
  }

  /**
   * Wants a node to give its sessions and devices to others, or wants it no more.
   *
   * @return false where there is no such life, or it is fenced
   */
  public boolean drain(int number, boolean wanted) {
    return asOne(connection -> {
      try (PreparedStatement update = connection.prepareStatement(DRAIN)) {
        update.setBoolean(1, wanted);
        update.setInt(2, number);
        return update.executeUpdate() > 0;
      }
    });
  }

  /** What it may wait for: writes that were under way and did not end when told. */
  private boolean asOne(Transaction.Steps<Boolean> steps) {
    try {
      return Transaction.run(database, steps);
    } catch (SQLException e) {
      throw new StorageException("Can't tell or say who may write: " + e.getMessage(), e);
    }
  }

  private static boolean fence(Connection connection, int number, int by, boolean onlyIfGone)
      throws SQLException {
    Transaction.execute(connection, ALONE);
    if (!found(connection, STILL_ME, by)) {
      return false;
    }
    if (!found(connection, STILL_ME, number)) {
      return true;
    }
    if (onlyIfGone && !isTrue(connection, IS_GONE, LIFE, number)) {
      return false;
    }
    try (PreparedStatement end = connection.prepareStatement(BACKENDS)) {
      end.setLong(1, LIFE);
      end.setLong(2, WRITES);
      end.setLong(3, number);
      end.executeQuery().close();
    }
    try (PreparedStatement wait = connection.prepareStatement(WAIT_FOR_WRITES)) {
      wait.setInt(1, WRITES);
      wait.setInt(2, number);
      wait.executeQuery().close();
    }
    try (PreparedStatement update = connection.prepareStatement(FENCE)) {
      update.setInt(1, by);
      update.setInt(2, number);
      update.executeUpdate();
    }
    return true;
  }

  private static OptionalInt at(Connection connection, String address, long uid)
      throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(AT)) {
      query.setString(1, address);
      query.setLong(2, uid);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? OptionalInt.of(row.getInt(1)) : OptionalInt.empty();
      }
    }
  }

  private static boolean found(Connection connection, String sql, int number) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      query.setInt(1, number);
      try (ResultSet row = query.executeQuery()) {
        return row.next();
      }
    }
  }

  private static boolean isTrue(Connection connection, String sql, int first, int second)
      throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      query.setInt(1, first);
      query.setInt(2, second);
      try (ResultSet row = query.executeQuery()) {
        return row.next() && row.getBoolean(1);
      }
    }
  }
}
