package io.clawterm.session;

import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import akka.cluster.sharding.typed.ClusterShardingSettings;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import akka.cluster.sharding.typed.javadsl.Entity;
import akka.cluster.sharding.typed.javadsl.EntityRef;
import akka.cluster.typed.Cluster;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.function.Supplier;
import scala.jdk.javaapi.OptionConverters;

/** Sessions sharded over the nodes of the cluster. */
public final class ClusterSessions implements Sessions {

  /** How long a nonce leads to the session that it opened (protocol, field NONCE). */
  private static final Duration NONCE_VALID = Duration.ofMinutes(10);

  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(2);
  private static final int ASKS = 5;

  private final ActorSystem<?> system;
  private final ClusterSharding sharding;
  private final Optional<String> role;
  private final ResumeTokens tokens;
  private final SecureRandom random = new SecureRandom();

  private ClusterSessions(ActorSystem<?> system, ClusterSharding sharding, ResumeTokens tokens) {
    this.system = system;
    this.sharding = sharding;
    this.role = role(system);
    this.tokens = tokens;
  }

  /** As the other one, with the nodes that Akka chooses by itself. */
  public static ClusterSessions start(
      ActorSystem<?> system, SessionEnvironment environment, ResumeTokens tokens) {
    ClusterSharding sharding = ClusterSharding.get(system);
    return start(
        system,
        environment,
        tokens,
        () -> sharding.defaultShardAllocationStrategy(ClusterShardingSettings.create(system)));
  }

  /**
   * Starts the shard regions of sessions and of their directory on this node.
   *
   * @param placement makes what decides which node has which of them; each region needs its own
   */
  public static ClusterSessions start(
      ActorSystem<?> system,
      SessionEnvironment environment,
      ResumeTokens tokens,
      Supplier<ShardAllocationStrategy> placement) {
    ClusterSharding sharding = ClusterSharding.get(system);
    var unreadable = new UnreadableSessions(environment.clock());
    sharding.init(
        Entity.of(
                SessionEntity.TYPE,
                entity ->
                    SessionEntity.create(
                        SessionId.of(entity.getEntityId()),
                        environment,
                        entity.getShard(),
                        unreadable,
                        () -> wakeElsewhere(system, entity.getEntityId())))
            .withSettings(
                // Sharding sees only what comes through it: attached devices speak to the entity
                // directly, and runs need nobody. The entity knows itself when it may rest.
                ClusterShardingSettings.create(system).withNoPassivationStrategy())
            .withAllocationStrategy(placement.get())
            .withStopMessage(new SessionCommand.Leave()));
    sharding.init(
        Entity.of(
                DirectoryEntity.TYPE,
                entity -> DirectoryEntity.create(entity.getEntityId(), environment.clock()))
            .withAllocationStrategy(placement.get()));
    return new ClusterSessions(system, sharding, tokens);
  }

  @Override
  public void tell(SessionId session, SessionCommand command) {
    sharding.entityRefFor(SessionEntity.TYPE, session.toString()).tell(command);
  }

  @Override
  public CompletionStage<SessionId> resolve(
      Principal principal,
      Optional<String> key,
      Optional<String> nonce,
      Optional<SessionId> unlike) {
    SessionId candidate = draw();
    Optional<String> name = key.or(() -> nonce.map(n -> SessionKeys.ofNonce(principal, n)));
    if (name.isEmpty()) {
      return CompletableFuture.completedFuture(candidate);
    }
    Optional<Duration> valid = key.isPresent() ? Optional.empty() : Optional.of(NONCE_VALID);
    EntityRef<DirectoryEntity.Resolve> directory =
        sharding.entityRefFor(DirectoryEntity.TYPE, principal.tenant() + "/" + name.get());
    return ask(directory, candidate, unlike, valid, ASKS);
  }

  /** What is sent to a node that has just died is lost; to ask again changes nothing. */
  private static CompletionStage<SessionId> ask(
      EntityRef<DirectoryEntity.Resolve> directory,
      SessionId candidate,
      Optional<SessionId> unlike,
      Optional<Duration> valid,
      int times) {
    return directory
        .<DirectoryEntity.Resolved>ask(
            replyTo -> new DirectoryEntity.Resolve(candidate, unlike, valid, replyTo), ASK_TIMEOUT)
        .thenApply(DirectoryEntity.Resolved::session)
        .exceptionallyCompose(failure ->
            times > 1 && failure.getCause() instanceof TimeoutException
                ? ask(directory, candidate, unlike, valid, times - 1)
                : CompletableFuture.failedFuture(failure));
  }

  /** Where nobody can take over, the region that stops would wait for whoever takes the message. */
  private static void wakeElsewhere(ActorSystem<?> system, String session) {
    Optional<String> role = role(system);
    if (isHeld(system, role, member -> !member.equals(Cluster.get(system).selfMember()))) {
      ClusterSharding.get(system)
          .entityRefFor(SessionEntity.TYPE, session)
          .tell(new SessionCommand.Wake());
    }
  }

  @Override
  public boolean haveNode() {
    return isHeld(system, role, member -> true);
  }

  /** What nodes must be that hold sessions. */
  private static Optional<String> role(ActorSystem<?> system) {
    return OptionConverters.toJava(ClusterShardingSettings.create(system).role());
  }

  private static boolean isHeld(
      ActorSystem<?> system, Optional<String> role, Predicate<Member> by) {
    for (Member member : Cluster.get(system).state().getMembers()) {
      if (member.status().equals(MemberStatus.up())
          && role.stream().allMatch(member::hasRole)
          && by.test(member)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public ResumeTokens tokens() {
    return tokens;
  }

  private SessionId draw() {
    int value = random.nextInt();
    while (value == 0) {
      value = random.nextInt();
    }
    return new SessionId(value);
  }
}
