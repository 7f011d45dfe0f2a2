package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.cluster.sharding.typed.javadsl.EntityTypeKey;
import akka.persistence.typed.PersistenceId;
import akka.persistence.typed.javadsl.CommandHandler;
import akka.persistence.typed.javadsl.EventHandler;
import akka.persistence.typed.javadsl.EventSourcedBehavior;
import akka.persistence.typed.javadsl.RetentionCriteria;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;

/**
 * One name under which a session is found: a session key, or the nonce of a CONNECT. Sharded by
 * that name, so that two connections with the same key meet here.
 */
final class DirectoryEntity
    extends EventSourcedBehavior<
        DirectoryEntity.Resolve, DirectoryEntity.Bound, DirectoryEntity.Binding> {

  static final EntityTypeKey<Resolve> TYPE = EntityTypeKey.create(Resolve.class, "directory");

  /**
   * Asks for the id; binds the candidate if there is none, if it is the {@code unlike} one, or if
   * it is older than {@code valid}.
   */
  record Resolve(
      SessionId candidate,
      Optional<SessionId> unlike,
      Optional<Duration> valid,
      ActorRef<Resolved> replyTo)
      implements RemoteMessage {}

  /** The id that the name is bound to. */
  record Resolved(SessionId session) implements RemoteMessage {}

  /** The name leads to this session from now on. */
  record Bound(SessionId session, Instant at) implements Stored {}

  /** What the name leads to. */
  record Binding(Optional<Bound> bound) implements Stored {}

  private final InstantSource clock;

  private DirectoryEntity(String name, InstantSource clock) {
    // A key may hold the character that PersistenceId.of takes for the separator alone.
    super(PersistenceId.ofUniqueId(TYPE.name() + PersistenceId.DefaultSeparator() + name));
    this.clock = clock;
  }

  static Behavior<Resolve> create(String name, InstantSource clock) {
    return new DirectoryEntity(name, clock);
  }

  @Override
  public Binding emptyState() {
    return new Binding(Optional.empty());
  }

  @Override
  public EventHandler<Binding, Bound> eventHandler() {
    return (binding, bound) -> new Binding(Optional.of(bound));
  }

  @Override
  public RetentionCriteria retentionCriteria() {
    return RetentionCriteria.snapshotEvery(100, 1);
  }

  @Override
  public CommandHandler<Resolve, Bound, Binding> commandHandler() {
    return (binding, resolve) -> {
      Instant now = clock.instant();
      Optional<SessionId> standing =
          binding
              .bound()
              .filter(bound ->
                  resolve.valid().map(span -> bound.at().plus(span).isAfter(now)).orElse(true))
              .map(Bound::session)
              .filter(id -> !resolve.unlike().equals(Optional.of(id)));
      if (standing.isPresent()) {
        return Effect().none().thenReply(resolve.replyTo(), state -> new Resolved(standing.get()));
      }
      return Effect()
          .persist(new Bound(resolve.candidate(), now))
          .thenReply(resolve.replyTo(), state -> new Resolved(resolve.candidate()));
    };
  }
}
