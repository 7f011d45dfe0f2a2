package io.clawterm.session;

import akka.actor.typed.ActorRef;
import java.util.List;
import java.util.Optional;

/**
 * Group commit without a timer: commands decide against the state as it will be after what is
 * already decided ({@link Pending}); the last of those that wait then has all of it committed in
 * one event. Commands that arrive during that commit wait in {@link Arrivals} and form the next
 * one.
 *
 * <p>It owns what is decided and what is durable. The session calls it around each command and
 * writes the batches, one at a time; its parts decide changes here, and have told to anybody what
 * rests on them once they are durable.
 */
final class GroupCommit {

  /** So many commands go into one commit: more gain nothing, and make it late for the first. */
  private static final long MAX_COMMANDS = 256;

  /** An event to write, and what follows once it is durable. */
  record Batch(SessionEvent event, List<Runnable> afterwards, long sinceNanos) {}

  private final SessionEnvironment environment;
  private final Arrivals arrivals;
  private final CommitTrace trace;
  private final ActorRef<SessionCommand> self;

  private Pending pending = new Pending(new SessionState.Absent());
  private SessionState durable = new SessionState.Absent();

  /** How many commands have been handled since the last commit. */
  private long handled;

  private boolean flushAsked;
  private boolean flushing;

  GroupCommit(
      SessionEnvironment environment,
      Arrivals arrivals,
      CommitTrace trace,
      ActorRef<SessionCommand> self) {
    this.environment = environment;
    this.arrivals = arrivals;
    this.trace = trace;
    this.self = self;
  }

  /**
   * What the journal, which ends with this commit, has made of the session. A commit that is
   * missing, or a snapshot of other commits, need not show in the entries.
   */
  void recovered(SessionState state, long number) {
    if (state instanceof SessionState.Open open && open.events() != number) {
      throw new UnreadableLogException(
          "the journal ends with commit " + number + ", its state is made of " + open.events());
    }
    pending = new Pending(state);
    durable = state;
  }

  /** The state as it will be once all is durable that is decided. */
  SessionState state() {
    return pending.state();
  }

  /** The state as the journal has it. */
  SessionState durable() {
    return durable;
  }

  /** Whether something is decided and not durable. */
  boolean hasChanges() {
    return pending.hasChanges();
  }

  /** Decides a change; throws if it cannot follow. */
  void decide(SessionEvent.Change change) {
    pending.add(change, environment.clock().instant());
  }

  /** Runs this once all that is decided so far is durable. */
  void then(Runnable action) {
    pending.then(action);
  }

  /** A command is to be handled. */
  void beginTurn() {
    handled++;
  }

  /** It was {@link SelfCommand.Flush}: nothing is waited for at the end of this turn. */
  void flush() {
    flushAsked = false;
    flushing = true;
  }

  /** A command is handled: what is to be written now, if anything. */
  Optional<Batch> endTurn() {
    boolean now = flushing;
    flushing = false;
    if (!hasChanges()) {
      pending.takeAfterwards().forEach(Runnable::run);
    }
    if (!hasChanges()) {
      return Optional.empty();
    }
    if (now || !arrivals.areWaiting() || handled >= MAX_COMMANDS) {
      return Optional.of(take());
    }
    // Others wait and are decided first. A message to itself comes after them in any case.
    flushSoon();
    return Optional.empty();
  }

  private Batch take() {
    arrivals.hold();
    handled = 0;
    flushAsked = false; // one that is still to come may be dropped, and finds nothing to do
    SessionEvent event = pending.take(environment.clock().instant(), durable, trace.begin());
    return new Batch(event, pending.takeAfterwards(), System.nanoTime());
  }

  /** What was decided outside of a turn is committed as well. */
  void flushSoon() {
    if (hasChanges() && !flushAsked) {
      flushAsked = true;
      self.tell(new SelfCommand.Flush());
    }
  }

  /** Once an event is durable, that it can't follow is a matter of the log, not of this moment. */
  SessionState after(SessionState state, SessionEvent event) {
    try {
      return pending.after(state, event);
    } catch (IllegalStateException e) {
      throw new UnreadableLogException("an event of the journal does not follow what is before", e);
    }
  }

  /** A batch is durable and has led to this state; its entries. */
  List<Entry> written(Batch batch, SessionState state, long number) {
    durable = state;
    arrivals.release();
    pending.committed(state);
    List<Entry> entries = Entries.of(batch.event());
    environment.metrics().committed(entries.size(), System.nanoTime() - batch.sinceNanos());
    trace.durable(entries, number);
    return entries;
  }
}
