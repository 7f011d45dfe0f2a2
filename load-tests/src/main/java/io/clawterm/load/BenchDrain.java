package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.DoubleStream;

/**
 * Idle sessions while a node is emptied and filled again: three nodes on one database, one after
 * the other drained as {@code clawterm drain} does it, and taken back. How long each device is
 * without its session, because its own node sends it away or because its session moves.
 *
 * <p>Arguments: the number of clients, and how often around. In the first round the nodes run code
 * that they have never run; it does not count. Clients, nodes and database share the machine.
 */
final class BenchDrain {

  private static final double TARGET_SECONDS = 0.2;
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Duration LOOK = Duration.ofMillis(200);

  /** Between two changes: a program that is replaced node by node takes longer for each. */
  private static final Duration REST = Duration.ofSeconds(3);

  private BenchDrain() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int clients = Integer.parseInt(args[0]);
    int rounds = Integer.parseInt(args[1]);
    BenchReport.title("drain: %,d idle sessions, three nodes in turn".formatted(clients));
    try (BenchCluster cluster = BenchCluster.start();
        Crowd crowd = new Crowd(BenchCluster.doors(cluster.nodes()), cluster.token())) {
      crowd.open(clients);
      var emptied = DoubleStream.builder();
      var filled = DoubleStream.builder();
      for (int round = 0; round <= rounds; round++) {
        String name = round == 0 ? "first round" : "round " + round;
        for (NodeProcess node : cluster.nodes()) {
          double[] leaving = emptied(cluster, node, crowd, name);
          double[] coming = filled(cluster, node, crowd, name);
          if (round > 0) {
            DoubleStream.of(leaving).forEach(emptied);
            DoubleStream.of(coming).forEach(filled);
          }
        }
      }
      report("a node is drained", emptied.build().toArray());
      report("a node is taken back", filled.build().toArray());
    }
  }

  private static void report(String what, double[] seconds) {
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%s: %,d absences, p50 %.3f s",
            what,
            seconds.length,
            BenchReport.percentile(50, seconds)));
    double p99 = BenchReport.percentile(99, seconds);
    BenchReport.target("p99, " + what, p99, "<=", TARGET_SECONDS, "s");
  }

  private static double[] emptied(BenchCluster cluster, NodeProcess node, Crowd crowd, String round)
      throws IOException, InterruptedException {
    TimeUnit.MILLISECONDS.sleep(REST.toMillis());
    crowd.begin();
    cluster.drain(node);
    await(
        crowd,
        () -> {
          JsonNode figures = cluster.member(node).path("figures");
          return figures.path("shards").asInt(-1) == 0
              && figures.path("connections").asInt(-1) == 0;
        });
    return crowd.report(round + ", a node is drained");
  }

  private static double[] filled(BenchCluster cluster, NodeProcess node, Crowd crowd, String round)
      throws IOException, InterruptedException {
    TimeUnit.MILLISECONDS.sleep(REST.toMillis());
    crowd.begin();
    cluster.undrain(node);
    await(
        crowd,
        () -> {
          int all = 0;
          for (NodeProcess each : cluster.nodes()) {
            all += shards(cluster, each);
          }
          // Akka's own strategy moves them in rounds, and leaves it at about the same number.
          return shards(cluster, node) >= all / 4;
        });
    return crowd.report(round + ", it is taken back");
  }

  private static int shards(BenchCluster cluster, NodeProcess node)
      throws IOException, InterruptedException {
    return cluster.member(node).path("figures").path("shards").asInt();
  }

  private interface Condition {
    boolean holds() throws IOException, InterruptedException;
  }

  /** Waits until this holds and everybody has a session again. */
  private static void await(Crowd crowd, Condition condition)
      throws IOException, InterruptedException {
    long begin = System.nanoTime();
    while (!condition.holds() || crowd.missing() > 0) {
      if (System.nanoTime() - begin > LIMIT.toNanos()) {
        throw new IOException(
            "the node is not as it should be; %d wait".formatted(crowd.missing()));
      }
      TimeUnit.MILLISECONDS.sleep(LOOK.toMillis());
    }
  }
}
