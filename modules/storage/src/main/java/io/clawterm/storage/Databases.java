package io.clawterm.storage;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** Opens the pool of connections that all of a node shares. */
public final class Databases {

  private static final int OLDEST_MAJOR = 14;

  private static final String PROPERTIES =
      """
      SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync'),
             current_setting('synchronous_commit'), current_setting('transaction_isolation')
      """;

  private Databases() {}

  /**
   * A pool on a server, embedded or not, that was {@linkplain #check checked}, for an operator's
   * own work: what is written through it nobody can fence. The caller closes it.
   *
   * @throws StorageException when the server can't be reached or isn't fit
   */
  public static HikariDataSource open(JdbcTarget target, DatabaseSettings settings) {
    return pool(connect(target, settings), settings, "operator");
  }

  /** As {@link #open}, on what {@link #connect} gave; its connections name the node that writes. */
  public static HikariDataSource pool(DataSource single, DatabaseSettings settings, int node) {
    return pool(single, settings, String.valueOf(node));
  }

  private static HikariDataSource pool(
      DataSource single, DatabaseSettings settings, String writer) {
    HikariConfig pool = new HikariConfig();
    pool.setPoolName("clawterm");
    pool.setDataSource(single);
    pool.setMaximumPoolSize(settings.connections());
    pool.setMinimumIdle(settings.connections());
    pool.setConnectionTimeout(settings.connectTimeout().toMillis());
    pool.setValidationTimeout(settings.connectTimeout().toMillis() / 2);
    // Connected a moment ago, so the pool may fill while the node goes on with its start.
    pool.setInitializationFailTimeout(-1);
    pool.setConnectionInitSql("SET clawterm.node = '" + writer + "'");
    return new HikariDataSource(pool);
  }

  /**
   * A data source that connects anew each time, on a server that was {@linkplain #check checked}.
   *
   * @throws StorageException when the server can't be reached or isn't fit
   */
  public static DataSource connect(JdbcTarget target, DatabaseSettings settings) {
    DataSource single = single(target, settings);
    check(single, settings);
    return single;
  }

  private static DataSource single(JdbcTarget target, DatabaseSettings settings) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(target.url());
    source.setUser(target.user());
    if (!target.password().value().isEmpty()) {
      source.setPassword(target.password().value());
    }
    source.setReWriteBatchedInserts(true);
    source.setApplicationName("clawterm");
    // The detail of an error quotes rows, and errors are logged.
    source.setLogServerErrorDetail(false);
    source.setTcpKeepAlive(true);
    source.setConnectTimeout((int) settings.connectTimeout().toSeconds());
    source.setLoginTimeout((int) settings.connectTimeout().toSeconds());
    source.setSocketTimeout((int) settings.answerTimeout().toSeconds());
    return source;
  }

  /**
   * Refuses a server that is too old, or that may lose what it acknowledged, and connections
   * without auto-commit. For a host application's own data source as well.
   *
   * @throws StorageException when the server can't be reached or isn't fit
   */
  public static void check(DataSource database, DatabaseSettings settings) {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(PROPERTIES)) {
      row.next();
      requireAutoCommit(connection);
      requireVersion(row.getInt(1));
      requireIsolation(row.getString(4));
      if (!settings.allowUnsafe()) {
        requireDurability(row.getString(2), row.getString(3));
      }
    } catch (SQLException e) {
      throw new StorageException("Can't use the database: " + e.getMessage(), e);
    }
  }

  static void requireVersion(int major) {
    if (major < OLDEST_MAJOR) {
      throw new StorageException(
          "The database server is PostgreSQL "
              + major
              + "; needed is "
              + OLDEST_MAJOR
              + " or later.");
    }
  }

  /** Only a host application's own can be without: what a single statement does would be undone. */
  private static void requireAutoCommit(Connection connection) throws SQLException {
    if (!connection.getAutoCommit()) {
      throw new StorageException(
          "The data source gives connections without auto-commit, and single statements have to"
              + " last: switch it on (HikariCP: autoCommit=true, its default).");
    }
  }

  /** A write that waited for a fence has to see it. */
  private static void requireIsolation(String level) {
    if (!level.equals("read committed")) {
      throw new StorageException(
          "The database's transactions are "
              + level
              + "; needed is read committed, PostgreSQL's default (ALTER ROLE … SET"
              + " default_transaction_isolation = 'read committed').");
    }
  }

  /**
   * Refuses a pooler that gives each transaction another connection: by its connections the
   * database knows which node writes.
   *
   * @throws StorageException where there is one, or no two connections can be had
   */
  public static void requireSessions(DataSource database) {
    try (Connection one = database.getConnection();
        Connection other = database.getConnection();
        Statement first = one.createStatement();
        Statement second = other.createStatement()) {
      first.execute("SET clawterm.probe = 'one'");
      other.setAutoCommit(false);
      second.execute("SELECT 1"); // takes what the first has left, if it was left
      try (ResultSet row = first.executeQuery("SELECT current_setting('clawterm.probe', true)")) {
        if (!row.next() || !"one".equals(row.getString(1))) {
          throw new StorageException(
              "Between node and database is a pooler that changes connections between transactions"
                  + " (such as PgBouncer with pool_mode = transaction). Connect to the server"
                  + " itself, or set the pooler to one connection a session.");
        }
      } finally {
        other.rollback();
        other.setAutoCommit(true);
        first.execute("RESET clawterm.probe");
      }
    } catch (SQLException e) {
      throw new StorageException("Can't use the database: " + e.getMessage(), e);
    }
  }

  private static void requireDurability(String fsync, String synchronousCommit) {
    if (!fsync.equals("on")) {
      throw new StorageException(
          "The database server runs with fsync=off: when its machine stops, acknowledged events are"
              + " lost and the database may be damaged. Switch it on in postgresql.conf, or force"
              + " the start with clawterm.node.allow-unsafe-database.");
    }
    if (synchronousCommit.equals("off")) {
      throw new StorageException(
          "The database acknowledges before it has written (synchronous_commit=off): acknowledged"
              + " events would be lost when it stops. Switch it on for this user (ALTER ROLE … SET"
              + " synchronous_commit = on), or force the start with"
              + " clawterm.node.allow-unsafe-database.");
    }
  }
}
