package io.clawterm.testkit;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** What a proxy does to all of its connections, open ones as well, until told otherwise. */
final class LiveConditions {

  private volatile boolean stalled;
  private volatile boolean gone;
  private volatile Range delay = new Range(0, 0);

  private record Range(long leastNanos, long mostNanos) {}

  /** Whether bytes stay where they are. */
  boolean isStalled() {
    return stalled;
  }

  void stalled(boolean now) {
    stalled = now;
  }

  /** Whether bytes are lost, and ends as well. */
  boolean isGone() {
    return gone;
  }

  void gone(boolean now) {
    gone = now;
  }

  /** How long each piece that is read waits, in either direction. */
  Duration delay() {
    Range now = delay;
    return Duration.ofNanos(
        now.leastNanos() == now.mostNanos()
            ? now.leastNanos()
            : ThreadLocalRandom.current().nextLong(now.leastNanos(), now.mostNanos()));
  }

  void delay(Duration least, Duration most) {
    delay = new Range(least.toNanos(), most.toNanos());
  }
}
