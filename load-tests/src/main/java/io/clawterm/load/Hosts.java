package io.clawterm.load;

import java.io.IOException;
import java.io.PrintStream;
import java.util.Optional;

/**
 * The machines of the rig, all on this one. Where the user may, each has a network of its own that
 * can be cut; else each has an address of loopback.
 */
sealed interface Hosts extends AutoCloseable permits NamespaceHosts, LoopbackHosts {

  /** Machines with networks of their own; without, where that is impossible, and says so. */
  static Hosts open(int count, PrintStream say) throws IOException {
    Optional<String> why = NamespaceHosts.impossible();
    if (why.isEmpty()) {
      return NamespaceHosts.open(count);
    }
    say.println("SKIPPED: faults of the network between nodes, because " + why.get());
    return new LoopbackHosts();
  }

  /** The address at which the machines reach what runs in this process. */
  String rig();

  /** The place of a machine, counted from 0. */
  Seat seat(int machine);

  /** Whether {@link #cut} works. */
  boolean canCut();

  /** Loses what one machine sends to another. */
  void cut(int from, int to) throws IOException;

  /** Loses nothing any more. */
  void heal() throws IOException;

  @Override
  void close() throws IOException;
}
