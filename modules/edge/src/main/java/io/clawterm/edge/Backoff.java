package io.clawterm.edge;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Waits between attempts: twice as long each time, up to a maximum. */
final class Backoff {

  private final Duration min;
  private final Duration max;
  private Duration next;

  Backoff(Duration min, Duration max) {
    this.min = min;
    this.max = max;
    this.next = min;
  }

  /** The wait before the next attempt. */
  Duration next() {
    Duration now = next;
    Duration doubled = next.multipliedBy(2);
    next = doubled.compareTo(max) > 0 ? max : doubled;
    // Spread over the upper half, so that many sessions don't come back to a pod in step.
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(now.toNanos() / 2, now.toNanos()));
  }

  /** After progress: the next wait is a short one again. */
  void reset() {
    next = min;
  }
}
