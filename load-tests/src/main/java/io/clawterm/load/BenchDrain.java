package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.DoubleStream;

/**
 * Sessions while a node is emptied and filled again: three nodes on one database, one after the
 * other drained as {@code clawterm drain} does it, and taken back. How long each device of an idle
 * session is without it, because its own node sends it away or because its session moves; then how
 * long answers stand still that are being given meanwhile.
 *
 * <p>Arguments: the number of idle clients, how often around, and the number of running sessions.
 * In the first round the nodes run code that they have never run; it does not count. Clients, nodes
 * and database share the machine.
 */
final class BenchDrain {

  private static final double TARGET_SECONDS = 0.2;
  private static final double TARGET_RUNNING_SECONDS = 3;
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Duration LOOK = Duration.ofMillis(200);

  /** Between two changes: a program that is replaced node by node takes longer for each. */
  private static final Duration REST = Duration.ofSeconds(3);

  private BenchDrain() {}

  public static void main(String[] args) throws Exception {
    int clients = Integer.parseInt(args[0]);
    int rounds = Integer.parseInt(args[1]);
    int running = Integer.parseInt(args[2]);
    try (BenchCluster cluster = BenchCluster.start()) {
      idle(cluster, clients, rounds);
      running(cluster, running, rounds);
    }
  }

  private static void idle(BenchCluster cluster, int clients, int rounds)
      throws IOException, InterruptedException {
    BenchReport.title("drain: %,d idle sessions, three nodes in turn".formatted(clients));
    try (Crowd crowd = new Crowd(BenchCluster.doors(cluster.nodes()), cluster.token())) {
      crowd.open(clients);
      var emptied = DoubleStream.builder();
      var filled = DoubleStream.builder();
      for (int round = 0; round <= rounds; round++) {
        String name = round == 0 ? "first round" : "round " + round;
        for (NodeProcess node : cluster.nodes()) {
          rest();
          crowd.begin();
          empty(cluster, node, () -> crowd.missing() == 0);
          double[] leaving = crowd.report(name + ", a node is drained");
          rest();
          crowd.begin();
          fill(cluster, node, () -> crowd.missing() == 0);
          double[] coming = crowd.report(name + ", it is taken back");
          if (round > 0) {
            DoubleStream.of(leaving).forEach(emptied);
            DoubleStream.of(coming).forEach(filled);
          }
        }
      }
      report("a node is drained", emptied.build().toArray(), TARGET_SECONDS);
      report("a node is taken back", filled.build().toArray(), TARGET_SECONDS);
    }
  }

  private static void running(BenchCluster cluster, int sessions, int rounds) throws Exception {
    BenchReport.title("drain: %,d running sessions, three nodes in turn".formatted(sessions));
    try (var answers = new EndlessAnswers(BenchCluster.doors(cluster.nodes()), cluster.token())) {
      answers.open(sessions);
      var emptied = DoubleStream.builder();
      var filled = DoubleStream.builder();
      for (int round = 0; round < rounds; round++) {
        for (NodeProcess node : cluster.nodes()) {
          rest();
          answers.begin();
          empty(cluster, node, answers::areAllRunning);
          DoubleStream.of(answers.pauses()).forEach(emptied);
          rest();
          answers.begin();
          fill(cluster, node, answers::areAllRunning);
          DoubleStream.of(answers.pauses()).forEach(filled);
        }
      }
      report("running, a node is drained", emptied.build().toArray(), TARGET_RUNNING_SECONDS);
      report("running, a node is taken back", filled.build().toArray(), TARGET_RUNNING_SECONDS);
    }
  }

  private static void report(String what, double[] seconds, double target) {
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%s: %,d waited, p50 %.3f s",
            what,
            seconds.length,
            BenchReport.percentile(50, seconds)));
    double p99 = BenchReport.percentile(99, seconds);
    BenchReport.target("p99, " + what, p99, "<=", target, "s");
  }

  private static void rest() throws InterruptedException {
    TimeUnit.MILLISECONDS.sleep(REST.toMillis());
  }

  private static void empty(BenchCluster cluster, NodeProcess node, BooleanSupplier allServed)
      throws IOException, InterruptedException {
    cluster.drain(node);
    await(() -> {
      JsonNode figures = cluster.member(node).path("figures");
      return allServed.getAsBoolean()
          && figures.path("shards").asInt(-1) == 0
          && figures.path("connections").asInt(-1) == 0;
    });
  }

  private static void fill(BenchCluster cluster, NodeProcess node, BooleanSupplier allServed)
      throws IOException, InterruptedException {
    cluster.undrain(node);
    await(() -> {
      int all = 0;
      for (NodeProcess each : cluster.nodes()) {
        all += shards(cluster, each);
      }
      // Akka's own strategy moves them in rounds, and leaves it at about the same number.
      return shards(cluster, node) >= all / 4 && allServed.getAsBoolean();
    });
  }

  private static int shards(BenchCluster cluster, NodeProcess node)
      throws IOException, InterruptedException {
    return cluster.member(node).path("figures").path("shards").asInt();
  }

  private interface Condition {
    boolean holds() throws IOException, InterruptedException;
  }

  private static void await(Condition condition) throws IOException, InterruptedException {
    long begin = System.nanoTime();
    while (!condition.holds()) {
      if (System.nanoTime() - begin > LIMIT.toNanos()) {
        throw new IOException("the node is not as it should be, or somebody waits still");
      }
      TimeUnit.MILLISECONDS.sleep(LOOK.toMillis());
    }
  }
}
