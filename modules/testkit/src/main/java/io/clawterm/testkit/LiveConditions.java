package io.clawterm.testkit;

import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/** What a proxy does to all of its connections, open ones as well, until told otherwise. */
final class LiveConditions {

  private volatile boolean stalled;
  private volatile boolean gone;

  /** How long the next piece waits, in nanoseconds. */
  private LongSupplier delays = () -> 0;

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

  /** How long the next piece that is read waits, in either direction. */
  synchronized Duration delay() {
    return Duration.ofNanos(delays.getAsLong());
  }

  synchronized void delay(Duration each) {
    long nanos = each.toNanos();
    delays = () -> nanos;
  }

  /** Each piece waits for a time of its own between these, which is drawn. */
  synchronized void delay(Duration least, Duration most, RandomGenerator random) {
    delays = () -> random.nextLong(least.toNanos(), most.toNanos());
  }
}
