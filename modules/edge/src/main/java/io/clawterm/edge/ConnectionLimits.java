package io.clawterm.edge;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Counts connections, in total and by origin, and decides which may stay.
 *
 * <p>Where too many have not shown who they are, the one that has waited longest makes room. To
 * refuse the new one instead would let anybody who opens enough silent connections, and opens them
 * anew as they time out, keep all others out; a client that has something to say says it within a
 * round trip and is not the oldest for long. Safe for use by several threads.
 */
final class ConnectionLimits {

  /** The place of one connection. */
  final class Permit {
    private final Object origin;
    private final Runnable evict;
    private boolean open = true;

    private Permit(Object origin, Runnable evict) {
      this.origin = origin;
      this.evict = evict;
    }

    /** It has shown who it is; nothing if it had before. */
    void authenticated() {
      synchronized (ConnectionLimits.this) {
        noLongerWaiting(this);
      }
    }

    /** The connection is gone. */
    void close() {
      synchronized (ConnectionLimits.this) {
        if (open) {
          open = false;
          total--;
          noLongerWaiting(this);
          byOrigin.computeIfPresent(origin, (key, count) -> count == 1 ? null : count - 1);
        }
      }
    }
  }

  private final Supplier<EdgeSettings.Connections> limits;
  private int total;
  private final Map<Object, Integer> byOrigin = new HashMap<>();
  private final LinkedHashSet<Permit> waiting = new LinkedHashSet<>();
  private final Map<Object, LinkedHashSet<Permit>> waitingByOrigin = new HashMap<>();

  /**
   * Without any connection.
   *
   * @param limits those in force; lower ones close nothing that is open
   */
  ConnectionLimits(Supplier<EdgeSettings.Connections> limits) {
    this.limits = limits;
  }

  /**
   * A place for a new connection, if there is one.
   *
   * @param evict called at most once, on any thread, when it must make room for another
   */
  Optional<Permit> admit(Object origin, Runnable evict) {
    Optional<Permit> evicted;
    Permit permit;
    EdgeSettings.Connections now = limits.get();
    synchronized (this) {
      if (total >= now.max() || byOrigin.getOrDefault(origin, 0) >= now.maxPerAddress()) {
        return Optional.empty();
      }
      evicted = makeRoom(origin, now);
      permit = new Permit(origin, evict);
      total++;
      byOrigin.merge(origin, 1, Integer::sum);
      waiting.add(permit);
      waitingByOrigin.computeIfAbsent(origin, key -> new LinkedHashSet<>()).add(permit);
    }
    evicted.ifPresent(oldest -> oldest.evict.run());
    return Optional.of(permit);
  }

  /** Takes the oldest out of those that wait, where one more would be too many. */
  private Optional<Permit> makeRoom(Object origin, EdgeSettings.Connections now) {
    LinkedHashSet<Permit> ofOrigin = waitingByOrigin.getOrDefault(origin, new LinkedHashSet<>());
    Iterator<Permit> candidates;
    if (ofOrigin.size() >= now.maxUnauthenticatedPerAddress()) {
      candidates = ofOrigin.iterator();
    } else if (waiting.size() >= now.maxUnauthenticated()) {
      candidates = waiting.iterator();
    } else {
      return Optional.empty();
    }
    Permit oldest = candidates.next();
    noLongerWaiting(oldest);
    return Optional.of(oldest);
  }

  private void noLongerWaiting(Permit permit) {
    if (waiting.remove(permit)) {
      waitingByOrigin.computeIfPresent(
          permit.origin,
          (key, permits) -> {
            permits.remove(permit);
            return permits.isEmpty() ? null : permits;
          });
    }
  }

  /** Connections now. */
  synchronized int total() {
    return total;
  }

  /** Those of them that have not shown who they are. */
  synchronized int unauthenticated() {
    return waiting.size();
  }
}
