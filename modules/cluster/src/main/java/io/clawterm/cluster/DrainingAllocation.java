package io.clawterm.cluster;

import akka.actor.ActorRef;
import akka.actor.ActorSystem;
import akka.actor.Address;
import akka.cluster.Cluster;
import akka.cluster.ClusterEvent.CurrentClusterState;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ClusterShardingSettings;
import akka.cluster.sharding.ShardCoordinator.ActorSystemDependentAllocationStrategy;
import akka.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import java.util.HashSet;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Map;
import scala.collection.immutable.Set;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Which node has which shards: each about as many, as Akka's own strategy has it, and none on a
 * node that drains. A draining node gives its shards away one at a time, so that a session waits
 * for the move of its own shard alone.
 */
public final class DrainingAllocation implements ActorSystemDependentAllocationStrategy {

  /**
   * Shards that leave a draining node at one time; as many come to a new one by Akka's strategy.
   */
  private static final int AT_ONCE = 1;

  private @Nullable ActorSystem system;
  private @Nullable ShardAllocationStrategy akkas;

  @Override
  public void start(ActorSystem started) {
    system = started;
    ShardAllocationStrategy least =
        ClusterSharding.get(started)
            .defaultShardAllocationStrategy(ClusterShardingSettings.create(started));
    if (least instanceof ActorSystemDependentAllocationStrategy dependent) {
      dependent.start(started);
    }
    akkas = least;
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester, String shard, Map<ActorRef, IndexedSeq<String>> current) {
    Map<ActorRef, IndexedSeq<String>> staying = staying(current);
    return started(akkas).allocateShard(requester, shard, staying.isEmpty() ? current : staying);
  }

  @Override
  public Future<Set<String>> rebalance(
      Map<ActorRef, IndexedSeq<String>> current, Set<String> inProgress) {
    Map<ActorRef, IndexedSeq<String>> staying = staying(current);
    if (staying.isEmpty() || staying.size() == current.size() || !allCanBeTold()) {
      return started(akkas).rebalance(current, inProgress);
    }
    var leaving = new HashSet<String>();
    CollectionConverters.asJava(current)
        .forEach((region, shards) -> {
          if (!staying.contains(region)) {
            leaving.addAll(CollectionConverters.asJava(shards));
          }
        });
    leaving.removeAll(CollectionConverters.asJava(inProgress));
    if (leaving.isEmpty()) {
      return started(akkas).rebalance(staying, inProgress);
    }
    return Future.successful(
        Set.from(
            CollectionConverters.asScala(
                leaving.stream().limit(Math.max(0, AT_ONCE - inProgress.size())).iterator())));
  }

  private Map<ActorRef, IndexedSeq<String>> staying(Map<ActorRef, IndexedSeq<String>> current) {
    ActorSystem here = started(system);
    Cluster cluster = Cluster.get(here);
    NodeFence fence = NodeFence.of(here);
    var draining = new HashSet<Address>();
    for (Member member : cluster.state().getMembers()) {
      if (fence.isDraining(member.uniqueAddress())) {
        draining.add(member.address());
      }
    }
    Map<ActorRef, IndexedSeq<String>> staying = current;
    for (ActorRef region : CollectionConverters.asJava(current.keySet())) {
      Address address = region.path().address();
      if (draining.contains(address.hasLocalScope() ? cluster.selfAddress() : address)) {
        staying = staying.removed(region);
      }
    }
    return staying;
  }

  /** A shard moves once all nodes know; one that cannot be told would hold it back for long. */
  private boolean allCanBeTold() {
    CurrentClusterState state = Cluster.get(started(system)).state();
    if (!state.getUnreachable().isEmpty()) {
      return false;
    }
    for (Member member : state.getMembers()) {
      if (member.status().equals(MemberStatus.joining())
          || member.status().equals(MemberStatus.weaklyUp())) {
        return false;
      }
    }
    return true;
  }

  private static <T> T started(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the strategy has not been started");
    }
    return value;
  }
}
