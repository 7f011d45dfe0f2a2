package io.clawterm.storage;

import akka.persistence.AtomicWrite;
import akka.persistence.jdbc.config.JournalConfig;
import akka.persistence.jdbc.journal.dao.DefaultJournalDao;
import akka.serialization.Serialization;
import akka.stream.Materializer;
import scala.collection.immutable.Seq;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;
import scala.runtime.BoxedUnit;
import scala.util.Try;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcProfile;

/**
 * Writes as akka-persistence-jdbc does, and lets {@link DatabaseDisk} hear of what fails. Named in
 * {@code storage.conf}, created by Akka.
 */
final class WatchedJournalDao extends DefaultJournalDao {

  private final DatabaseDisk disk;

  WatchedJournalDao(
      JdbcBackend.DatabaseDef database,
      JdbcProfile profile,
      JournalConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(database, profile, config, serialization, executor, materializer);
    disk = StorageSetup.of(serialization.system()).disk();
  }

  @Override
  public Future<Seq<Try<BoxedUnit>>> asyncWriteMessages(Seq<AtomicWrite> messages) {
    Future<Seq<Try<BoxedUnit>>> written = super.asyncWriteMessages(messages);
    var unused =
        FutureConverters.asJava(written)
            .exceptionally(failure -> {
              disk.failed(failure);
              return null;
            });
    return written;
  }
}
