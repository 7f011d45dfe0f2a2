package io.clawterm.testkit;

import java.time.Duration;

/** What a {@link FaultProxy} does to one direction of a connection. */
public sealed interface Fault {

  /** Which way the bytes flow. */
  enum Direction {
    TO_SERVER,
    TO_CLIENT
  }

  /** The direction whose bytes are counted or slowed. */
  Direction direction();

  /**
   * Ends both sides with a FIN once exactly so many bytes were passed on in this direction; what
   * was passed on does arrive. With 0 the connection ends at once.
   */
  record CutAfter(Direction direction, long bytes) implements Fault {
    public CutAfter {
      notNegative(bytes);
    }
  }

  /**
   * Ends both sides with a RST after so many bytes. As with any reset, the receiver may lose bytes
   * that it hasn't read yet.
   */
  record ResetAfter(Direction direction, long bytes) implements Fault {
    public ResetAfter {
      notNegative(bytes);
    }
  }

  /**
   * Passes on exactly so many bytes in this direction and loses what follows, the end included: the
   * connection looks alive.
   */
  record SwallowAfter(Direction direction, long bytes) implements Fault {
    public SwallowAfter {
      notNegative(bytes);
    }
  }

  /** Holds back each piece read (at most 16 KiB) for so long, one after the other. */
  record Delay(Direction direction, Duration duration) implements Fault {}

  /** Passes on at most so many bytes a second. */
  record RateLimit(Direction direction, long bytesPerSecond) implements Fault {
    public RateLimit {
      if (bytesPerSecond < 1) {
        throw new IllegalArgumentException("a rate must be above 0, is " + bytesPerSecond);
      }
    }
  }

  private static void notNegative(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes must not be below 0, are " + bytes);
    }
  }
}
