package io.clawterm.cluster;

import akka.cluster.Cluster;
import akka.cluster.ClusterEvent;
import akka.cluster.UniqueAddress;
import akka.cluster.sbr.DowningStrategy;
import akka.cluster.sbr.SplitBrainResolverBase;
import akka.remote.artery.ThisActorSystemQuarantinedEvent;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.duration.FiniteDuration;

/**
 * The resolver, which decides, and the fence, which makes true what was decided: exactly those
 * nodes that are taken out are fenced, and before. Whom the database cannot fence stays a member,
 * and the resolver decides again: without the database nobody can write either. A node that others
 * have cut off for good ends then, which needs no fence.
 */
final class FencingResolver extends SplitBrainResolverBase {

  private static final Logger LOG = LoggerFactory.getLogger(FencingResolver.class);

  private final Cluster cluster;
  private final NodeFence fence;
  private final Executor blocking;

  FencingResolver(FiniteDuration stableAfter, DowningStrategy strategy, NodeFence fence) {
    super(stableAfter, strategy);
    this.cluster = Cluster.get(context().system());
    this.fence = fence;
    this.blocking =
        context().system().dispatchers().lookup("akka.actor.default-blocking-io-dispatcher");
  }

  @Override
  public void preStart() throws Exception {
    cluster.subscribe(
        self(), ClusterEvent.initialStateAsEvents(), ClusterEvent.ClusterDomainEvent.class);
    context().system().eventStream().subscribe(self(), ThisActorSystemQuarantinedEvent.class);
    super.preStart();
  }

  @Override
  public void postStop() {
    cluster.unsubscribe(self());
    context().system().eventStream().unsubscribe(self());
    super.postStop();
  }

  @Override
  public UniqueAddress selfUniqueAddress() {
    return cluster.selfUniqueAddress();
  }

  @Override
  public String selfDc() {
    return cluster.selfDataCenter();
  }

  @Override
  public void down(UniqueAddress node, DowningStrategy.Decision decision) {
    var unused =
        CompletableFuture.supplyAsync(() -> fence.fence(node), blocking)
            .whenComplete((fenced, failure) -> downIfFenced(node, decision, fenced, failure));
  }

  private void downIfFenced(
      UniqueAddress node,
      DowningStrategy.Decision decision,
      @Nullable Boolean fenced,
      @Nullable Throwable failure) {
    boolean self = node.equals(selfUniqueAddress());
    // Who was fenced by somebody else has nothing to wait for either.
    if (Boolean.TRUE.equals(fenced) || (self && failure == null)) {
      cluster.down(node.address());
      return;
    }
    if (self && decision.equals(DowningStrategy.DownSelfQuarantinedByRemote$.MODULE$)) {
      LOG.atError()
          .addKeyValue("reason", String.valueOf(failure))
          .log("the others have cut this node off, and it cannot ask the database why: it ends");
      var unused = cluster.system().terminate();
      return;
    }
    LOG.atWarn()
        .addKeyValue("node", node.address())
        .addKeyValue(
            "reason",
            failure == null ? "this node was taken for dead itself" : failure.getMessage())
        .log("a node is not taken out of the cluster, because it could not be fenced");
  }
}
