package io.clawterm.storage;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.time.Duration;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** A data source each of whose connections is adjusted before it is used. */
record AdjustedDataSource(DataSource behind, Adjustment adjustment) implements DataSource {

  /** Something done to a connection. */
  @FunctionalInterface
  interface Adjustment {
    void apply(Connection connection) throws SQLException;
  }

  /** Connections that wait this long for an answer. */
  static AdjustedDataSource patient(DataSource behind, Duration patience) {
    int millis = Math.toIntExact(patience.toMillis());
    return new AdjustedDataSource(
        behind, connection -> connection.setNetworkTimeout(Runnable::run, millis));
  }

  @Override
  public Connection getConnection() throws SQLException {
    return adjusted(behind.getConnection());
  }

  @Override
  public Connection getConnection(String user, String password) throws SQLException {
    return adjusted(behind.getConnection(user, password));
  }

  private Connection adjusted(Connection connection) throws SQLException {
    try {
      adjustment.apply(connection);
      return connection;
    } catch (SQLException | RuntimeException | Error e) {
      try {
        connection.close();
      } catch (SQLException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  @Override
  public @Nullable PrintWriter getLogWriter() throws SQLException {
    return behind.getLogWriter();
  }

  @Override
  public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
    behind.setLogWriter(out);
  }

  @Override
  public void setLoginTimeout(int seconds) throws SQLException {
    behind.setLoginTimeout(seconds);
  }

  @Override
  public int getLoginTimeout() throws SQLException {
    return behind.getLoginTimeout();
  }

  @Override
  public Logger getParentLogger() throws SQLFeatureNotSupportedException {
    return behind.getParentLogger();
  }

  @Override
  public <T> T unwrap(Class<T> type) throws SQLException {
    return behind.unwrap(type);
  }

  @Override
  public boolean isWrapperFor(Class<?> type) throws SQLException {
    return behind.isWrapperFor(type);
  }
}
