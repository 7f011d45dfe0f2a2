package io.clawterm.cluster;

import akka.actor.ActorSystem;
import akka.actor.Props;
import akka.cluster.Cluster;
import akka.cluster.DowningProvider;
import akka.cluster.sbr.LeaseMajority;
import akka.cluster.sbr.LeaseMajoritySettings;
import akka.cluster.sbr.SplitBrainResolverSettings;
import akka.coordination.lease.scaladsl.LeaseProvider;
import scala.Option;
import scala.concurrent.duration.FiniteDuration;

/**
 * Akka's split brain resolver with its strategy lease-majority, except that each node is fenced
 * before it is taken out. Named by {@code akka.cluster.downing-provider-class}.
 */
public final class FencingDowning extends DowningProvider {

  private final ActorSystem system;
  private final NodeFence fence;
  private final SplitBrainResolverSettings settings;

  /** As Akka calls it. */
  public FencingDowning(ActorSystem system) {
    this.system = system;
    this.fence = NodeFence.of(system);
    this.settings = new SplitBrainResolverSettings(system.settings().config());
  }

  @Override
  public FiniteDuration downRemovalMargin() {
    return Cluster.get(system).settings().DownRemovalMargin();
  }

  @Override
  public Option<Props> downingActorProps() {
    Cluster cluster = Cluster.get(system);
    LeaseMajoritySettings majority = settings.leaseMajoritySettings();
    var strategy =
        new LeaseMajority(
            cluster.selfDataCenter(),
            majority.role(),
            LeaseProvider.get(system)
                .getLease(
                    majority.safeLeaseName(system.name()),
                    majority.leaseImplementation(),
                    NodeFence.text(cluster.selfAddress())),
            majority.acquireLeaseDelayForMinority(),
            majority.releaseAfter(),
            cluster.selfUniqueAddress());
    return Option.apply(
        Props.create(
            FencingResolver.class,
            () -> new FencingResolver(settings.DowningStableAfter(), strategy, fence)));
  }
}
