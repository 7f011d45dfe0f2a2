package io.clawterm.load;

import io.clawterm.load.ClusterFault.Blow;
import io.clawterm.load.ClusterReport.Row;
import io.clawterm.load.ClusterRig.Member;
import io.clawterm.load.Waits.Span;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Violation;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Spoils a cluster of real nodes in one way after the other while many devices talk to it, measures
 * how long whom that keeps waiting, and looks at the end whether all promises were kept.
 *
 * <p>Half of the sessions are answered at once, half by a counted text that takes a second or two,
 * so that a fault meets runs under way; one half of those counts itself, the other asks a model.
 * One of those that are answered at once in four is so by a pod on the first node's machine, which
 * judges whether each input came to it once. Each session has a sender; every third one has a
 * device that watches plain text as well. The devices know the addresses of all nodes. The seed
 * decides what is done when; the machine decides what that meets.
 */
final class ClusterSuite implements AutoCloseable {

  private static final Duration CALM = Duration.ofMinutes(2);

  private final ClusterPlan plan;
  private final PrintStream progress;
  private final Random random;
  private final Path folder;
  private final ClusterRig rig;
  private final Swarm swarm = new Swarm();
  private final List<Row> rows = new ArrayList<>();
  private final Set<ClusterFault> skipped = new HashSet<>();
  private int mayGiveUp;

  private ClusterSuite(ClusterPlan plan, Path folder, PrintStream progress) throws IOException {
    this.plan = plan;
    this.folder = folder;
    this.progress = progress;
    this.random = new Random(plan.seed());
    this.rig = ClusterRig.open(plan, folder, progress);
  }

  /**
   * Runs it.
   *
   * @param folder an empty folder, which keeps the nodes' data and what they have printed
   * @param progress gets a line for each fault
   */
  static ClusterReport run(ClusterPlan plan, Path folder, PrintStream progress)
      throws IOException, InterruptedException {
    try (var suite = new ClusterSuite(plan, folder, progress)) {
      return suite.run();
    }
  }

  private ClusterReport run() throws IOException, InterruptedException {
    long begin = System.nanoTime();
    progress.println("cluster suite: seed " + plan.seed() + ", data in " + folder);
    rig.startAll();
    try (EchoPod pod = rig.listen(plan.seed())) {
      return run(pod, begin);
    }
  }

  private ClusterReport run(EchoPod pod, long begin) throws IOException, InterruptedException {
    openDevices();
    for (int round = 0;
        round < plan.rounds() && System.nanoTime() - begin < plan.length().toNanos();
        round++) {
      round(plan.faults().get(round % plan.faults().size()));
    }
    swarm.settle();
    Verdict verdict = swarm.judge(pod.inputs());
    pod.complaints().forEach(complaint -> swarm.violated("the pod", complaint));
    if (swarm.givenUp() > mayGiveUp) {
      swarm.violated(
          "the runs",
          "%d ended early for their provider, %d may".formatted(swarm.givenUp(), mayGiveUp));
    }
    ModelJudge model = rig.judge();
    List<Violation> violations = new ArrayList<>(swarm.violations());
    model.violation().ifPresent(violations::add);
    JournalJudge journal = rig.journal();
    violations.addAll(journal.violations());
    return new ClusterReport(
        plan.seed(),
        plan.nodes(),
        swarm.devices().size(),
        rows,
        List.copyOf(skipped),
        verdict.acknowledged(),
        verdict.entries(),
        swarm.runs(),
        model,
        journal,
        Duration.ofNanos(System.nanoTime() - begin),
        violations);
  }

  private void openDevices() throws IOException, InterruptedException {
    for (int number = 1; number <= plan.sessions(); number++) {
      Scenario scenario =
          switch (number % 8) {
            case 1, 5 -> Scenario.demo(number, random.nextInt(20, 60), random.nextInt(15, 40));
            case 3, 7 -> Scenario.model(number, ClusterRig.MODEL_COUNT);
            case 4 -> Scenario.pod(number);
            default -> Scenario.demo(number, 1, 40);
          };
      add(scenario, "sender", Device.Role.SENDER, View.STRUCTURED);
      if (number % 3 == 0) {
        add(scenario, "watcher", Device.Role.WATCHER, View.PLAIN);
      }
    }
    for (Device device : swarm.devices()) {
      long pause = plan.pauseMillis();
      swarm.start(device, random.nextLong(pause * 6 / 10, pause * 14 / 10));
    }
    awaitCalm("at the start");
  }

