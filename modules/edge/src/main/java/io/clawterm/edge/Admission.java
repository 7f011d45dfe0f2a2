package io.clawterm.edge;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How many sessions a node opens or resumes at one time. When a node dies, all of its clients are
 * back within a second, and each costs processor time, reads and commits of the database that
 * running sessions need as well. So a few are served at a time; more of them wait here, as many as
 * get their turn before their clients give up; the others are told when to come again, each at a
 * time of its own, by the speed that is seen meanwhile. Safe for use by several threads.
 */
final class Admission {

  /** What one attempt counts for among those before. */
  private static final double WEIGHT = 1.0 / 32;

  private static final Duration MIN_RETRY = Duration.ofMillis(200);

  /**
   * Longer times would be guesses, taken from the first seconds after a crash, in which nothing is
   * quick: with ten seconds a node had nothing to do before its devices came. To come again costs
   * little, as the connection stays.
   */
  private static final Duration MAX_RETRY = Duration.ofSeconds(4);

  /** What an attempt takes, before any was seen. */
  private static final double USUAL_SECONDS = 0.1;

  private static final double QUICKEST_SECONDS = 0.03;

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
    private long since;

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
  private final Supplier<Duration> patience;
  private final LongSupplier nanoTime;
  private final LinkedHashSet<Place> waiting = new LinkedHashSet<>();

  /** How long an attempt has a place, of late, where others had all the other places. */
  private double seconds = USUAL_SECONDS;

  private int served;
  private long nextSlot;

  /**
   * Nobody has come yet.
   *
   * @param maxWaiting how many wait at most
   * @param patience how long one waits for its turn: no more are let in than get it by then, at the
   *     speed that is seen. To wait costs next to nothing; to come again is a new connection.
   */
  Admission(int maxAtOnce, int maxWaiting, Supplier<Duration> patience, LongSupplier nanoTime) {
    this.maxAtOnce = maxAtOnce;
    this.maxWaiting = maxWaiting;
    this.patience = patience;
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
        if (waiting.size() >= Math.min(maxWaiting, patience.get().toMillis() / 1e3 * speed())) {
          return new Answer.ComesAgain(slot());
        }
        waiting.add(place);
        return new Answer.Enters(place);
      }
      served++;
      place.since = nanoTime.getAsLong();
    }
    admitted.run();
    return new Answer.Enters(place);
  }

  private synchronized @Nullable Place left(Place place, boolean done) {
    if (waiting.remove(place)) {
      return null;
    }
    long now = nanoTime.getAsLong();
    if (done && served == maxAtOnce) {
      seconds += ((now - place.since) / 1e9 - seconds) * WEIGHT;
    }
    Place next = waiting.isEmpty() ? null : waiting.removeFirst();
    if (next == null) {
      served--;
    } else {
      next.since = now;
    }
    return next;
  }

  /**
   * When somebody who waited in vain may come again: the next time at which nobody else was told to
   * come, after those who wait and were told.
   */
  synchronized Duration slot() {
    long now = nanoTime.getAsLong();
    double nanosEach = 1e9 / speed();
    nextSlot = Math.max(nextSlot + (long) nanosEach, now + (long) (waiting.size() * nanosEach));
    nextSlot = Math.min(nextSlot, now + MAX_RETRY.toNanos());
    long after = Math.max(nextSlot - now, MIN_RETRY.toNanos());
    double jitter = 1 + ThreadLocalRandom.current().nextDouble(-JITTER, JITTER);
    return Duration.ofNanos((long) (after * jitter));
  }

  /**
   * Attempts that can be served in a second, by Little's law. Those that came to nothing, as they
   * waited for a node that has died, do not count.
   */
  private double speed() {
    return maxAtOnce / Math.max(seconds, QUICKEST_SECONDS);
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
