package io.clawterm.load;

import java.util.List;

/**
 * Where a process runs: its address, and how a command gets there.
 *
 * @param prefix what stands before the command, such as {@code ip netns exec NAME}
 */
record Seat(String host, List<String> prefix) {

  /** This process's own place. */
  static final Seat HERE = new Seat("127.0.0.1", List.of());

  Seat {
    prefix = List.copyOf(prefix);
  }
}
