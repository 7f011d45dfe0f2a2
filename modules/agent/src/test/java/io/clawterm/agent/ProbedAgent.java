package io.clawterm.agent;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.stream.javadsl.Source;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import io.clawterm.session.LogEntry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.TargetMemo;
import io.clawterm.telemetry.Tracing;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** An agent's actor, and its session in the test's hand: a log that grows as the test confirms. */
final class ProbedAgent {

  static final AgentSettings SETTINGS =
      new AgentSettings(100_000, 100, 3, Duration.ofMillis(1), 3, "");

  final List<Entry> log = new ArrayList<>();

  /** Whether the node holds its right to act, as the agent is to see it. */
  volatile boolean mayAct = true;

  /** How often the agent has asked for it. */
  final AtomicInteger rightAsked = new AtomicInteger();

  private TestProbe<SessionCommand> session;
  private final ActorTestKit kit;
  private final Agent agent;
  private final List<TargetCommand.TargetInput> unconsumed = new ArrayList<>();
  private Optional<TargetMemo> memo = Optional.empty();
  private long frames;
  private long epoch;
  private long emissions;
  private @Nullable ActorRef<TargetCommand> actor;

  ProbedAgent(ActorTestKit kit, Agent agent) {
    this.kit = kit;
    this.agent = agent;
    this.session = kit.createTestProbe();
  }

  /** Begins a life with what the log holds; input that is not consumed comes again. */
  ProbedAgent start() {
    List<LogEntry> entries = new ArrayList<>();
    for (int i = 0; i < log.size(); i++) {
      entries.add(new LogEntry(i + 1L, log.get(i)));
    }
    emissions = 0;
    session = kit.createTestProbe();
    var context =
        new TargetContext(
            new SessionId(1),
            ++epoch,
            Principal.LOCAL,
            session.getRef(),
            (id, journal, from) -> Source.from(entries).filter(entry -> entry.number() >= from),
            log.size(),
            memo,
            Optional.empty(),
            () -> {
              rightAsked.incrementAndGet();
              return mayAct;
            });
    actor = kit.spawn(new AgentTarget("main", agent, () -> SETTINGS, Tracing.OFF).start(context));
    if (!unconsumed.isEmpty()) {
      actor().tell(new TargetCommand.Deliver(unconsumed));
    }
    return this;
  }

  /** The life ends as in a crash, and what it has not committed is lost. */
  void crash() {
    kit.stop(actor());
  }

  ActorRef<TargetCommand> actor() {
    ActorRef<TargetCommand> running = actor;
    if (running == null) {
      throw new AssertionError("not started");
    }
    return running;
  }

  TargetCommand.TargetInput line(String device, String text) {
    return frame(device, text + "\n", false, false);
  }

  TargetCommand.TargetInput control(String json) {
    return frame("laptop", json, true, false);
  }

  /** A frame that the session has stored. */
  TargetCommand.TargetInput frame(String device, String text, boolean event, boolean more) {
    var frame = new SessionCommand.InputFrame(Bytes.of(text), event, more);
    var input =
        new TargetCommand.TargetInput(
            ++frames, device, frame.body(), event, more, Optional.of(log.size() + 1L));
    log.addAll(Entries.ofInput(device, frame));
    unconsumed.add(input);
    return input;
  }

  void deliver(TargetCommand.TargetInput... inputs) {
    actor().tell(new TargetCommand.Deliver(List.of(inputs)));
  }

  /** The next commit that the agent wants; it stays under way until it is confirmed. */
  SessionCommand.Emit emit() {
    return session.expectMessageClass(SessionCommand.Emit.class);
  }

  void confirm(SessionCommand.Emit emit) {
    long first = log.size() + 1L;
    log.addAll(emit.entries());
    memo = emit.memo().or(() -> memo);
    if (emit.consumedUpTo().isPresent()) {
      unconsumed.removeIf(input -> input.number() <= emit.consumedUpTo().getAsLong());
    }
    actor().tell(new TargetCommand.Emitted(++emissions, first));
  }

  SessionCommand.Emit emitAndConfirm() {
    SessionCommand.Emit emit = emit();
    confirm(emit);
    return emit;
  }

  void expectEnd() {
    session.expectTerminated(actor());
  }

  void hearsNothing() {
    session.expectNoMessage(Duration.ofMillis(100));
  }

  /** What has a kind is shown as it, what is an event as its type. */
  static List<String> shown(List<Entry> entries) {
    return entries.stream().map(ProbedAgent::shown).toList();
  }

  private static String shown(Entry entry) {
    String body = entry.body().utf8();
    return switch (entry.kind()) {
      case TEXT -> "text " + body;
      case BYTES -> "bytes";
      case EVENT -> body;
    };
  }
}
