package io.clawterm.http;

import akka.actor.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.receptionist.Receptionist;
import akka.actor.typed.receptionist.ServiceKey;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.pattern.Patterns;
import io.clawterm.session.RemoteMessage;
import io.clawterm.session.SessionEntity;
import io.clawterm.storage.LeaseState;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.search.Search;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Says how its node is, to whichever node asks.
 *
 * <p>Its own shard region tells it what lives here. To ask sharding for the whole cluster would
 * give nothing at all as long as one node does not answer.
 */
final class NodeReporter extends AbstractOnMessageBehavior<NodeReporter.Message> {

  /** A message to the reporter. */
  sealed interface Message {}

  /** Asks how the node is. */
  record Ask(akka.actor.typed.ActorRef<NodeFigures> replyTo) implements Message, RemoteMessage {}

  private record Counted(Region region, akka.actor.typed.ActorRef<NodeFigures> replyTo)
      implements Message {}

  /** What the shard region has; -1 where it does not answer. */
  private record Region(int shards, int sessions) {}

  static final ServiceKey<Ask> KEY = ServiceKey.create(Ask.class, "clawterm-node-reporter");

  /** Less than what whoever asks waits for all. */
  private static final Duration REGION_LIMIT = Duration.ofMillis(500);

  private static final Region UNKNOWN = new Region(-1, -1);

  private final ActorContext<Message> context;
  private final MeterRegistry registry;
  private final ClusterFigures.Self self;
  private final InstantSource clock;

  static Behavior<Message> create(
      MeterRegistry registry, ClusterFigures.Self self, InstantSource clock) {
    return Behaviors.setup(context -> new NodeReporter(context, registry, self, clock));
  }

  private NodeReporter(
      ActorContext<Message> context,
      MeterRegistry registry,
      ClusterFigures.Self self,
      InstantSource clock) {
    super(context);
    this.context = context;
    this.registry = registry;
    this.self = self;
    this.clock = clock;
    context.getSystem().receptionist().tell(Receptionist.register(KEY, context.getSelf().narrow()));
  }

  @Override
  public Behavior<Message> onMessage(Message message) {
    switch (message) {
      case Ask ask ->
          context.pipeToSelf(
              Patterns.ask(region(), ShardRegion.getRegionStatsInstance(), REGION_LIMIT),
              (stats, failure) -> new Counted(region(stats), ask.replyTo()));
      case Counted counted -> counted.replyTo().tell(figures(counted.region()));
    }
    return this;
  }

  private ActorRef region() {
    return ClusterSharding.get(Adapter.toClassic(context.getSystem()))
        .shardRegion(SessionEntity.TYPE.name());
  }

  private static Region region(@Nullable Object answer) {
    if (!(answer instanceof ShardRegion.ShardRegionStats stats)) {
      return UNKNOWN;
    }
    int sessions = stats.getStats().values().stream().mapToInt(count -> (Integer) count).sum();
    return new Region(stats.getStats().size(), sessions);
  }

  private NodeFigures figures(Region region) {
    LeaseState lease = self.lease().get();
    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    long connections = gauge("clawterm.edge.connections");
    return new NodeFigures(
        lease.number(),
        clock.instant(),
        self.startedAt(),
        self.version(),
        self.readiness().isDraining(),
        connections,
        connections - gauge("clawterm.edge.connections.unauthenticated"),
        count("clawterm.edge.input"),
        count("clawterm.session.entries"),
        (long) commits(Timer::count),
        commits(timer -> timer.totalTime(TimeUnit.SECONDS)),
        commits(timer -> timer.max(TimeUnit.SECONDS)),
        region.shards(),
        region.sessions(),
        heap.getUsed(),
        heap.getMax(),
        cpu(),
        lease.held(),
        lease.unconfirmed().toMillis(),
        lease.isInDanger(),
        lease.clockSkew().toMillis(),
        lease.isClockRight());
  }

  private Search find(String meter) {
    return registry.find(meter);
  }

  private long gauge(String name) {
    Gauge gauge = find(name).gauge();
    return gauge == null ? 0 : (long) gauge.value();
  }

  private long count(String name) {
    var counter = find(name).counter();
    return counter == null ? 0 : (long) counter.count();
  }

  private double commits(ToDoubleFunction<Timer> read) {
    Timer timer = find("clawterm.session.commit").timer();
    return timer == null ? 0 : read.applyAsDouble(timer);
  }

  private double cpu() {
    Gauge gauge = find("process.cpu.usage").gauge();
    double value = gauge == null ? -1 : gauge.value();
    return Double.isNaN(value) ? -1 : value;
  }
}
