package io.clawterm.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Exponential waits with jitter: each between half of its base and its base. */
final class Backoff {
  private final Duration min;
  private final Duration max;
  private final RandomGenerator random;
  private int attempts;

  Backoff(Duration min, Duration max, RandomGenerator random) {
    if (!min.isPositive() || max.compareTo(min) < 0) {
      throw new IllegalArgumentException(
          "back-off goes from above 0 to no less, not from " + min + " to " + max);
    }
    this.min = min;
    this.max = max;
    this.random = random;
  }

  /** The wait before the next attempt. */
  Duration next() {
    long base = min.toNanos();
    for (int i = 0; i < attempts && base < max.toNanos(); i++) {
      base *= 2;
    }
    attempts++;
    base = Math.min(base, max.toNanos());
    return Duration.ofNanos(base / 2 + random.nextLong(base / 2 + 1));
  }

  /** After progress: the next wait is a short one again. */
  void reset() {
    attempts = 0;
  }
}
