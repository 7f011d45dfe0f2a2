package io.clawterm.edge;

import java.time.Duration;
import java.util.function.Consumer;

/**
 * The one timer of a connection, set to the nearest of its deadlines. That a deadline has moved
 * away is noticed when it fires: to set a timer anew for each frame would cost more.
 *
 * <p>Times are nanoseconds since the connection began, so that they compare as plain numbers.
 */
final class Alarm {

  /** No deadline. */
  static final long NEVER = Long.MAX_VALUE;

  private static final long SHORTEST_NANOS = 1_000_000;

  private final long startedAt = System.nanoTime();
  private final Consumer<Duration> timer;
  private long at = NEVER;

  /**
   * Is set to nothing yet.
   *
   * @param timer fires once, after this time; set again, it forgets the time before
   */
  Alarm(Consumer<Duration> timer) {
    this.timer = timer;
  }

  long now() {
    return System.nanoTime() - startedAt;
  }

  /** Sets the timer, unless it is to fire before anyway. */
  void wakeAt(long deadline) {
    if (deadline < at) {
      at = deadline;
      timer.accept(Duration.ofNanos(Math.max(SHORTEST_NANOS, deadline - now())));
    }
  }

  /** The timer has fired: whoever still has a deadline states it again. */
  void fired() {
    at = NEVER;
  }
}
