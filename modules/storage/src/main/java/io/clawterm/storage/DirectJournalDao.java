package io.clawterm.storage;

import akka.NotUsed;
import akka.actor.ActorSystem;
import akka.actor.Scheduler;
import akka.persistence.PersistentRepr;
import akka.persistence.jdbc.config.JournalConfig;
import akka.persistence.jdbc.journal.dao.DefaultJournalDao;
import akka.persistence.jdbc.journal.dao.JournalTables.JournalAkkaSerializationRow;
import akka.serialization.Serialization;
import akka.stream.Materializer;
import akka.stream.scaladsl.Source;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.collection.immutable.Set;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.concurrent.Promise;
import scala.concurrent.Promise$;
import scala.concurrent.duration.FiniteDuration;
import scala.runtime.BoxedUnit;
import scala.util.Try;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcProfile;

/**
 * Reads in parts that are bounded in bytes as well ({@link JournalSelect}), and writes in one step
 * ({@link JournalInsert}), on threads and connections of its own: after the loss of a node many
 * sessions are read back, and the commits of those that run are not to queue behind that. {@link
 * DatabaseDisk} hears of what fails. Named in {@code storage.conf}, created by Akka.
 */
final class DirectJournalDao extends DefaultJournalDao {

  private final DatabaseDisk disk;
  private final JournalInsert insert;
  private final JournalSelect select;
  private final ExecutorService writers;

  DirectJournalDao(
      JdbcBackend.DatabaseDef database,
      JdbcProfile profile,
      JournalConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(database, profile, config, serialization, executor, materializer);
    ActorSystem system = serialization.system();
    StorageSetup setup = StorageSetup.of(system);
    disk = setup.disk();
    insert = new JournalInsert(setup.dataSource());
    select = new JournalSelect(database, serialization);
    writers =
        Executors.newFixedThreadPool(
            setup.writers(config.daoConfig().parallelism()),
            Thread.ofPlatform().daemon().name("clawterm-journal-write-", 1).factory());
    system.registerOnTermination(writers::shutdown);
  }

  @Override
  public Source<Try<Tuple2<PersistentRepr, Object>>, NotUsed> messagesWithBatch(
      String id, long from, long to, int most, Option<Tuple2<FiniteDuration, Scheduler>> refresh) {
    return refresh.isEmpty()
        ? select.events(id, from, to, most)
        : super.messagesWithBatch(id, from, to, most, refresh);
  }

  @Override
  public Future<BoxedUnit> writeJournalRows(
      Seq<Tuple2<JournalAkkaSerializationRow, Set<String>>> rows) {
    Promise<BoxedUnit> written = Promise$.MODULE$.apply();
    try {
      writers.execute(() -> write(rows, written));
    } catch (RejectedExecutionException e) {
      written.failure(e);
    }
    return written.future();
  }

  /** Whatever happens, it says so: one that was never told would stop all that come after it. */
  private void write(
      Seq<Tuple2<JournalAkkaSerializationRow, Set<String>>> rows, Promise<BoxedUnit> written) {
    try {
      insert.write(rows);
      written.success(BoxedUnit.UNIT);
    } catch (Throwable e) { // Errors too, and what a host's data source does not declare
      try {
        disk.failed(e);
      } finally {
        written.failure(e);
      }
    }
  }
}
