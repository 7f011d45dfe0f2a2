package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.TimerScheduler;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The place behind a session where the actor of its target lives: one life at a time, each with an
 * epoch of its own. It owns that actor, how long to wait for the next one, and what each is to know
 * of the devices: the size of their terminal.
 *
 * <p>The session calls it, and hands over only what is durable. What the target emits is decided
 * here.
 */
final class TargetSlot {

  private static final Duration BACK_OFF = Duration.ofMillis(200);
  private static final Duration MAX_BACK_OFF = Duration.ofSeconds(10);
  private static final String TIMER = "target";

  private final SessionId id;
  private final SessionEnvironment environment;
  private final ActorContext<SessionCommand> context;
  private final TimerScheduler<SessionCommand> timers;
  private final GroupCommit commits;
  private final CommitTrace trace;
  private Optional<ActorRef<TargetCommand>> actor = Optional.empty();
  private Optional<Attachment.WindowSize> size = Optional.empty();
  private long epoch;
  private long emissions;
  private long delivered;
  private int failures;

  TargetSlot(
      SessionId id,
      SessionEnvironment environment,
      ActorContext<SessionCommand> context,
      TimerScheduler<SessionCommand> timers,
      GroupCommit commits,
      CommitTrace trace) {
    this.id = id;
    this.environment = environment;
    this.context = context;
    this.timers = timers;
    this.commits = commits;
    this.trace = trace;
  }

  /**
   * Begins a life if there is none and the session is open. What is answered says why there can't
   * be one any more.
   */
  Optional<String> start() {
    if (actor.isPresent() || !(commits.durable() instanceof SessionState.Open open)) {
      return Optional.empty();
    }
    SessionState.Identity identity = open.identity();
    return switch (environment.targets().find(identity.owner(), identity.target())) {
      case Targets.Found.Available available -> {
        begin(available.target(), open);
        yield Optional.empty();
      }
      case Targets.Found.Missing missing -> Optional.of(missing.text());
      case Targets.Found.Denied denied -> Optional.of(denied.text());
    };
  }

  private void begin(Target target, SessionState.Open open) {
    epoch++;
    emissions = 0;
    delivered = 0;
    var start =
        new TargetContext(
            id,
            epoch,
            open.identity().owner(),
            context.getSelf(),
            (session, journal, number) ->
                environment
                    .log()
                    .read(session, Math.max(journal, open.log().journalOf(number)), number),
            open.head(),
            open.memo(),
            size,
            environment.mayAct());
    ActorRef<TargetCommand> life = context.spawnAnonymous(target.start(start));
    context.watchWith(life, new SelfCommand.TargetStopped(epoch));
    actor = Optional.of(life);
    deliver(open.input().waiting());
  }

  /** Whether it lives, or is to live again soon. */
  boolean isActive() {
    return actor.isPresent() || timers.isTimerActive(TIMER);
  }

  /** Whether this is the life that there is; what an older one says has no place any more. */
  boolean isLife(long candidate) {
    return candidate == epoch;
  }

  /** Hands over durable input, each frame once in a life. */
  void deliver(List<TargetCommand.TargetInput> inputs) {
    int known = 0;
    while (known < inputs.size() && inputs.get(known).number() <= delivered) {
      known++;
    }
    List<TargetCommand.TargetInput> fresh = inputs.subList(known, inputs.size());
    if (!fresh.isEmpty() && actor.isPresent()) {
      delivered = fresh.getLast().number();
      tell(new TargetCommand.Deliver(fresh));
    }
  }

  /** Tells it the size of the terminal, and each later life as well. */
  void resize(Attachment.WindowSize newSize) {
    size = Optional.of(newSize);
    tell(new TargetCommand.Resized(newSize));
  }

  /**
   * Decides what this life emits, and tells it once that is durable. False where it is void: an
   * older life says it, or the session is over.
   */
  boolean emit(SessionCommand.Emit emit) {
    if (!isLife(emit.epoch()) || !(commits.state() instanceof SessionState.Open open)) {
      return false;
    }
    long count = ++emissions;
    long first = open.head() + 1;
    if (!emit.entries().isEmpty() || emit.memo().isPresent() || emit.consumedUpTo().isPresent()) {
      commits.decide(new SessionEvent.Emitted(emit.entries(), emit.consumedUpTo(), emit.memo()));
      trace.causedBy(emit.causes());
    }
    commits.then(() -> emitted(emit.epoch(), count, first));
    return true;
  }

  private void emitted(long speaker, long count, long firstNumber) {
    if (isLife(speaker)) {
      tell(new TargetCommand.Emitted(count, firstNumber));
    }
    failures = 0; // it has got something done: the next failure is its first again
  }

  /** The session is over for good. */
  void stop() {
    tell(new TargetCommand.Stop());
  }

  private void tell(TargetCommand command) {
    actor.ifPresent(life -> life.tell(command));
  }

  /** A life is over: while the session is open, another one follows. */
  void stopped(long life) {
    if (isLife(life)) {
      actor = Optional.empty();
      epoch++; // what is still on its way from it is void
      if (commits.state() instanceof SessionState.Open) {
        startSoon();
      }
    }
  }

  /** After a while, a longer one after each failure. */
  private void startSoon() {
    environment.metrics().targetRestarted();
    Duration wait = BACK_OFF.multipliedBy(1L << Math.min(failures, 6));
    failures++;
    timers.startSingleTimer(
        TIMER,
        new SelfCommand.StartTarget(),
        wait.compareTo(MAX_BACK_OFF) > 0 ? MAX_BACK_OFF : wait);
  }
}
