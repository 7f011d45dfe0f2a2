package io.clawterm.load;

import java.io.IOException;

/**
 * All clients of a node come back at once: three nodes on one database, and a {@link Storm} on the
 * first of them, twice. The first time, with a fifth of the clients, the nodes run code that they
 * have never run, and compile it meanwhile; the second time they are as nodes that have been up for
 * a while.
 *
 * <p>Argument: the number of clients. Clients, nodes and database share the machine.
 */
final class BenchStorm {

  private static final double TARGET_SECONDS = 15;
  private static final double TARGET_RATIO = 2;

  private BenchStorm() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int clients = Integer.parseInt(args[0]);
    BenchReport.title("storm: %,d clients of a node that is killed".formatted(clients));
    try (BenchCluster cluster = BenchCluster.start()) {
      new Storm(cluster, "code that runs for the first time").run(Math.max(100, clients / 5));
      cluster.start(cluster.nodes().getFirst());
      Storm.Outcome outcome = new Storm(cluster, "code that has run before").run(clients);
      BenchReport.target("all clients back", outcome.longestSeconds(), "<=", TARGET_SECONDS, "s");
      BenchReport.target("p99 of a question", outcome.ratio(), "<=", TARGET_RATIO, "times");
    }
  }
}
