package io.clawterm.node;

import akka.Done;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.cluster.UniqueAddress;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.cluster.typed.Cluster;
import akka.pattern.Patterns;
import io.clawterm.cluster.CrashWatch;
import io.clawterm.cluster.Formation;
import io.clawterm.cluster.NodeFence;
import io.clawterm.cluster.SystemEnd;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.StorageException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This node as a member of the cluster, with the actor system that it lives on. */
final class Membership {

  private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

  /** The shard regions that a node starts; they end with it where the system does not. */
  private static final List<String> REGIONS =
      List.of("session", "directory", "sharded-daemon-process-session-summary");

  /** Longer than the phases in which an actor system ends. */
  private static final Duration OUT = Duration.ofSeconds(20);

  private final ActorSystem<?> system;
  private final DataSource database;
  private final NodeLease lease;
  private final Formation formation;

  private Membership(ActorSystem<?> system, NodeBlocks blocks, NodeDatabase.Registered database) {
    this.system = system;
    this.database = database.source();
    this.lease = database.lease();
    this.formation = new Formation(system, blocks.cluster(), this.database, lease);
  }

  /**
   * Joins the cluster of the database, on a system of the node's own or on the host's.
   *
   * @param lose hears why the node is a member no more though nobody has stopped it
   */
  static Membership begin(
      NodePlan plan,
      NodeBlocks blocks,
      NodeDatabase.Registered database,
      Closing closing,
      Consumer<String> lose)
      throws Exception {
    Membership membership;
    if (plan.system().isPresent()) {
      membership = new Membership(plan.system().get(), blocks, database);
      membership.joinWithHost(closing);
    } else {
      ActorSystem<?> own = ClawTermActorSystem.start(plan, blocks, database.source());
      membership = new Membership(own, blocks, database);
      membership.join(plan.dataSource().isPresent(), closing);
    }
    membership.watch(closing, lose);
    return membership;
  }

  ActorSystem<?> system() {
    return system;
  }

  private void joinWithHost(Closing closing) throws Exception {
    TransportRule.requireEncryptedCluster(
        Cluster.get(system).selfMember().address().getHost().orElse(""),
        system.settings().config());
    fence().actAs(lease);
    ClawTermActorSystem.journal(system).writeAs(lease.number());
    describe("");
    PartTimeout.await(memberUp(), "the host's cluster");
    closing.add("sessions", this::leave);
    formation.joined();
  }

  private void join(boolean onHostsDatabase, Closing closing) throws Exception {
    fence().actAs(lease);
    if (onHostsDatabase) {
      ClawTermActorSystem.journal(system).writeAs(lease.number());
    }
    closing.add("actor system", () -> PartTimeout.await(SystemEnd.of(system), "the actor system"));
    SystemEnd.onceTakenOut(system, OUT);
    describe("");
    formation.join();
  }

  private void watch(Closing closing, Consumer<String> lose) {
    var unused =
        system
            .getWhenTerminated()
            .whenComplete((done, failure) -> lose.accept("it was taken out of the cluster"));
    ActorRef<CrashWatch.Message> watch =
        system.systemActorOf(
            CrashWatch.create(fence()), "clawterm-crash-watch-" + UUID.randomUUID(), Props.empty());
    closing.add("crash watch", () -> Adapter.toClassic(system).stop(Adapter.toClassic(watch)));
  }

  NodeFence fence() {
    return NodeFence.of(Adapter.toClassic(system));
  }

  private CompletionStage<Void> memberUp() {
    var up = new CompletableFuture<Void>();
    akka.cluster.Cluster.get(system).registerOnMemberUp(() -> up.complete(null));
    return up;
  }

  /** Ends all that this node runs on a system that goes on: sessions commit and tell devices. */
  private Done leave() throws Exception {
    if (system.getWhenTerminated().toCompletableFuture().isDone()) {
      return Done.getInstance(); // the host has ended them with its system
    }
    ClusterSharding sharding = ClusterSharding.get(Adapter.toClassic(system));
    for (String region : REGIONS) {
      PartTimeout.await(
          Patterns.gracefulStop(
              sharding.shardRegion(region),
              PartTimeout.LIMIT,
              ShardRegion.gracefulShutdownInstance()),
          "the region " + region);
    }
    return Done.getInstance();
  }

  /** Tells the other nodes where this one is, and where devices find it; empty: nowhere. */
  void describe(String devicesAt) {
    UniqueAddress self = Cluster.get(system).selfMember().uniqueAddress();
    lease.describe(NodeFence.text(self.address()), self.longUid(), devicesAt);
  }

  /** Where devices of this node can go when it stops. */
  List<String> elsewhere() {
    try {
      return new ClusterNodes(database)
          .writers().stream()
              .filter(node ->
                  node.connected()
                      && node.joined()
                      && !node.draining()
                      && node.number() != lease.number())
              .map(ClusterNode::devicesAt)
              .filter(at -> !at.isEmpty())
              .toList();
    } catch (StorageException e) {
      LOG.atWarn()
          .addKeyValue("failure", e.getMessage())
          .log("devices are not told another node: the database does not answer");
      return List.of();
    }
  }
}
