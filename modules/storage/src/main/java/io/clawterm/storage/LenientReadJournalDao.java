package io.clawterm.storage;

import akka.NotUsed;
import akka.actor.ExtendedActorSystem;
import akka.actor.Scheduler;
import akka.persistence.PersistentRepr;
import akka.persistence.jdbc.config.ReadJournalConfig;
import akka.persistence.jdbc.query.dao.DefaultReadJournalDao;
import akka.serialization.Serialization;
import akka.stream.Materializer;
import akka.stream.scaladsl.Source;
import scala.Option;
import scala.Tuple2;
import scala.Tuple3;
import scala.collection.immutable.Set;
import scala.concurrent.ExecutionContext;
import scala.concurrent.duration.FiniteDuration;
import scala.util.Success;
import scala.util.Try;
import slick.jdbc.JdbcBackend;
import slick.jdbc.JdbcProfile;

/**
 * Reads as akka-persistence-jdbc does, except that one event which can't be read does not end a
 * stream of the events of all entities: {@link UnreadableEvent} stands in its place; and that the
 * events of one entity come as {@link JournalSelect} has it. Named in {@code storage.conf}, created
 * by Akka.
 */
final class LenientReadJournalDao extends DefaultReadJournalDao {

  /** Events of one entity in one part; what is by tag is bounded in number alone, so lower. */
  private static final int MOST = 500;

  private final DefaultReadJournalDao byTag;
  private final JournalSelect select;

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
    select = new JournalSelect(database, serialization);
  }

  @Override
  public Source<Try<Tuple2<PersistentRepr, Object>>, NotUsed> messagesWithBatch(
      String id, long from, long to, int most, Option<Tuple2<FiniteDuration, Scheduler>> refresh) {
    return refresh.isEmpty()
        ? select.events(id, from, to, MOST)
        : super.messagesWithBatch(id, from, to, most, refresh);
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
