package io.clawterm.storage;

import akka.NotUsed;
import akka.actor.ExtendedActorSystem;
import akka.persistence.PersistentRepr;
import akka.persistence.jdbc.config.ReadJournalConfig;
import akka.persistence.jdbc.query.dao.DefaultReadJournalDao;
import akka.serialization.Serialization;
import akka.stream.Materializer;
import akka.stream.scaladsl.Source;
import scala.Tuple3;
import scala.collection.immutable.Set;
import scala.concurrent.ExecutionContext;
import scala.util.Success;
import scala.util.Try;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcProfile;

/**
 * Reads as akka-persistence-jdbc does, except that one event which can't be read does not end a
 * stream of the events of all entities: {@link UnreadableEvent} stands in its place. Named in
 * {@code storage.conf}, created by Akka.
 */
final class LenientReadJournalDao extends DefaultReadJournalDao {

  private final DefaultReadJournalDao byTag;

  LenientReadJournalDao(
      JdbcBackend.DatabaseDef database,
      JdbcProfile profile,
      ReadJournalConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(database, profile, config, serialization, executor, materializer);
    byTag =
        new DefaultReadJournalDao(
            database,
            profile,
            config,
            new Lenient(serialization.system(), serialization),
            executor,
            materializer);
  }

  @Override
  public Source<Try<Tuple3<PersistentRepr, Set<String>, Object>>, NotUsed> eventsByTag(
      String tag, long offset, long maxOffset, long max) {
    return byTag.eventsByTag(tag, offset, maxOffset, max);
  }

  private static final class Lenient extends Serialization {
    private final Serialization strict;

    Lenient(ExtendedActorSystem system, Serialization strict) {
      super(system);
      this.strict = strict;
    }

    @Override
    public Try<Object> deserialize(byte[] bytes, int serializerId, String manifest) {
      Try<Object> read = strict.deserialize(bytes, serializerId, manifest);
      return read.isSuccess()
          ? read
          : new Success<>(
              new UnreadableEvent(
                  serializerId, manifest, read.failed().get().getClass().getName()));
    }
  }
}
