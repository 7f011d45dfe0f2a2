package io.clawterm.session;

import io.clawterm.telemetry.TraceContext;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What has been decided and is not committed yet: the changes, what follows once they are durable,
 * and the state as it will be then. Decisions are made against that state.
 */
final class Pending {

  private SessionState state;
  private final List<SessionEvent.Change> changes = new ArrayList<>(2);
  private final List<Runnable> afterwards = new ArrayList<>(4);
  private Optional<Taken> taken = Optional.empty();

  /** A commit that is under way, and what {@link SessionState#after} makes of it. */
  private record Taken(SessionState before, SessionEvent event, SessionState after) {}

  /** Nothing decided since this state. */
  Pending(SessionState state) {
    this.state = state;
  }

  /** What was taken is durable and has led to this state; nothing was added in the meantime. */
  void committed(SessionState now) {
    if (!changes.isEmpty()) {
      throw new IllegalStateException("decided during a commit: " + changes.size() + " changes");
    }
    state = now;
    taken = Optional.empty();
  }

  /** The state as it will be. */
  SessionState state() {
    return state;
  }

  /** Adds a change; throws if it cannot follow. */
  void add(SessionEvent.Change change, Instant at) {
    state = state.with(change, at);
    changes.add(change);
  }

  /** Runs this once all that was added before is durable. */
  void then(Runnable action) {
    afterwards.add(action);
  }

  /** Takes the changes out, as one commit that follows this state and stands in this trace. */
  SessionEvent take(Instant at, SessionState before, Optional<TraceContext> trace) {
    boolean work = state.hasWork();
    boolean told = work != before.hasWork() || hasMemo();
    var event =
        new SessionEvent(
            at, before.head(), merged(), told ? Optional.of(work) : Optional.empty(), trace);
    changes.clear();
    taken = state.decided(event, before).map(after -> new Taken(before, event, after));
    return event;
  }

  /**
   * The state after an event: that of {@link SessionState#after}, which is not worked out again
   * where the event is the one that was decided here, change by change, from that same state.
   */
  @SuppressWarnings("ReferenceEquality") // the very ones: whatever else is equal is worked out
  SessionState after(SessionState before, SessionEvent event) {
    return taken
        .filter(commit -> commit.event == event && commit.before == before)
        .map(Taken::after)
        .orElseGet(() -> before.after(event));
  }

  private boolean hasMemo() {
    for (SessionEvent.Change change : changes) {
      if (change instanceof SessionEvent.Emitted emitted && emitted.memo().isPresent()) {
        return true;
      }
    }
    return false;
  }

  /** Successive input of one device becomes one change; in one pass, as there may be thousands. */
  private List<SessionEvent.Change> merged() {
    if (changes.size() == 1) {
      return changes;
    }
    List<SessionEvent.Change> merged = new ArrayList<>();
    int at = 0;
    while (at < changes.size()) {
      SessionEvent.Change change = changes.get(at++);
      if (change instanceof SessionEvent.InputReceived first) {
        List<SessionCommand.InputFrame> frames = new ArrayList<>(first.frames());
        while (at < changes.size()
            && changes.get(at) instanceof SessionEvent.InputReceived next
            && next.device().equals(first.device())) {
          frames.addAll(next.frames());
          at++;
        }
        change =
            new SessionEvent.InputReceived(
                first.device(), first.firstNumber(), frames, first.logged());
      }
      merged.add(change);
    }
    return merged;
  }

  boolean hasChanges() {
    return !changes.isEmpty();
  }

  /** Takes out what follows. */
  List<Runnable> takeAfterwards() {
    if (afterwards.isEmpty()) {
      return List.of();
    }
    List<Runnable> actions = List.copyOf(afterwards);
    afterwards.clear();
    return actions;
  }
}
