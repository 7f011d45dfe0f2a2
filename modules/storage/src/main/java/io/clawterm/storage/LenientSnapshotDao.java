package io.clawterm.storage;

import akka.persistence.SnapshotMetadata;
import akka.persistence.jdbc.config.SnapshotConfig;
import akka.persistence.jdbc.snapshot.dao.DefaultSnapshotDao;
import akka.serialization.Serialization;
import akka.stream.Materializer;
import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcProfile;

/**
 * Gives no snapshot where the newest one can't be read: its entity reads the journal instead, which
 * leads to the same state, or to a clear failure where the journal's beginning has been trimmed.
 * Akka's {@code snapshot-is-optional} would do so too whenever the database does not answer, when
 * the last thing that it needs is to be asked for whole journals. Named in {@code storage.conf},
 * created by Akka.
 */
final class LenientSnapshotDao extends DefaultSnapshotDao {

  private static final Logger LOG = LoggerFactory.getLogger(LenientSnapshotDao.class);

  LenientSnapshotDao(
      JdbcBackend.DatabaseDef database,
      JdbcProfile profile,
      SnapshotConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(database, profile, config, serialization, executor, materializer);
  }

  @Override
  public Future<Option<Tuple2<SnapshotMetadata, Object>>> latestSnapshot(String persistenceId) {
    return FutureConverters.asScala(
        FutureConverters.asJava(super.latestSnapshot(persistenceId))
            .exceptionallyCompose(failure -> {
              if (isOfDatabase(failure)) {
                return CompletableFuture.failedFuture(failure);
              }
              LOG.atWarn()
                  .addKeyValue("entity", persistenceId)
                  .addKeyValue("reason", failure.getClass().getName())
                  .log("a snapshot can't be read by this build; the journal is read instead");
              return CompletableFuture.completedFuture(Option.empty());
            }));
  }

  private static boolean isOfDatabase(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null
        && !(cause instanceof SQLException)
        && !(cause instanceof RejectedExecutionException)) {
      cause = cause.getCause();
    }
    return cause instanceof SQLException || cause instanceof RejectedExecutionException;
  }
}
