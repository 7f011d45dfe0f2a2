package io.clawterm.node;

import akka.actor.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.cluster.typed.Cluster;
import akka.pattern.Patterns;
import io.clawterm.cluster.DrainingAllocation;
import io.clawterm.cluster.NodeFence;
import io.clawterm.edge.Edge;
import io.clawterm.http.Readiness;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.StorageException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Empties a node while it runs: the other nodes take over its sessions, shard by shard ({@link
 * DrainingAllocation}), and then its devices. It does so when its row in the database says so,
 * which anybody with the rights may write, and when it stops.
 */
final class Drain {

  private static final Logger LOG = LoggerFactory.getLogger(Drain.class);
  private static final List<String> REGIONS = List.of("session", "directory");
  private static final Duration LOOK = Duration.ofMillis(100);

  /** How soon devices of a drained node hear of a node that is new. */
  private static final Duration REFRESH = Duration.ofSeconds(1);

  private static final Duration ANSWER = Duration.ofSeconds(2);

  private final ActorSystem<?> system;
  private final ClusterNodes nodes;
  private final NodeLease lease;
  private final Edge edge;
  private final Readiness readiness;
  private final Duration limit;
  private final Consumer<String> progress;
  private int wishes;
  private volatile boolean told;
  private volatile boolean ending;
  private volatile boolean hurried;

  Drain(
      ActorSystem<?> system,
      ClusterNodes nodes,
      NodeLease lease,
      Edge edge,
      Readiness readiness,
      Duration limit,
      Consumer<String> progress) {
    this.system = system;
    this.nodes = nodes;
    this.lease = lease;
    this.edge = edge;
    this.readiness = readiness;
    this.limit = limit;
    this.progress = progress;
    lease.whenDrains(this::wanted);
  }

  Duration limit() {
    return limit;
  }

  private synchronized void wanted(boolean drains) {
    if (ending && !drains) {
      return;
    }
    wishes++;
    if (drains) {
      readiness.drain();
      int wish = wishes;
      Thread.ofVirtual().name("clawterm-drain").start(() -> empty(wish));
    } else {
      edge.undrain();
      readiness.undrain();
      LOG.info("this node takes sessions and devices again");
    }
    notifyAll();
  }

  private synchronized boolean isWanted(int wish) {
    return wish == wishes && !system.getWhenTerminated().toCompletableFuture().isDone();
  }

  /**
   * First the sessions, then the devices: most devices notice the second only. Where nobody can
   * take over, all stays until somebody can.
   */
  private void empty(int wish) {
    LOG.info("this node drains");
    told = false;
    try {
      while (isWanted(wish) && !(told && ending)) {
        try {
          List<ClusterNode> others = others();
          if (others.isEmpty() || !anybodyHas("edge")) {
            stay(wish);
            pause(REFRESH);
          } else if (shards() == 0 || !anybodyHas("session")) {
            sendAway(wish, others);
          }
        } catch (StorageException | TimeoutException | ExecutionException e) {
          LOG.atWarn()
              .addKeyValue("failure", e.toString())
              .log("the draining is held up, and goes on by itself");
          pause(REFRESH);
        }
        pause(told ? REFRESH : LOOK);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Who was to take over has gone: devices would be sent to nobody. */
  private synchronized void stay(int wish) {
    if (wish == wishes && told && !ending) {
      told = false;
      edge.undrain();
      LOG.warn("this node takes devices again, as no other one does; it goes on draining");
    }
  }

  private synchronized void sendAway(int wish, List<ClusterNode> others) {
    if (wish != wishes) {
      return;
    }
    if (told) {
      edge.elsewhere(devicesAt(others));
    } else {
      told = true;
      var unused = edge.drain(devicesAt(others));
    }
  }

  private synchronized void pause(Duration length) throws InterruptedException {
    TimeUnit.MILLISECONDS.timedWait(this, length.toMillis());
  }

  /** How many shards are here. */
  private int shards() throws InterruptedException, ExecutionException, TimeoutException {
    int count = 0;
    for (String name : REGIONS) {
      ActorRef region = ClusterSharding.get(Adapter.toClassic(system)).shardRegion(name);
      CompletionStage<Object> state =
          Patterns.ask(region, ShardRegion.getShardRegionStateInstance(), ANSWER);
      count +=
          ((ShardRegion.CurrentShardRegionState)
                  state.toCompletableFuture().get(ANSWER.toMillis(), TimeUnit.MILLISECONDS))
              .getShards()
              .size();
    }
    return count;
  }

  /** The nodes that can take over: alive, members, and not about to go themselves. */
  private List<ClusterNode> others() {
    Set<String> members = new HashSet<>();
    for (Member member : Cluster.get(system).state().getMembers()) {
      if (member.status().equals(MemberStatus.up())) {
        members.add(NodeFence.text(member.address()) + member.uniqueAddress().longUid());
      }
    }
    return nodes.writers().stream()
        .filter(node ->
            node.connected()
                && !node.draining()
                && node.number() != lease.number()
                && members.contains(node.address() + node.uid()))
        .toList();
  }

  /** Whether another node that stays does this. */
  private boolean anybodyHas(String role) {
    for (Member member : Cluster.get(system).state().getMembers()) {
      if (member.status().equals(MemberStatus.up())
          && member.hasRole(role)
          && !member.equals(Cluster.get(system).selfMember())
          && !NodeFence.of(Adapter.toClassic(system)).isDraining(member.uniqueAddress())) {
        return true;
      }
    }
    return false;
  }

  private static List<String> devicesAt(List<ClusterNode> others) {
    return others.stream().map(ClusterNode::devicesAt).filter(at -> !at.isEmpty()).toList();
  }

  /** Drains for good, as far as that goes within the limit; at once where nobody takes over. */
  void beforeEnd() throws InterruptedException {
    ending = true;
    if (limit.isZero()
        || !lease.isHeld()
        || system.getWhenTerminated().toCompletableFuture().isDone()) {
      return;
    }
    try {
      if (!others().isEmpty() && nodes.drain(lease.number(), true)) {
        progress.accept(
            "Giving sessions and devices to other nodes, for up to %d s; Ctrl-C again stops at once."
                .formatted(limit.toSeconds()));
        awaitEmpty(System.nanoTime() + limit.toNanos());
      }
    } catch (StorageException e) {
      LOG.atWarn()
          .addKeyValue("failure", e.getMessage())
          .log("this node stops without draining: the database does not answer");
    }
  }

  /** Ends {@link #beforeEnd} early. */
  void hurry() {
    hurried = true;
  }

  /** Whether all devices that can go elsewhere have gone. */
  private boolean isLeft() {
    return !anybodyHas("edge") || (told && edge.leaving() == 0);
  }

  private void awaitEmpty(long deadline) throws InterruptedException {
    boolean empty = false;
    while (!empty
        && !hurried
        && lease.isHeld()
        && !system.getWhenTerminated().toCompletableFuture().isDone()
        && System.nanoTime() < deadline
        && !others().isEmpty()) {
      try {
        empty = (shards() == 0 || !anybodyHas("session")) && isLeft();
      } catch (ExecutionException | TimeoutException e) {
        LOG.atDebug().setCause(e).log("a shard region does not answer");
      }
      pause(LOOK);
    }
    if (!empty) {
      LOG.atWarn()
          .addKeyValue("connections", edge.leaving())
          .log("this node stops before it is empty; what is left comes back by itself");
    }
  }
}
