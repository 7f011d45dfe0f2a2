package io.clawterm.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Exponential waits with jitter: each between half of its base and its base. */
final class Backoff {

  /** The server may send us so often where nobody takes us, before we slow down by ourselves. */
  private static final int AT_ITS_WORD = 3;

  private static final Duration MAX_WHEN_TOLD = Duration.ofSeconds(1);

  private final Duration min;
  private final Duration max;
  private final RandomGenerator random;
  private int attempts;
  private int told;

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

  /**
   * The same where the server has said after how long it wants us. It knows how many others come,
   * so at first there is no wait of our own; later one only keeps us from going in circles.
   */
  Duration next(Duration wanted) {
    if (told < AT_ITS_WORD) {
      told++;
      return wanted;
    }
    Duration own = next();
    if (wanted.isPositive() && own.compareTo(MAX_WHEN_TOLD) > 0) {
      own = MAX_WHEN_TOLD;
    }
    return Attempts.longer(own, wanted);
  }

  /** Where we were sent somebody took us: we go where the server says again. */
  void taken() {
    told = 0;
  }

  /** After progress: the next wait is a short one again. */
  void reset() {
    attempts = 0;
    told = 0;
  }
}
