package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Steps that happen together or not at all. */
final class Transaction {

  /** Whoever holds a lock for longer is stuck; then nothing changes, and it can be tried again. */
  private static final String PATIENCE = "SET LOCAL lock_timeout = '5s'";

  /** What is to be done on the transaction's connection. */
  @FunctionalInterface
  interface Steps<R> {
    R run(Connection connection) throws SQLException;
  }

  private Transaction() {}

  /**
   * Runs the steps and commits. Nothing has changed where a step fails; where the commit does, the
   * outcome is unknown.
   */
  static <R> R run(DataSource database, Steps<R> steps) throws SQLException {
    try (Connection connection = database.getConnection()) {
      connection.setAutoCommit(false);
      try {
        execute(connection, PATIENCE);
        R done = steps.run(connection);
        connection.commit();
        connection.setAutoCommit(true);
        return done;
      } catch (SQLException | RuntimeException | Error e) {
        undo(connection, e);
        throw e;
      }
    }
  }

  private static void undo(Connection connection, Throwable failure) {
    try {
      connection.rollback();
      connection.setAutoCommit(true);
    } catch (SQLException e) {
      failure.addSuppressed(e);
    }
  }

  static void execute(Connection connection, String sql) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.execute();
    }
  }
}
