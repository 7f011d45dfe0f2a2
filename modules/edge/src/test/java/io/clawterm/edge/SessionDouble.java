package io.clawterm.edge;

import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import akka.stream.javadsl.Source;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.SessionCommand.Emit;
import io.clawterm.session.SessionCommand.Finish;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetCommand.TargetInput;
import io.clawterm.session.TargetContext;
import io.clawterm.session.TargetMemo;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Plays the session for a target: a journal in memory, durable input, lives that crash and begin
 * anew with the memo and the input that the journal has.
 */
final class SessionDouble implements AutoCloseable {

  static final SessionId ID = new SessionId(0x5e551011);

  /** Each emission is durable and confirmed as it comes. */
  static final boolean AT_ONCE = true;

  /** Emissions wait for {@link #confirmAll()}. */
  static final boolean BY_HAND = false;

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** What happens instead of the confirmation of an emission. */
  enum Crash {
    /** It was never stored. */
    BEFORE_STORED,
    /** It was stored, and its sender never learnt of it. */
    BEFORE_CONFIRMED
  }

  private final ActorTestKit kit;
  private final Target target;
  private final ActorRef<SessionCommand> session;

  private final List<TargetInput> inputs = new ArrayList<>();
  private final List<Entry> log = new ArrayList<>();
  private final Deque<Emit> waiting = new ArrayDeque<>();
  private Optional<TargetMemo> memo = Optional.empty();
  private long consumed;
  private boolean automatic;
  private boolean stopped;
  private long epoch;
  private long applied;
  private long confirmedCount;
  private int emissions;
  private int crashAt = -1;
  private Crash crash = Crash.BEFORE_STORED;
  private volatile boolean mayAct = true;
  private @Nullable String finish;
  private @Nullable ActorRef<TargetCommand> life;

  SessionDouble(ActorTestKit kit, Target target, boolean automatic) {
    this.kit = kit;
    this.target = target;
    this.automatic = automatic;
    this.session = kit.spawn(behavior());
    begin();
  }

  /** Whether the node holds its right to act, as the target is to see it. */
  void mayAct(boolean may) {
    mayAct = may;
  }

  private Behavior<SessionCommand> behavior() {
    return Behaviors.receiveMessage(command -> {
      on(command);
      return Behaviors.same();
    });
  }

  private synchronized void on(SessionCommand command) {
    if (command instanceof Emit emit && emit.epoch() == epoch && !stopped) {
      emissions++;
      waiting.add(emit);
      crashIfDue();
      if (automatic) {
        confirmAll();
      }
    } else if (command instanceof Finish end && end.epoch() == epoch && !stopped) {
      finish = end.text();
    }
  }

  /** The next emission with this number, from 1 on over all lives, meets a crash. */
  synchronized void crashAt(int emission, Crash kind) {
    crashAt = emission;
    crash = kind;
    crashIfDue();
  }

  private synchronized void crashIfDue() {
    if (emissions == crashAt && !waiting.isEmpty()) {
      crashAt = -1;
      crash(crash == Crash.BEFORE_CONFIRMED);
    }
  }

  synchronized void input(String text) {
    input(Bytes.of(text), false, false);
  }

  synchronized void input(Bytes body, boolean event, boolean more) {
    var input = new TargetInput(inputs.size() + 1, "laptop", body, event, more, Optional.empty());
    inputs.add(input);
    tell(new TargetCommand.Deliver(List.of(input)));
  }

  synchronized void resize(WindowSize size) {
    tell(new TargetCommand.Resized(size));
  }

  /** Makes durable and confirms what waits. */
  synchronized void confirmAll() {
    applyAll();
    if (confirmedCount < applied) {
      confirmedCount = applied;
      tell(new TargetCommand.Emitted(applied, 1));
    }
  }

  /** Makes durable what waits, and does not confirm it. */
  synchronized void applyAll() {
    for (Emit emit = waiting.poll(); emit != null; emit = waiting.poll()) {
      log.addAll(emit.entries());
      emit.consumedUpTo().ifPresent(upTo -> consumed = Math.max(consumed, upTo));
      memo = emit.memo().or(() -> memo);
      applied++;
    }
  }

  synchronized void confirmAutomatically() {
    automatic = true;
    confirmAll();
  }

  synchronized void confirmByHand() {
    automatic = false;
  }

  /** The life ends without a word, and the next one begins with what is durable. */
  synchronized void crash(boolean stored) {
    if (stored) {
      applyAll();
    }
    beginAnew();
  }

  /** The session is over for good. */
  synchronized void stop() {
    tell(new TargetCommand.Stop());
    stopped = true;
  }

  void awaitEmit() {
    await().atMost(PATIENCE).until(() -> unconfirmed() > 0);
  }

  String awaitFinish() {
    await().atMost(PATIENCE).until(() -> finishText() != null);
    return String.valueOf(finishText());
  }

  synchronized @Nullable String finishText() {
    return finish;
  }

  synchronized int unconfirmed() {
    return waiting.size();
  }

  /** How many lives there were. */
  synchronized long lives() {
    return epoch;
  }

  synchronized long consumed() {
    return consumed;
  }

  synchronized Optional<TargetMemo> memo() {
    return memo;
  }

  synchronized List<Entry> entries() {
    return List.copyOf(log);
  }

  /** What a plain terminal shows. */
  synchronized String text() {
    var text = new StringBuilder();
    log.forEach(entry ->
        text.append(entry.kind() == Entry.Kind.EVENT ? entry.plain().utf8() : entry.body().utf8()));
    return text.toString();
  }

  private void beginAnew() {
    ActorRef<TargetCommand> old = life;
    if (old != null) {
      // Without a word, as when the session moves or rests.
      kit.stop(old, PATIENCE);
    }
    waiting.clear();
    begin();
  }

  private synchronized void begin() {
    epoch++;
    applied = 0;
    confirmedCount = 0;
    var context =
        new TargetContext(
            ID,
            epoch,
            Principal.LOCAL,
            session,
            (id, fromJournal, fromNumber) -> Source.empty(),
            log.size(),
            memo,
            Optional.empty(),
            () -> mayAct);
    life = kit.spawn(target.start(context));
    if (target.inputStyle() != Target.InputStyle.VOLATILE) {
      List<TargetInput> again = inputs.stream().filter(input -> input.number() > consumed).toList();
      if (!again.isEmpty()) {
        tell(new TargetCommand.Deliver(again));
      }
    }
  }

  private void tell(TargetCommand command) {
    if (life != null && !stopped) {
      life.tell(command);
    }
  }

  @Override
  public void close() {
    ActorRef<TargetCommand> last;
    synchronized (this) {
      stopped = true;
      last = life;
    }
    if (last != null) {
      kit.stop(last, PATIENCE);
    }
    kit.stop(session);
  }
}
