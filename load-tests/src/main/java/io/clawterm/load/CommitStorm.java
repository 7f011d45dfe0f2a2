package io.clawterm.load;

import io.clawterm.load.Way.Transport;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Ends the database server again and again in a storm of commits: each device of many sessions has
 * up to a hundred inputs on their way to a pod, while the server is killed ({@code kill -9} of its
 * postmaster) or stopped at once ({@code pg_ctl stop -m immediate}), by turns. At the end each
 * session is read whole, and every acknowledged input must stand in it and have reached the pod
 * once.
 *
 * <p>{@code --inputs N}: acknowledged inputs after which it ends; {@code --sessions N}, {@code
 * --seconds-between MIN..MAX}, {@code --seed S}. Exits with 1 where a promise was broken.
 */
final class CommitStorm {

  private static final Set<String> NAMES =
      Set.of("--inputs", "--sessions", "--seconds-between", "--seed");
  private static final Duration READY = Duration.ofMinutes(5);
  private static final Duration LIMIT = Duration.ofMinutes(60);
  private static final Duration BACK = Duration.ofSeconds(60);
  private static final int IN_FLIGHT = 100;
  private static final long PAUSE_MS = 4;
  private static final long LOOK_MS = 20;

  private final long inputs;
  private final int sessions;
  private final double minBetween;
  private final double maxBetween;
  private final Random random;
  private final Swarm swarm = new Swarm();

  private int killed;
  private int stopped;
  private long underWay;

  private CommitStorm(long inputs, int sessions, double minBetween, double maxBetween, long seed) {
    this.inputs = inputs;
    this.sessions = sessions;
    this.minBetween = minBetween;
    this.maxBetween = maxBetween;
    this.random = new Random(seed);
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Map<String, String> given = FaultArguments.read(NAMES, arguments);
    String[] between = given.getOrDefault("--seconds-between", "2..6").split("\\.\\.", -1);
    if (between.length != 2) {
      throw new IllegalArgumentException("--seconds-between has the form MIN..MAX");
    }
    boolean kept =
        run(
            Long.parseLong(given.getOrDefault("--inputs", "100000")),
            Integer.parseInt(given.getOrDefault("--sessions", "24")),
            Double.parseDouble(between[0]),
            Double.parseDouble(between[1]),
            Long.parseLong(given.getOrDefault("--seed", "" + new Random().nextInt(1_000_000))));
    System.exit(kept ? 0 : 1);
  }

  /**
   * Runs it, and prints what it has seen.
   *
   * @param inputs acknowledged ones after which it ends
   * @param minBetween seconds from one end of the database to the next, at least
   * @return whether all promises were kept
   */
  static boolean run(long inputs, int sessions, double minBetween, double maxBetween, long seed)
      throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("clawterm-commits");
    try {
      return new CommitStorm(inputs, sessions, minBetween, maxBetween, seed).run(seed, folder);
    } finally {
      BenchFiles.delete(folder);
    }
  }

  private boolean run(long seed, Path folder) throws IOException, InterruptedException {
    BenchReport.title(
        "commits: seed %d, until %,d inputs are acknowledged".formatted(seed, inputs));
    long begin = System.nanoTime();
    try (NodeProcess node = NodeProcess.on(folder.resolve("node"), random, false, List.of())) {
      node.start();
      if (!node.awaitReady(READY)) {
        throw new IOException("the node does not start: " + node.lastWords());
      }
      try (swarm;
          EchoPod pod = EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), seed)) {
        open(node, folder);
        while (acknowledged() < inputs && System.nanoTime() - begin < LIMIT.toNanos()) {
          strike(node);
        }
        long storm = System.nanoTime() - begin;
        swarm.settle();
        pod.complaints().forEach(complaint -> swarm.violated("the pod", complaint));
        Verdict verdict = swarm.judge(pod.inputs());
        report(verdict, storm);
      }
    }
    return swarm.violations().isEmpty() && acknowledged() >= inputs;
  }

  private void open(NodeProcess node, Path folder) throws IOException {
    String credential = node.token();
    Way unix = Way.plain(Transport.UNIX, node.unix());
    for (int i = 1; i <= sessions; i++) {
      var scenario =
          new Scenario(Scenario.Kind.POD, "storm" + i, "pod:" + Scenario.POD_NAME, IN_FLIGHT, 0, 0);
      var device =
          new Device(
              scenario,
              scenario.key() + "-first",
              Device.Role.SENDER,
              View.STRUCTURED,
              unix,
              credential,
              folder);
      swarm.add(device);
      swarm.start(device, PAUSE_MS);
    }
  }

  /** Ends the database server in the middle of what goes on, and waits until it goes on again. */
  private void strike(NodeProcess node) throws IOException, InterruptedException {
    TimeUnit.MILLISECONDS.sleep((long) (1_000 * random.nextDouble(minBetween, maxBetween)));
    boolean kill = random.nextBoolean();
    int waiting = swarm.devices().stream().mapToInt(Device::unanswered).sum();
    if (!end(node, kill)) {
      swarm.violated("the suite", "there was no database server to end");
      return;
    }
    killed += kill ? 1 : 0;
    stopped += kill ? 0 : 1;
    underWay += waiting;
    long before = acknowledged();
    if (!Swarm.becomes(() -> acknowledged() > before + sessions, BACK)) {
      swarm.violated("the suite", "nothing is acknowledged a minute after the database was ended");
    }
    BenchReport.line(
        "%s with %,d inputs under way; %,d acknowledged so far"
            .formatted(kill ? "killed" : "stopped", waiting, acknowledged()));
  }

  /** Ends the server; one that its node is just starting again is waited for. */
  private static boolean end(NodeProcess node, boolean kill)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + BACK.toNanos();
    while (!(kill ? node.killPostgres() : node.stopPostgresAtOnce())) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    return true;
  }

  private long acknowledged() {
    return swarm.devices().stream().mapToLong(Device::acknowledged).sum();
  }

  private void report(Verdict verdict, long storm) {
    swarm.violations().stream().limit(20).forEach(violation -> BenchReport.line("" + violation));
    BenchReport.line(
        ("%d sessions; the database killed %d times, stopped %d times, each time with %d inputs"
                + " under way on average; %,d inputs acknowledged in %d s, %,d entries checked, %d"
                + " resumes; %d violations")
            .formatted(
                sessions,
                killed,
                stopped,
                underWay / Math.max(1, killed + stopped),
                verdict.acknowledged(),
                TimeUnit.NANOSECONDS.toSeconds(storm),
                verdict.entries(),
                swarm.devices().stream().mapToLong(Device::resumes).sum(),
                swarm.violations().size()));
    BenchReport.target(
        "inputs acknowledged", (double) verdict.acknowledged(), ">=", (double) inputs, "");
    BenchReport.target("violations", swarm.violations().size(), "<=", 0, "");
  }
}
