package io.clawterm.testkit;

import io.clawterm.testkit.Fault.Direction;

/**
 * One connection through a {@link FaultProxy}, as it stands at the time of asking.
 *
 * @param number counts from 1, in the order in which connections were accepted
 * @param bytesToServer bytes passed on to the server
 * @param bytesToClient bytes passed on to the client
 */
public record ProxiedConnection(int number, long bytesToServer, long bytesToClient, State state) {

  /** How a connection stands. */
  public enum State {
    OPEN,
    /** One of the two sides ended it. */
    CLOSED,
    /** The proxy ended it with a FIN. */
    CUT,
    /** The proxy ended it with a RST. */
    RESET,
    /** Nobody listens at the target. */
    UNREACHABLE
  }

  /** The bytes passed on in a direction. */
  public long bytes(Direction direction) {
    return switch (direction) {
      case TO_SERVER -> bytesToServer;
      case TO_CLIENT -> bytesToClient;
    };
  }
}
