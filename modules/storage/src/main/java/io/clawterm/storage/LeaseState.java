package io.clawterm.storage;

import java.time.Duration;

/**
 * How a life's right to write stands.
 *
 * @param number of the life
 * @param held whether it may write, as far as it knows
 * @param unconfirmed how long ago the database last said so: half a second at most while all is
 *     well
 * @param roundTrip how long the database took to say so, from question to answer: the quickest of
 *     its last five answers
 * @param clockSkew by how much this machine's clock is ahead of the database's; negative: behind
 * @param maxClockSkew beyond it a node does not start, and says so when it runs
 */
public record LeaseState(
    int number,
    boolean held,
    Duration unconfirmed,
    Duration roundTrip,
    Duration clockSkew,
    Duration maxClockSkew) {

  /**
   * The database's server frees the lock of a life that it has not heard of for 5 s; from then on
   * others may take it for dead.
   */
  private static final Duration IN_DANGER = Duration.ofSeconds(5);

  /** Whether the database takes so long to answer a simple question that everything waits. */
  public boolean isSlow() {
    return roundTrip.compareTo(DatabaseMeasurement.SLOW_ROUND_TRIP) > 0;
  }

  /** Whether the life may lose its right any moment, because the database does not answer it. */
  public boolean isInDanger() {
    return held && !mayAct();
  }

  /**
   * Whether the node may act outside of the database, where nobody would refuse what it does. One
   * that was stopped knows by the time that has passed, before anybody tells it.
   */
  public boolean mayAct() {
    return held && unconfirmed.compareTo(IN_DANGER) <= 0;
  }

  /** Whether this machine's clock is right enough. */
  public boolean isClockRight() {
    return clockSkew.abs().compareTo(maxClockSkew) <= 0;
  }
}
