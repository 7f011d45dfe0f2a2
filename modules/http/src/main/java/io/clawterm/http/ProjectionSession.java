package io.clawterm.http;

import akka.japi.function.Function;
import akka.projection.jdbc.JdbcSession;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** The transaction in which a projection writes its rows and its offset together. */
final class ProjectionSession implements JdbcSession {

  private final Connection connection;

  private ProjectionSession(Connection connection) {
    this.connection = connection;
  }

  static ProjectionSession open(DataSource database) {
    try {
      Connection connection = database.getConnection();
      connection.setAutoCommit(false);
      return new ProjectionSession(connection);
    } catch (SQLException e) {
      throw new SummariesUnavailableException(e);
    }
  }

  @Override
  public <T> T withConnection(Function<Connection, T> work) throws Exception {
    return work.apply(connection);
  }

  @Override
  public void commit() throws SQLException {
    connection.commit();
  }

  @Override
  public void rollback() throws SQLException {
    connection.rollback();
  }

  /** The pool sets what was changed back. */
  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
