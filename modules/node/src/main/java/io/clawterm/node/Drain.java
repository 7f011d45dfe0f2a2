package io.clawterm.node;

import akka.actor.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.pattern.Patterns;
import io.clawterm.cluster.DrainingAllocation;
import io.clawterm.edge.Edge;
import io.clawterm.http.Readiness;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.StorageException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Empties a node while it runs: the other nodes take over its sessions, a few shards at a time
 * ({@link DrainingAllocation}), and then its devices. It does so when its row in the database says
 * so, which anybody with the rights may write, and when it stops.
 */
final class Drain {

  private static final Logger LOG = LoggerFactory.getLogger(Drain.class);
  private static final List<String> REGIONS = List.of("session", "directory");
  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Duration ANSWER = Duration.ofSeconds(2);

  private final ActorSystem<?> system;
  private final ClusterNodes nodes;
  private final NodeLease lease;
  private final Edge edge;
  private final Readiness readiness;
  private final Duration limit;
  private final Consumer<String> progress;
  private int wishes;
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

  private synchronized void wanted(boolean drains) {
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
    return wish == wishes;
  }

  /** First the sessions, then the devices: most devices notice the second only. */
  private void empty(int wish) {
    LOG.info("this node drains");
    try {
      while (isWanted(wish) && shards() > 0 && !others().isEmpty()) {
        pause();
      }
      if (isWanted(wish)) {
        edge.drain(devicesAt(others()))
            .thenRun(() -> LOG.info("this node has no devices any more"));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      LOG.atWarn()
          .setCause(e)
          .log("this node could not be drained; what it has stays until it ends");
    }
  }

  private synchronized void pause() throws InterruptedException {
    TimeUnit.MILLISECONDS.timedWait(this, LOOK.toMillis());
  }

  /** How many shards are here. */
  private int shards() throws Exception {
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

  /** The nodes that can take over. */
  private List<ClusterNode> others() {
    return nodes.writers().stream()
        .filter(node ->
            node.connected()
                && node.joined()
                && !node.draining()
                && node.number() != lease.number())
        .toList();
  }

  private static List<String> devicesAt(List<ClusterNode> others) {
    return others.stream().map(ClusterNode::devicesAt).filter(at -> !at.isEmpty()).toList();
  }

  /** Drains for good, as far as that goes within the limit; at once where nobody takes over. */
  void beforeEnd() throws Exception {
    if (limit.isZero() || !lease.isHeld()) {
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

  private void awaitEmpty(long deadline) throws Exception {
    while (shards() > 0 || edge.connections() > 0) {
      if (hurried || System.nanoTime() > deadline || others().isEmpty()) {
        LOG.atWarn()
            .addKeyValue("shards", shards())
            .addKeyValue("connections", edge.connections())
            .log("this node stops before it is empty; what is left comes back by itself");
        return;
      }
      pause();
    }
  }
}
