package io.clawterm.storage;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells whether the database answers, for the readiness of a node. */
public final class DatabaseHealth {

  private static final Logger LOG = LoggerFactory.getLogger(DatabaseHealth.class);

  private DatabaseHealth() {}

  /**
   * Whether a query is answered within {@code limit}, the wait for a free connection included.
   * Blocks that long at most: call it where blocking is allowed.
   */
  public static boolean answers(DataSource database, Duration limit) {
    // A thread of its own, because neither the pool nor the driver takes a bound for one call.
    FutureTask<Boolean> query = new FutureTask<>(() -> ask(database, limit));
    Thread asking = Thread.ofVirtual().name("clawterm-database-health").start(query);
    try {
      return query.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      asking.interrupt();
      LOG.atWarn().addKeyValue("limit", limit).log("The database does not answer in time");
      return false;
    } catch (ExecutionException e) {
      LOG.atWarn().setCause(e.getCause()).log("The database does not answer");
      return false;
    } catch (InterruptedException e) {
      asking.interrupt();
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static boolean ask(DataSource database, Duration limit) throws SQLException {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      statement.setQueryTimeout((int) Math.max(1, limit.toSeconds()));
      return statement.execute("SELECT 1");
    }
  }
}
