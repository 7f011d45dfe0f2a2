package io.clawterm.storage;

import akka.actor.ActorSystem;
import akka.persistence.jdbc.db.SlickDatabase;
import akka.persistence.jdbc.db.SlickDatabaseProvider;
import com.typesafe.config.Config;
import scala.Some;
import scala.concurrent.duration.Duration;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcBackend$;
import slick.jdbc.JdbcProfile;
import slick.jdbc.PostgresProfile$;
import slick.util.AsyncExecutor;
import slick.util.AsyncExecutor$;

/**
 * Lets akka-persistence-jdbc use the database of {@link StorageSetup} for everything but commits
 * ({@link DirectJournalDao}), whereas by itself it would open a pool for each plugin. Named in
 * {@code storage.conf}, created by Akka.
 */
final class SharedSlickDatabaseProvider implements SlickDatabaseProvider {

  /** Statements that wait for a thread; above it they fail. */
  private static final int QUEUE_SIZE = 100_000;

  private static final Duration KEEP_THREADS = Duration.create("1 minute");

  private final SlickDatabase database;

  SharedSlickDatabaseProvider(ActorSystem system) {
    StorageSetup setup = StorageSetup.of(system);
    int connections = setup.others(system.settings().config().getInt("jdbc-journal.parallelism"));
    // As many threads as connections: none ever waits for a connection while others hold it up.
    AsyncExecutor executor =
        AsyncExecutor$.MODULE$.apply(
            "clawterm-journal",
            connections,
            connections,
            QUEUE_SIZE,
            connections,
            KEEP_THREADS,
            false);
    // Only the threads end with the system: closing the database would close the data source too.
    system.registerOnTermination(executor::close);
    database =
        new SharedDatabase(
            JdbcBackend$.MODULE$
                .Database()
                .forDataSource(setup.dataSource(), Some.apply(connections), executor, false),
            PostgresProfile$.MODULE$);
  }

  @Override
  public SlickDatabase database(Config config) {
    return database;
  }

  private record SharedDatabase(JdbcBackend.DatabaseDef database, JdbcProfile profile)
      implements SlickDatabase {

    /** No plugin may close what the others use. */
    @Override
    public boolean allowShutdown() {
      return false;
    }
  }
}
