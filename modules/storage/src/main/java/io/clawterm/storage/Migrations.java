package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.postgresql.util.PSQLState;

/**
 * Brings the schema {@code clawterm} to the state that this release needs.
 *
 * <p>The scripts are numbered, only ever added to, and lie in {@code migration/} beside this class.
 */
public final class Migrations {

  /** Schema of all tables; the database may hold others of its own. */
  public static final String SCHEMA = "clawterm";

  /** Number of the newest script; a test compares it with the folder. */
  static final int NEWEST = 6;

  /** How long one statement of a script may take, and the wait for a node that migrates already. */
  private static final Duration PATIENCE = Duration.ofHours(1);

  static final String SCRIPTS = "classpath:io/clawterm/storage/migration";

  private static final String HISTORY = "schema_history";

  private static final String APPLIED =
      """
      SELECT coalesce(max(version::integer), 0) FROM clawterm.schema_history WHERE success
      """;

  private Migrations() {}

  /** As {@link #run(DataSource, boolean)}; a schema of a later release is refused. */
  public static void run(DataSource database) {
    run(database, false);
  }

  /**
   * Applies what is missing. Nodes that start at once wait for each other.
   *
   * <p>When the newest script is applied already, one query tells so, and Flyway isn't started at
   * all: to load, find its plugins and compare checksums it took 244 to 385 ms of a start where the
   * query took 30 to 46. What is skipped is the check that no released script was edited; a test
   * does that, where it belongs.
   *
   * <p>A statement may take an hour here, whatever the answer time-out of the data source is. The
   * connections are given back with that time-out; pools such as Hikari set their own again.
   *
   * @param allowNewer runs on a schema that has scripts which this release does not know, and
   *     leaves it as it is
   * @throws StorageException when the database refuses; nothing of a failed script is kept. And
   *     where the schema is that of a later release
   */
  public static void run(DataSource database, boolean allowNewer) {
    int applied = applied(database);
    if (applied > NEWEST && !allowNewer) {
      throw new StorageException(newer(applied));
    }
    if (applied < NEWEST) {
      migrate(database, SCRIPTS);
    }
  }

  private static String newer(int applied) {
    return "The schema of the database is of a later release: it has script "
        + applied
        + ", and this release knows those up to "
        + NEWEST
        + ". Start that release or a later one. Where its notes say that this one may run beside"
        + " it, clawterm.node.allow-newer-schema lets it start.";
  }

  /** The newest script that this release knows. */
  public static int known() {
    return NEWEST;
  }

  /**
   * The newest script that a database has; 0 before the first.
   *
   * @throws StorageException when the database does not answer
   */
  public static int applied(DataSource database) {
    try (Connection connection = database.getConnection();
        PreparedStatement query = connection.prepareStatement(APPLIED);
        ResultSet row = query.executeQuery()) {
      row.next();
      return row.getInt(1);
    } catch (SQLException e) {
      if (PSQLState.UNDEFINED_TABLE.getState().equals(e.getSQLState())) {
        return 0;
      }
      throw new StorageException("Can't read the version of the schema: " + e.getMessage(), e);
    }
  }

  static void migrate(DataSource database, String scripts) {
    try {
      Flyway.configure(Migrations.class.getClassLoader())
          .dataSource(AdjustedDataSource.patient(database, PATIENCE))
          .locations(scripts)
          // It asks once a second.
          .lockRetryCount((int) PATIENCE.toSeconds())
          .schemas(SCHEMA)
          .createSchemas(true)
          .table(HISTORY)
          .failOnMissingLocations(true)
          .load()
          .migrate();
    } catch (FlywayException e) {
      throw new StorageException("Can't bring the schema up to date: " + e.getMessage(), e);
    }
  }
}
