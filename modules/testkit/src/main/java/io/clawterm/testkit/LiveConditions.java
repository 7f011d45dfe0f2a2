package io.clawterm.testkit;

import java.time.Duration;

/** What a proxy does to all of its connections, open ones as well, until told otherwise. */
final class LiveConditions {

  private volatile boolean stalled;
  private volatile Duration delay = Duration.ZERO;

  /** Whether bytes stay where they are. */
  boolean isStalled() {
    return stalled;
  }

  void stalled(boolean now) {
    stalled = now;
  }

  /** How long each piece that is read waits, in either direction. */
  Duration delay() {
    return delay;
  }

  void delay(Duration now) {
    delay = now;
  }
}