  private void add(Scenario scenario, String name, Device.Role role, View view) throws IOException {
    swarm.add(
        new Device(
            scenario,
            scenario.key() + "-" + name,
            role,
            view,
            rig.way(random.nextInt(plan.nodes())),
            rig.credential(),
            folder));
  }

  private void round(ClusterFault fault) throws IOException, InterruptedException {
    if (!rig.has(fault.need())) {
      if (skipped.add(fault)) {
        progress.println("SKIPPED: " + fault.number() + " " + fault.title());
      }
      return;
    }
    Map<Member, Set<String>> shards = rig.shards();
    long from = System.nanoTime();
    Blow blow = Blow.on(rig, random, plan.isLong());
    fault.strike(blow);
    mayGiveUp += blow.mayGiveUp().get();
    blow.findings().forEach(finding -> swarm.violated(fault.number(), finding));
    rig.heal();
    long healed = System.nanoTime();
    awaitCalm("after " + fault.number());
    var during = new Span(from, System.nanoTime());
    long turn = blow.turns().isEmpty() ? during.to() : blow.turns().getFirst();

    Set<String> hit = new HashSet<>();
    blow.victims().forEach(victim -> hit.addAll(shards.getOrDefault(victim, Set.of())));
    Predicate<Device> isHit = device -> hit.contains(ClusterRig.shardOf(device.sessionId()));
    Row row =
        new Row(
            fault,
            blow.victims().size(),
            Duration.ofNanos(healed - from),
            silences(during, isHit),
            silences(during, isHit.negate()),
            absences(new Span(from, turn)),
            absences(new Span(turn, during.to())));
    rows.add(row);
    progress.printf("%d: %s%n", rows.size(), row.line());
  }

  /**
   * Of the sessions that answer at once: how long the others take is up to what they count, or to
   * whether their pod's node runs.
   */
  private List<Duration> silences(Span during, Predicate<Device> which) {
    return senders()
        .filter(device -> device.scenario().count() == 1)
        .filter(which)
        .map(device -> device.waits().longestSilence(during))
        .flatMap(Optional::stream)
        .map(silence -> Duration.ofNanos(silence.nanos()))
        .sorted()
        .toList();
  }

  private List<Duration> absences(Span during) {
    return swarm.devices().stream()
        .flatMap(device -> device.waits().absences(during).stream())
        .map(absence -> Duration.ofNanos(absence.nanos()))
        .sorted()
        .toList();
  }

  private Stream<Device> senders() {
    return swarm.devices().stream().filter(device -> device.role() == Device.Role.SENDER);
  }

  /** Each sender that is not in trouble gets an answer again. */
  private void awaitCalm(String when) throws InterruptedException {
    long since = System.nanoTime();
    boolean calm =
        Swarm.becomes(
            () ->
                senders()
                    .filter(device -> device.troubles().isEmpty())
                    .allMatch(device -> device.waits().answeredSince(since)),
            CALM);
    if (!calm) {
      senders()
          .filter(device -> !device.waits().answeredSince(since))
          .forEach(device ->
              swarm.violated(
                  device.scenario().key(),
                  device.name() + " got no answer for " + CALM.toSeconds() + " s " + when));
    }
  }

  @Override
  public void close() throws IOException {
    swarm.close();
    rig.close();
  }

  /**
   * Runs it from the command line; {@link ClusterArguments} says how. Exits with 1 where a promise
   * was broken.
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    ClusterPlan plan = ClusterArguments.plan(arguments);
    Path folder = ClusterArguments.folder(arguments);
    Files.createDirectories(folder);
    ClusterReport report = run(plan, folder, System.out);
    report.violations().forEach(System.out::println);
    report.table().forEach(System.out::println);
    System.out.println(report.summary());
    System.exit(report.violations().isEmpty() ? 0 : 1);
  }
}
