package io.clawterm.cluster;

import akka.actor.ExtendedActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.UniqueAddress;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Down;
import akka.remote.RemoteActorRefProvider;
import io.clawterm.storage.ClusterNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * Takes nodes out of the cluster that the split brain resolver would wait for too long: a crashed
 * one within a second or two, and one that cannot reach the database for {@link #ABSENCE}, which
 * the resolver would never take out while its heartbeats come.
 *
 * <p>A crashed process is told from a slow or cut-off one by two signs that hold at once: the
 * database has freed the lock that the process held, and its machine says that nothing listens at
 * its port any more. One that listens without its lock may just wait for a database that is
 * restarted, and so has time to take the lock again. Then it is fenced, which makes it true
 * whatever the signs were worth, and only then taken out. A node that sleeps keeps its lock, and a
 * machine that is gone says nothing: these are left to the resolver.
 */
public final class CrashWatch extends AbstractOnMessageBehavior<CrashWatch.Message> {

  /** A message of the watch to itself. */
  public sealed interface Message {}

  private record Look() implements Message {}

  /**
   * What a look has found.
   *
   * @param dead who has been fenced
   * @param lockless those without their lock, whether dead or not
   */
  private record Seen(Set<UniqueAddress> dead, Set<UniqueAddress> lockless) implements Message {}

  private record Failed(Throwable cause) implements Message {}

  private static final Logger LOG = LoggerFactory.getLogger(CrashWatch.class);

  /** What a dead node costs at least; each look is one question to the database. */
  private static final Duration INTERVAL = Duration.ofMillis(300);

  /**
   * How long a node may be without its lock, by the looks that found the database answering; it
   * tries each half second to take it again.
   */
  static final Duration ABSENCE = Duration.ofSeconds(10);

  /** Time between two looks that were longer apart counts for nobody. */
  private static final Duration MOST_BETWEEN = Duration.ofSeconds(2);

  private final ActorContext<Message> context;
  private final TimerScheduler<Message> timers;
  private final NodeFence fence;
  private final Cluster cluster;
  private final Executor blocking;
  private final Map<UniqueAddress, Long> locklessSince = new HashMap<>();
  private long lookedAt = System.nanoTime();
  private boolean failing;

  /** The behaviour of the one watch of a node. */
  public static Behavior<Message> create(NodeFence fence) {
    return Behaviors.setup(
        context -> Behaviors.withTimers(timers -> new CrashWatch(context, timers, fence)));
  }

  private CrashWatch(
      ActorContext<Message> context, TimerScheduler<Message> timers, NodeFence fence) {
    super(context);
    this.context = context;
    this.timers = timers;
    this.fence = fence;
    this.cluster = Cluster.get(context.getSystem());
    this.blocking = context.getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    lookSoon();
  }

  private void lookSoon() {
    timers.startSingleTimer(new Look(), INTERVAL);
  }

  @Override
  public Behavior<Message> onMessage(Message message) {
    switch (message) {
      case Look look -> look();
      case Seen seen -> {
        failing = false;
        seen.dead().forEach(this::down);
        note(seen.lockless());
        lookSoon();
      }
      case Failed failed -> {
        if (!failing) {
          LOG.atWarn()
              .addKeyValue("failure", failed.cause().getMessage())
              .log("crashed nodes can't be told: the database does not answer");
        }
        failing = true;
        lookSoon();
      }
    }
    return this;
  }

  /**
   * What nobody has seen does not count: all may have lost their locks with the database, and who
   * has not got its own back is no judge.
   */
  private void note(Set<UniqueAddress> lockless) {
    long now = System.nanoTime();
    if (now - lookedAt > MOST_BETWEEN.toNanos() || !fence.isConfirmed()) {
      locklessSince.clear();
    }
    lookedAt = now;
    locklessSince.keySet().retainAll(lockless);
    lockless.forEach(node -> locklessSince.putIfAbsent(node, now));
  }

  private Set<UniqueAddress> absent() {
    long since = System.nanoTime() - ABSENCE.toNanos();
    return locklessSince.entrySet().stream()
        .filter(entry -> entry.getValue() - since <= 0)
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  private void look() {
    List<UniqueAddress> others = new ArrayList<>();
    for (Member member : cluster.state().getMembers()) {
      boolean other = !member.uniqueAddress().equals(cluster.selfMember().uniqueAddress());
      if (other && !member.status().equals(MemberStatus.down())) {
        others.add(member.uniqueAddress());
      }
    }
    if (others.isEmpty()) {
      lookSoon();
      return;
    }
    Set<UniqueAddress> known = Set.copyOf(locklessSince.keySet());
    Set<UniqueAddress> absent = absent();
    context.pipeToSelf(
        CompletableFuture.supplyAsync(() -> seen(others, known, absent), blocking),
        CrashWatch::outcome);
  }

  private static Message outcome(@Nullable Seen seen, @Nullable Throwable failure) {
    return seen != null
        ? seen
        : new Failed(failure != null ? failure : new IllegalStateException("no answer"));
  }

  /**
   * Looks once.
   *
   * @param known who was without its lock before: it may have been fenced since by somebody who
   *     could not take it out any more. Who never had a life may be a host's, and no node.
   * @param absent those of them who have been so for too long
   */
  private Seen seen(
      List<UniqueAddress> others, Set<UniqueAddress> known, Set<UniqueAddress> absent) {
    List<ClusterNode> writers = fence.writers();
    Set<UniqueAddress> dead = new HashSet<>();
    Set<UniqueAddress> lockless = new HashSet<>();
    for (UniqueAddress other : others) {
      Optional<ClusterNode> life =
          writers.stream().filter(node -> NodeFence.isAt(node, other)).findFirst();
      boolean silent = life.map(node -> !node.connected()).orElse(true);
      if (silent && (life.isPresent() || known.contains(other))) {
        lockless.add(other);
      }
      if (silent
          && (absent.contains(other) || !Ports.listens(NodeFence.text(other.address())))
          && (life.isEmpty() || fence.fenceIfGone(life.get()))) {
        dead.add(other);
      }
    }
    return new Seen(dead, lockless);
  }

  /**
   * Akka removes a node that is down only once its heartbeats are missed as well, which takes
   * seconds. A quarantined one counts as gone at once; this one would be when it is removed.
   */
  private void down(UniqueAddress node) {
    LOG.atWarn()
        .addKeyValue("node", node.address())
        .log("a node has crashed or lost the database: it is fenced and taken out of the cluster");
    cluster.manager().tell(new Down(node.address()));
    ExtendedActorSystem system = (ExtendedActorSystem) Adapter.toClassic(context.getSystem());
    if (system.provider() instanceof RemoteActorRefProvider remote) {
      remote.quarantine(node.address(), Option.apply(node.longUid()), "it is gone");
    }
  }
}
