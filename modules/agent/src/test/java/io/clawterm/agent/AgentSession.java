package io.clawterm.agent;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import akka.persistence.query.PersistenceQuery;
import akka.persistence.testkit.JournalOperation;
import akka.persistence.testkit.PersistenceTestKitPlugin;
import akka.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import akka.persistence.testkit.ProcessingPolicy;
import akka.persistence.testkit.ProcessingResult;
import akka.persistence.testkit.ProcessingSuccess;
import akka.persistence.testkit.StorageFailure;
import akka.persistence.testkit.WriteEvents;
import akka.persistence.testkit.javadsl.PersistenceTestKit;
import akka.persistence.testkit.query.javadsl.PersistenceTestKitReadJournal;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entry;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionEntity;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.SessionMetrics;
import io.clawterm.session.SessionSettings;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * An agent behind a real session, and a device that comes back whenever the session has crashed,
 * and sends again what was not durable, as a client does.
 */
final class AgentSession {

  private static final SessionSettings SETTINGS =
      new SessionSettings(
          4_096,
          1_048_576,
          4,
          Duration.ofMinutes(2),
          Duration.ofDays(30),
          Duration.ofDays(60),
          100_000_000,
          100_000_000,
          Duration.ofDays(365),
          1_000);

  /** How a session dies at a commit. */
  enum Crash {
    /** The commit is lost. */
    WRITE_FAILS,
    /** The commit is durable, but nobody has heard of it. */
    WRITE_LANDS
  }

  /** All that the device was ever shown, by number. */
  final Map<Long, Entry> shown = new TreeMap<>();

  /** Commits that were tried. */
  final AtomicInteger commits = new AtomicInteger();

  /** Crashes that there were. */
  final AtomicInteger crashes = new AtomicInteger();

  /** Where what the device sends stands in a trace. */
  Optional<TraceContext> trace = Optional.empty();

  private final ActorTestKit kit;
  private final PersistenceTestKit journal;
  private final SessionId id = new SessionId(ThreadLocalRandom.current().nextInt() | 1);
  private final SessionEnvironment environment;
  private final List<SessionCommand.InputFrame> sent = new ArrayList<>();
  private final TestProbe<ClusterSharding.ShardCommand> shard;
  private TestProbe<DeviceMessage> edge;
  private volatile @Nullable ActorRef<SessionCommand> actor;
  private long attachment;
  private boolean isAttached;

  /** The actor system that these sessions need. */
  static ActorTestKit kit() {
    return ActorTestKit.create(
        "agent-test",
        PersistenceTestKitPlugin.getInstance()
            .config()
            .withFallback(PersistenceTestKitSnapshotPlugin.config())
            .withFallback(ConfigFactory.load()));
  }

  AgentSession(ActorTestKit kit, Agent agent, AgentSettings settings) {
    this(kit, agent, settings, Tracing.OFF);
  }

  AgentSession(ActorTestKit kit, Agent agent, AgentSettings settings, Tracing tracing) {
    this.kit = kit;
    this.journal = PersistenceTestKit.create(kit.system());
    this.shard = kit.createTestProbe();
    this.edge = kit.createTestProbe();
    this.environment =
        new SessionEnvironment(
            () -> SETTINGS,
            new AgentTargets(Map.of("main", agent), () -> settings, tracing),
            new JournalSessionLog(
                PersistenceQuery.get(kit.system())
                    .getReadJournalFor(
                        PersistenceTestKitReadJournal.class,
                        PersistenceTestKitReadJournal.Identifier())),
            (persistenceId, upTo) -> CompletableFuture.runAsync(() -> {}),
            InstantSource.system(),
            SessionMetrics.NONE,
            tracing);
    journal.resetPolicy();
  }

  /** From now on, each commit for which this says so, counted from 1, is a crash. */
  void crashAt(IntPredicate when, Crash crash) {
    journal.withPolicy(
        new ProcessingPolicy<>() {
          @Override
          public ProcessingResult tryProcess(String persistenceId, JournalOperation operation) {
            if (operation instanceof WriteEvents && when.test(commits.incrementAndGet())) {
              crashes.incrementAndGet();
              if (crash == Crash.WRITE_FAILS) {
                return StorageFailure.create();
              }
              ActorRef<SessionCommand> running = actor;
              if (running != null) {
                kit.stop(running);
              }
            }
            return ProcessingSuccess.getInstance();
          }
        });
  }

  /** The life ends as in a crash. */
  void crash() {
    ActorRef<SessionCommand> running = actor;
    if (running != null) {
      kit.stop(running);
    }
  }

  AgentSession connect() {
    ActorRef<SessionCommand> entity = actor;
    if (entity == null) {
      entity = kit.spawn(SessionEntity.create(id, environment, shard.getRef()));
      actor = entity;
    }
    edge = kit.createTestProbe();
    isAttached = false;
    attachment++;
    entity.tell(
        new SessionCommand.Connect(
            Principal.LOCAL,
            "agent:main",
            Optional.of("key"),
            Optional.empty(),
            new Attachment(
                attachment, "laptop", edge.getRef(), Mode.SHARE, 1L << 40, Optional.empty())));
    return this;
  }

  /** Sends a line, which counts as sent for good. */
  AgentSession say(String line) {
    return send(new SessionCommand.InputFrame(Bytes.of(line + "\n"), false, false));
  }

  AgentSession send(SessionCommand.InputFrame frame) {
    sent.add(frame);
    ActorRef<SessionCommand> entity = actor;
    if (entity != null && isAttached) {
      entity.tell(new SessionCommand.Input(attachment, sent.size(), List.of(frame), trace));
    }
    return this;
  }

  /** Takes what the session sends until this holds. */
  void until(BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within 30 s; shown is " + texts());
      }
      take();
    }
  }

  private void take() {
    DeviceMessage message;
    try {
      message = edge.receiveMessage(Duration.ofMillis(200));
    } catch (AssertionError silent) {
      return; // nothing came just now; the caller bounds how long that may go on
    }
    switch (message) {
      case DeviceMessage.Attached attached -> {
        isAttached = true;
        List<SessionCommand.InputFrame> again =
            sent.subList((int) attached.lastInput(), sent.size());
        if (!again.isEmpty()) {
          attached
              .entity()
              .tell(
                  new SessionCommand.Input(
                      attachment, attached.lastInput() + 1, List.copyOf(again), trace));
        }
      }
      case DeviceMessage.Output output -> {
        for (int i = 0; i < output.entries().size(); i++) {
          Entry entry = output.entries().get(i);
          Entry before = shown.put(output.firstNumber() + i, entry);
          if (before != null && !before.equals(entry)) {
            throw new AssertionError("number " + (output.firstNumber() + i) + " changed");
          }
        }
      }
      case DeviceMessage.Detached detached -> comeBack();
      case DeviceMessage.InputDurable durable -> {}
      case DeviceMessage.Refused refused -> comeBack();
    }
  }

  private void comeBack() {
    ActorRef<SessionCommand> gone = actor;
    if (gone != null) {
      kit.createTestProbe().expectTerminated(gone, Duration.ofSeconds(10));
    }
    actor = null;
    connect();
  }

  List<String> texts() {
    return ProbedAgent.shown(List.copyOf(shown.values()));
  }

  /** How many runs have ended. */
  long ended() {
    return texts().stream().filter(text -> text.contains("\"run\":\"ended\"")).count();
  }
}
