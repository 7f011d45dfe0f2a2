package io.clawterm.edge;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How many sessions a node opens or resumes at one time. When a node dies, all of its clients are
 * back within a second, and each costs reads and commits of the database that running sessions need
 * as well. So a few are served at a time; more of them wait here, for as long as a client waits for
 * an answer; the others are told when to come again, each at a time of its own, by the speed that
 * was seen. Safe for use by several threads.
 */
final class Admission {

  /** Speeds are told from the last so many. */
  private static final int SAMPLE = 64;

  private static final Duration MIN_RETRY = Duration.ofMillis(200);
  private static final Duration MAX_RETRY = Duration.ofSeconds(30);

  /** What is taken for the speed before any was seen, and at least. */
  private static final double SLOWEST_A_SECOND = 100;

  private static final double JITTER = 0.2;

  /** What an attempt is told. */
  sealed interface Answer {

    /** It goes on when {@code admitted} is called, which may have happened already. */
    record Enters(Place place) implements Answer {}

    /** It is not served now. */
    record ComesAgain(Duration after) implements Answer {}
  }

  /** The place of one attempt, from the request to its end. */
  final class Place {
    private final AtomicBoolean left = new AtomicBoolean();
    private final Runnable admitted;

    private Place(Runnable admitted) {
      this.admitted = admitted;
    }

    /**
     * Gives the place to the next one; nothing if it was given before.
     *
     * @param served whether the session is open: the others' times are told from such ends alone
     */
    void leave(boolean served) {
      if (left.compareAndSet(false, true)) {
        Place next = left(this, served);
        if (next != null) {
          next.admitted.run();
        }
      }
    }
  }

  private final int maxAtOnce;
  private final int maxWaiting;
  private final LongSupplier nanoTime;
  private final Deque<Place> waiting = new ArrayDeque<>();
  private final Deque<Long> ends = new ArrayDeque<>();
  private int served;
  private long nextSlot;

  Admission(int maxAtOnce, int maxWaiting, LongSupplier nanoTime) {
    this.maxAtOnce = maxAtOnce;
    this.maxWaiting = maxWaiting;
    this.nanoTime = nanoTime;
    this.nextSlot = nanoTime.getAsLong();
  }

  /**
   * Asks for a place.
   *
   * @param admitted called once, on any thread, also within this call
   */
  Answer enter(Runnable admitted) {
    var place = new Place(admitted);
    synchronized (this) {
      if (served >= maxAtOnce) {
        if (waiting.size() >= maxWaiting) {
          return new Answer.ComesAgain(slot());
        }
        waiting.add(place);
        return new Answer.Enters(place);
      }
      served++;
    }
    admitted.run();
    return new Answer.Enters(place);
  }

  private synchronized @Nullable Place left(Place place, boolean done) {
    if (waiting.remove(place)) {
      return null;
    }
    if (done) {
      ends.add(nanoTime.getAsLong());
    }
    if (ends.size() > SAMPLE) {
      ends.remove();
    }
    Place next = waiting.poll();
    if (next == null) {
      served--;
    }
    return next;
  }

  /** The next time at which nobody else was told to come: after those who wait and were told. */
  private Duration slot() {
    long now = nanoTime.getAsLong();
    double nanosEach = 1e9 / speed();
    nextSlot = Math.max(nextSlot + (long) nanosEach, now + (long) (waiting.size() * nanosEach));
    nextSlot = Math.min(nextSlot, now + MAX_RETRY.toNanos());
    long after = Math.max(nextSlot - now, MIN_RETRY.toNanos());
    double jitter = 1 + ThreadLocalRandom.current().nextDouble(-JITTER, JITTER);
    return Duration.ofNanos((long) (after * jitter));
  }

  /** Attempts that ended in a second, lately. */
  private double speed() {
    if (ends.size() < SAMPLE) {
      return SLOWEST_A_SECOND;
    }
    double seconds = (nanoTime.getAsLong() - ends.getFirst()) / 1e9;
    return Math.max(SLOWEST_A_SECOND, ends.size() / Math.max(seconds, 1e-3));
  }

  /** Attempts that are served now. */
  synchronized int served() {
    return served;
  }

  /** Attempts that wait. */
  synchronized int waiting() {
    return waiting.size();
  }
}
