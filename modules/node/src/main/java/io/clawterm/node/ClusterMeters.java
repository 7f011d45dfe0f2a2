package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import io.clawterm.cluster.NodeFence;
import io.clawterm.storage.NodeLease;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Locale;

/** The cluster as this node sees it, as meters. */
final class ClusterMeters {

  private static final List<MemberStatus> STATUSES =
      List.of(
          MemberStatus.joining(),
          MemberStatus.weaklyUp(),
          MemberStatus.up(),
          MemberStatus.leaving(),
          MemberStatus.exiting(),
          MemberStatus.down());

  private ClusterMeters() {}

  static void register(
      MeterRegistry registry, ActorSystem<?> system, NodeFence fence, NodeLease lease) {
    Cluster cluster = Cluster.get(system);
    for (MemberStatus status : STATUSES) {
      Gauge.builder("clawterm.cluster.members", cluster, seen -> count(seen, status))
          .description("Members of the cluster as this node sees it")
          .tag("status", status.toString().toLowerCase(Locale.ROOT))
          .register(registry);
    }
    Gauge.builder(
            "clawterm.cluster.unreachable", cluster, seen -> seen.state().getUnreachable().size())
        .description("Members that this node takes for out of reach")
        .register(registry);
    FunctionCounter.builder("clawterm.cluster.fenced", fence, NodeFence::fenced)
        .description("Nodes that this one has taken for dead")
        .register(registry);
    Gauge.builder(
            "clawterm.cluster.database.clock.skew", lease, held -> held.skew().toMillis() / 1_000.0)
        .description("By how much this machine's clock is ahead of the database's")
        .baseUnit("seconds")
        .register(registry);
    Gauge.builder(
            "clawterm.cluster.database.round.trip",
            lease,
            held -> held.state().roundTrip().toNanos() / 1e9)
        .description("How long the database took to answer the last time")
        .baseUnit("seconds")
        .register(registry);
    Gauge.builder(
            "clawterm.cluster.lease.unconfirmed",
            lease,
            held -> held.state().unconfirmed().toMillis() / 1_000.0)
        .description("For how long the database has not confirmed that this node may write")
        .baseUnit("seconds")
        .register(registry);
  }

  private static int count(Cluster cluster, MemberStatus status) {
    int count = 0;
    for (Member member : cluster.state().getMembers()) {
      count += member.status().equals(status) ? 1 : 0;
    }
    return count;
  }
}
