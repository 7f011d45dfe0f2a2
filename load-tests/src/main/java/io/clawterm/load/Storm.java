package io.clawterm.load;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * The first of some nodes is killed: how long its clients are away, and how long questions to
 * sessions on the others wait for their answers before and meanwhile.
 */
final class Storm {

  private static final int RUNNING = 30;
  private static final Duration WARM_UP = Duration.ofSeconds(5);
  private static final Duration BEFORE = Duration.ofSeconds(15);
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final Duration LOOK = Duration.ofMillis(200);

  private final BenchCluster cluster;
  private final String name;

  /**
   * What it came to.
   *
   * @param longestSeconds how long the last client was away
   * @param ratio the p99 of a question meanwhile, by that before
   */
  record Outcome(double longestSeconds, double ratio) {}

  Storm(BenchCluster cluster, String name) {
    this.cluster = cluster;
    this.name = name;
  }

  /** Opens so many clients, kills, waits until they are back, and reports. */
  Outcome run(int count) throws IOException, InterruptedException {
    List<NodeProcess> nodes = cluster.nodes();
    try (BenchProcess questions = questions(nodes.subList(1, nodes.size()));
        Crowd many = new Crowd(BenchCluster.doors(nodes), cluster.token())) {
      int clients = many.open(count).size();
      TimeUnit.MILLISECONDS.sleep(WARM_UP.toMillis());
      questions.ask("begin");
      TimeUnit.MILLISECONDS.sleep(BEFORE.toMillis());
      double before = p99("before", questions.ask("report"));
      many.begin();
      questions.ask("begin");
      long killed = System.nanoTime();
      nodes.getFirst().kill();
      // At least as long as before: of a few questions the longest one would be the p99.
      while (within(BEFORE, killed)
          || ((many.hit().size() < clients || many.missing() > 0) && within(LIMIT, killed))) {
        TimeUnit.MILLISECONDS.sleep(LOOK.toMillis());
      }
      double[] away = many.report(name + ", %,d clients".formatted(clients));
      double longest = many.missing() > 0 ? LIMIT.toSeconds() : BenchReport.percentile(100, away);
      double meanwhile = p99("meanwhile", questions.ask("report"));
      return new Outcome(longest, meanwhile / before);
    }
  }

  private static boolean within(Duration time, long since) {
    return System.nanoTime() - since < time.toNanos();
  }

  private BenchProcess questions(List<NodeProcess> staying) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(cluster.token(), "" + RUNNING));
    staying.forEach(node -> arguments.add(node.tcp().toString()));
    BenchProcess process =
        BenchProcess.java(BenchQuestions.class, List.of(), arguments.toArray(String[]::new));
    try {
      process.read(); // once its sessions are open
      return process;
    } catch (IOException e) {
      process.close();
      throw e;
    }
  }

  private static double p99(String when, String[] report) {
    double millis = Double.parseDouble(report[0]);
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "questions to %d running sessions, %s: %s answered, %s not yet, p99 %.1f ms",
            RUNNING - Integer.parseInt(report[3]),
            when,
            report[1],
            report[2],
            millis));
    return millis;
  }
}
