package io.clawterm.client;

import java.time.Duration;
import java.util.ArrayDeque;

/**
 * This device's own greetings that were sent in vain: not answered, or refused by a node that may
 * have passed them on before. Such a one may still be on its way: when it reaches the session after
 * a later greeting has attached the device, it takes the session over from it, and the client is
 * told TAKEN_OVER though nobody else wants the session.
 *
 * <p>Each explains one TAKEN_OVER, and only for a minute; there are never more than a few. So two
 * people who take a session from one another are asked after a handful of rounds at the latest, and
 * at once where their connections are sound. For use by one thread.
 */
final class Ghosts {
  private static final Duration LIFE = Duration.ofMinutes(1);
  private static final int MAX = 5;

  /** How long a greeting of an earlier process is believed in. */
  private static final Duration INHERITED = Duration.ofSeconds(10);

  private final ArrayDeque<Long> givenUpAt = new ArrayDeque<>();

  /** Notes a greeting that was given up at this moment of {@link System#nanoTime}. */
  void inVain(long nanos) {
    givenUpAt.addLast(nanos);
    if (givenUpAt.size() > MAX) {
      givenUpAt.removeFirst();
    }
  }

  /**
   * Notes that an earlier process had the session up to this moment: it may have been ended while
   * it greeted.
   */
  void inherited(long nanos) {
    inVain(nanos - LIFE.minus(INHERITED).toNanos());
  }

  /** Whether a TAKEN_OVER of this moment can be the work of one of them, which is used up by it. */
  boolean explain(long nanos) {
    while (!givenUpAt.isEmpty() && nanos - givenUpAt.getFirst() > LIFE.toNanos()) {
      givenUpAt.removeFirst();
    }
    return givenUpAt.pollFirst() != null;
  }
}
