package io.clawterm.http;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.Migrations;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.ds.PGSimpleDataSource;

/** A real server with the schema in it, which can be stopped and started behind the pool. */
final class TestDatabase implements AutoCloseable {

  private final Path folder;
  private final PGSimpleDataSource single = new PGSimpleDataSource();
  private EmbeddedPostgres server;
  final HikariDataSource pool;

  TestDatabase(Path folder) {
    this.folder = folder;
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    pointAtServer();
    HikariConfig config = new HikariConfig();
    config.setDataSource(single);
    config.setMaximumPoolSize(10);
    config.setConnectionTimeout(2_000);
    pool = new HikariDataSource(config);
    Migrations.run(pool);
  }

  /** The server may get another port at each start. */
  private void pointAtServer() {
    single.setUrl(server.target().url());
    single.setUser(server.target().user());
    single.setPassword(server.target().password().value());
  }

  void stopServer() {
    server.close();
  }

  void startServer() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    pointAtServer();
  }

  /** The first column of the first row, as text. */
  String value(String sql) {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return String.valueOf(row.getString(1));
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  int update(String sql) {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The summaries of ids that begin like this, with all their columns. */
  String summaries(String start) {
    return value(
        "SELECT json_agg(s ORDER BY session_id) FROM clawterm.session_summary s"
            + " WHERE session_id LIKE '"
            + start
            + "%'");
  }

  @Override
  public void close() {
    pool.close();
    server.close();
  }
}
