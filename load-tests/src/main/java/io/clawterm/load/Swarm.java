package io.clawterm.load;

import io.clawterm.client.ClientSession;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Outcome;
import io.clawterm.testkit.Violation;
import io.clawterm.testkit.Violation.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The devices of a run: they join, go on sending until told to stop, and at the end each session is
 * read whole and compared with what its devices were promised.
 */
final class Swarm implements AutoCloseable {

  private static final Duration SETTLE = Duration.ofMinutes(2);
  private static final Duration READ = Duration.ofMinutes(1);
  private static final int POLL_MS = 20;

  private final ScheduledExecutorService senders =
      Executors.newScheduledThreadPool(2, Thread.ofPlatform().daemon().factory());
  private final List<Device> devices = new ArrayList<>();
  private final List<Violation> violations = new CopyOnWriteArrayList<>();
  private volatile boolean sending = true;
  private long runs;
  private long givenUp;

  void add(Device device) {
    devices.add(device);
  }

  List<Device> devices() {
    return List.copyOf(devices);
  }

  /** Lets a device join its session, and send an input after each pause of so long. */
  void start(Device device, long pauseMs) {
    watch(device, device.join().toCompletableFuture());
    var unused =
        senders.scheduleWithFixedDelay(
            () -> {
              if (sending) {
                device.send();
              }
            },
            pauseMs,
            pauseMs,
            TimeUnit.MILLISECONDS);
  }

  /** Notes where an attachment fails. */
  void watch(Device device, CompletableFuture<ClientSession> attachment) {
    var unused =
        attachment.exceptionally(failure -> {
          violated(device.scenario().key(), device.name() + " can't attach: " + failure);
          return null;
        });
  }

  /** Waits for a condition; false where it does not come true in time. */
  static boolean becomes(BooleanSupplier condition, Duration limit) throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    boolean holds = condition.getAsBoolean();
    while (!holds && System.nanoTime() < deadline) {
      TimeUnit.MILLISECONDS.sleep(POLL_MS);
      holds = condition.getAsBoolean();
    }
    return holds;
  }

  /** Sends no more, and waits until all devices are attached and all that was sent is answered. */
  void settle() throws InterruptedException {
    sending = false;
    if (!becomes(this::isSettled, SETTLE)) {
      for (Device device : devices) {
        if (!device.isAttached() || device.unanswered() > 0) {
          violated(
              device.scenario().key(),
              "%s: attached %s, %d inputs without an answer"
                  .formatted(device.name(), device.isAttached(), device.unanswered()));
        }
      }
    }
  }

  /** A device whose session has ended against its will is never answered; the others are. */
  private boolean isSettled() {
    return devices.stream()
        .filter(device -> device.troubles().isEmpty())
        .allMatch(device -> device.isAttached() && device.unanswered() == 0);
  }

  /**
   * Compares what all devices were promised and shown with what is left.
   *
   * @param podInputs what the pod was given, in its order; empty where there is none
   */
  Verdict judge(List<String> podInputs) throws InterruptedException {
    senders.shutdownNow();
    if (!senders.awaitTermination(READ.toSeconds(), TimeUnit.SECONDS)) {
      violated("the suite", "a device hangs in sending");
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (Scenario scenario : devices.stream().map(Device::scenario).distinct().toList()) {
      outcomes.add(outcome(scenario, podInputs));
    }
    for (Device device : devices) {
      device.troubles().forEach(trouble -> violated(device.scenario().key(), trouble));
    }
    Verdict verdict =
        HistoryChecker.check(devices.stream().map(Device::history).toList(), outcomes);
    violations.addAll(verdict.violations());
    return verdict;
  }

  private Outcome outcome(Scenario scenario, List<String> podInputs) throws InterruptedException {
    Map<View, Map<Long, String>> logs = new EnumMap<>(View.class);
    for (Device device : devices) {
      if (device.scenario().equals(scenario)) {
        try {
          logs.putIfAbsent(device.view(), device.readAll(READ));
        } catch (CompletionException e) {
          violated(scenario.key(), device.name() + " can't read the log again: " + e.getCause());
        }
      }
    }
    Map<Long, String> log = logs.getOrDefault(View.STRUCTURED, Map.of());
    return switch (scenario.kind()) {
      case DEMO, MODEL -> {
        CountedAnswers answers = CountedAnswers.in(scenario, log);
        violations.addAll(answers.violations());
        runs += answers.runs();
        givenUp += answers.givenUp();
        yield new Outcome(scenario.key(), logs, answers.inputs());
      }
      case POD -> {
        List<String> mine =
            podInputs.stream().filter(input -> input.startsWith(scenario.key() + "/")).toList();
        echoes(scenario, mine, log);
        yield new Outcome(scenario.key(), logs, mine);
      }
    };
  }

  /** What the pod has answered stands in the log once, in the pod's order. */
  private void echoes(Scenario scenario, List<String> inputs, Map<Long, String> log) {
    List<String> echoed =
        log.values().stream()
            .filter(content -> Device.jsonOf(content).isEmpty())
            .map(Device::textOf)
            .toList();
    List<String> expected = inputs.stream().map(input -> "<" + input + ">").toList();
    if (!echoed.equals(expected)) {
      violated(
          scenario.key(),
          "the pod answered %d inputs, the log has %d answers: %s"
              .formatted(expected.size(), echoed.size(), difference(expected, echoed)));
    }
  }

  private static String difference(List<String> expected, List<String> found) {
    for (int i = 0; i < Math.min(expected.size(), found.size()); i++) {
      if (!expected.get(i).equals(found.get(i))) {
        return "answer " + i + " is " + found.get(i) + " instead of " + expected.get(i);
      }
    }
    return "they agree as far as both go";
  }

  /** The runs that have ended; known after {@link #judge}. */
  long runs() {
    return runs;
  }

  /** Of these, those that ended early because their provider failed. */
  long givenUp() {
    return givenUp;
  }

  void violated(String session, String text) {
    violations.add(new Violation(Kind.OTHER, session, text));
  }

  List<Violation> violations() {
    return List.copyOf(violations);
  }

  @Override
  public void close() {
    sending = false;
    senders.shutdownNow();
    devices.forEach(Device::leave);
  }
}
