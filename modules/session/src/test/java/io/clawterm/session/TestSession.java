package io.clawterm.session;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import io.clawterm.api.SessionId;
import io.clawterm.telemetry.Tracing;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A session under test, with all that surrounds it in the test's hand. */
final class TestSession {

  final SessionId id = new SessionId(ThreadLocalRandom.current().nextInt() | 1);
  final ManualClock clock = new ManualClock();
  final ScriptedTarget target;
  final List<Long> pruned = new CopyOnWriteArrayList<>();
  final TestProbe<ClusterSharding.ShardCommand> shard;
  final TestNode node;
  volatile Targets.Found found;
  volatile SessionLog log;
  volatile SessionSettings settings;
  volatile Tracing tracing = Tracing.OFF;
  private @Nullable ActorRef<SessionCommand> actor;

  TestSession(TestNode node, Target.InputStyle style, SessionSettings settings) {
    this.node = node;
    this.settings = settings;
    this.target = new ScriptedTarget(style);
    this.found = new Targets.Found.Available(target);
    this.log = node.log;
    this.shard = node.kit.createTestProbe();
  }

  ActorRef<SessionCommand> actor() {
    ActorRef<SessionCommand> running = actor;
    if (running == null) {
      var environment =
          new SessionEnvironment(
              () -> settings,
              (owner, name) -> found,
              (session, journal, number) -> log.read(session, journal, number),
              (persistenceId, upTo) -> CompletableFuture.runAsync(() -> pruned.add(upTo)),
              clock,
              SessionMetrics.NONE,
              tracing);
      running = node.kit.spawn(SessionEntity.create(id, environment, shard.getRef()));
      actor = running;
    }
    return running;
  }

  /** The life ends as in a crash; the next message starts another one on the same journal. */
  void crash() {
    node.kit.stop(actor());
    actor = null;
  }

  /** Waits until the entity has ended by itself; the next message starts another life. */
  void awaitStop() {
    node.kit.createTestProbe().expectTerminated(actor());
    actor = null;
  }

  TestDevice device(String name) {
    return new TestDevice(this, name, node.kit.createTestProbe());
  }

  TestDevice device(String name, TestProbe<DeviceMessage> edge) {
    return new TestDevice(this, name, edge);
  }

  /** A device that is attached, its replay not asked for yet. */
  TestDevice attached(String name) {
    TestDevice device = device(name).connect();
    device.attached();
    return device;
  }

  TargetContext targetStarted() {
    return next(target.started);
  }

  <T extends TargetCommand> T targetTold(Class<T> type) {
    return type.cast(next(target.told));
  }

  void emit(long epoch, Entry... entries) {
    actor()
        .tell(
            new SessionCommand.Emit(
                epoch, List.of(entries), OptionalLong.empty(), Optional.empty()));
  }

  void consume(long epoch, long upTo) {
    actor()
        .tell(new SessionCommand.Emit(epoch, List.of(), OptionalLong.of(upTo), Optional.empty()));
  }

  void memo(long epoch, boolean open) {
    actor()
        .tell(
            new SessionCommand.Emit(
                epoch, List.of(), OptionalLong.empty(), Optional.of(new TargetMemo("{}", open))));
  }

  SessionCommand.Description describe() {
    TestProbe<SessionCommand.Description> probe = node.kit.createTestProbe();
    actor().tell(new SessionCommand.Describe(probe.getRef()));
    return probe.receiveMessage();
  }

  /** Waits until all that was sent before is handled and what it led to is durable. */
  void settle() {
    describe(); // what was sent before is handled, its commit has been asked for
    describe(); // that commit is over
  }

  String persistenceId() {
    return SessionEntity.persistenceId(id).id();
  }

  List<SessionEvent> journaled() {
    return node.journal.persistedInStorage(persistenceId()).stream()
        .map(SessionEvent.class::cast)
        .toList();
  }

  /** What the whole journal makes of the session. */
  SessionState.Open stored() {
    SessionState state = new SessionState.Absent();
    for (SessionEvent event : journaled()) {
      state = state.after(event);
    }
    return (SessionState.Open) state;
  }

  private static <T> T next(java.util.concurrent.BlockingQueue<T> queue) {
    try {
      T found = queue.poll(5, TimeUnit.SECONDS);
      if (found == null) {
        throw new AssertionError("the target heard nothing for 5 s");
      }
      return found;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
