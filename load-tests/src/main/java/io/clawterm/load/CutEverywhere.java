package io.clawterm.load;

import io.clawterm.client.Ending;
import io.clawterm.client.ServerAddress;
import io.clawterm.protocol.Code;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.Fault;
import io.clawterm.testkit.Fault.Direction;
import io.clawterm.testkit.FaultProxy;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Outcome;
import io.clawterm.testkit.ProxiedConnection;
import io.clawterm.testkit.Violation;
import io.clawterm.testkit.Violation.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Holds one short conversation with a real node again and again, and cuts the connection after
 * another byte each time. The conversation has four connections: CONNECT, ACCEPT, input, its
 * acknowledgement and its answer; then, from the token file, RESUME, RESUMED, the same again, and
 * SUSPEND with its answer; RESUME of a reader that has nothing, and the replay of all; RESUME, and
 * DISCONNECT with its answer. Each must end as it does without a cut.
 */
public final class CutEverywhere {

  private static final Duration READY = Duration.ofMinutes(2);
  private static final Duration STEP = Duration.ofSeconds(45);
  private static final int AT_ONCE = 8;
  private static final int POLL_MS = 5;
  private static final int FIRST_CONNECTION = 1;
  private static final int LAST_CONNECTION = 4;

  private final Path folder;
  private final int every;
  private final NodeProcess node;

  /** The place of a cut; a reset instead of an orderly end where that is said. */
  private record Cut(int connection, Direction direction, long bytes, boolean reset) {
    Fault fault() {
      return reset ? new Fault.ResetAfter(direction, bytes) : new Fault.CutAfter(direction, bytes);
    }
  }

  /** What came of one conversation. */
  private record Held(
      List<ProxiedConnection> connections, long resumes, List<Violation> violations) {}

  private CutEverywhere(Path folder, int every, NodeProcess node) {
    this.folder = folder;
    this.every = every;
    this.node = node;
  }

  /**
   * Runs it.
   *
   * @param folder an empty folder
   * @param every how many bytes lie between two cuts; 1: all places
   * @param encrypted whether the connection has TLS; its handshakes have thousands of bytes
   */
  public static CutReport run(Path folder, int every, long seed, boolean encrypted)
      throws IOException, InterruptedException, ExecutionException {
    try (NodeProcess node =
        NodeProcess.on(folder.resolve("node"), new Random(seed), encrypted, List.of())) {
      node.start();
      if (!node.awaitReady(READY)) {
        throw new IOException("the node does not start: " + node.lastWords());
      }
      try (EchoPod pod = EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), seed)) {
        return new CutEverywhere(folder, every, node).run(pod);
      }
    }
  }

  private CutReport run(EchoPod pod) throws IOException, InterruptedException, ExecutionException {
    long begin = System.nanoTime();
    Held whole = hold(pod, 0, List.of());
    List<Violation> violations = new ArrayList<>(whole.violations());
    List<Cut> cuts = cuts(whole.connections());
    List<Callable<Held>> conversations = new ArrayList<>();
    for (Cut cut : cuts) {
      int number = conversations.size() + 1;
      conversations.add(() -> hold(pod, number, List.of(cut)));
    }
    int done = 0;
    long resumes = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
      for (Future<Held> future : threads.invokeAll(conversations)) {
        Held held = future.get();
        violations.addAll(held.violations());
        resumes += held.resumes();
        done += held.connections().stream().anyMatch(CutEverywhere::wasCut) ? 1 : 0;
      }
    }
    pod.complaints()
        .forEach(complaint -> violations.add(new Violation(Kind.OTHER, "the pod", complaint)));
    if (pod.closed() != 1 + conversations.size()) {
      violations.add(
          new Violation(
              Kind.OTHER,
              "the pod",
              "it was told the end of %d sessions of %d"
                  .formatted(pod.closed(), 1 + conversations.size())));
    }
    return new CutReport(
        bytes(whole.connections()),
        cuts.size(),
        done,
        resumes,
        Duration.ofNanos(System.nanoTime() - begin),
        violations);
  }

  private static boolean wasCut(ProxiedConnection connection) {
    return connection.state() == ProxiedConnection.State.CUT
        || connection.state() == ProxiedConnection.State.RESET;
  }

  private static long bytes(List<ProxiedConnection> connections) {
    return connections.stream()
        .mapToLong(connection -> connection.bytesToServer() + connection.bytesToClient())
        .sum();
  }

  private List<Cut> cuts(List<ProxiedConnection> whole) {
    List<Cut> cuts = new ArrayList<>();
    for (ProxiedConnection connection : whole) {
      if (connection.number() <= LAST_CONNECTION) {
        for (Direction direction : Direction.values()) {
          for (long at = 0; at <= connection.bytes(direction); at += every) {
            cuts.add(new Cut(connection.number(), direction, at, cuts.size() % 2 == 1));
          }
        }
      }
    }
    return cuts;
  }

  private Held hold(EchoPod pod, int number, List<Cut> cuts)
      throws IOException, InterruptedException {
    var scenario =
        new Scenario(Scenario.Kind.POD, "cut%05d".formatted(number), "pod:echo", 2, 0, 0);
    List<String> problems = new ArrayList<>();
    try (FaultProxy proxy = FaultProxy.to(node.port())) {
      for (Cut cut : cuts) {
        for (int before = FIRST_CONNECTION; before < cut.connection(); before++) {
          proxy.next();
        }
        proxy.next(cut.fault());
      }
      var device =
          new Device(
              scenario,
              scenario.key() + "-laptop",
              Device.Role.SENDER,
              View.STRUCTURED,
              way(proxy),
              node.token(),
              folder);
      try {
        converse(device, problems);
        Map<Long, String> log = device.readAll(STEP);
        disconnect(device, problems);
        List<ProxiedConnection> connections = proxy.connections();
        problems.addAll(device.troubles());
        return new Held(
            connections, device.resumes(), judged(scenario, device, log, pod, problems, cuts));
      } catch (ExecutionException | TimeoutException e) {
        problems.addAll(device.troubles());
        problems.add("it does not go on: " + e);
        return new Held(proxy.connections(), device.resumes(), others(scenario, problems, cuts));
      } finally {
        device.leave();
      }
    }
  }

  private Way way(FaultProxy proxy) throws IOException {
    Optional<String> fingerprint = node.fingerprint();
    return fingerprint.isEmpty()
        ? Way.plain(Way.Transport.TCP, ServerAddress.tcp("127.0.0.1", proxy.port()))
        : new Way(Way.Transport.TLS, ServerAddress.tls("127.0.0.1", proxy.port()), fingerprint);
  }

  private static void disconnect(Device device, List<String> problems)
      throws InterruptedException, ExecutionException, TimeoutException {
    var unused = device.comeBack().toCompletableFuture().get(STEP.toSeconds(), TimeUnit.SECONDS);
    Ending ending =
        device.disconnect().toCompletableFuture().get(STEP.toSeconds(), TimeUnit.SECONDS);
    if (!ending.code().equals(Optional.of(Code.CLOSED))) {
      problems.add("the session was not closed: " + ending);
    }
  }

  private static void converse(Device device, List<String> problems)
      throws InterruptedException, ExecutionException, TimeoutException {
    var unused = device.join().toCompletableFuture().get(STEP.toSeconds(), TimeUnit.SECONDS);
    device.send();
    await(() -> device.acknowledged() == 1 && device.unanswered() == 0);
    device.leave();
    var again = device.comeBack().toCompletableFuture().get(STEP.toSeconds(), TimeUnit.SECONDS);
    device.send();
    await(() -> device.acknowledged() == 2 && device.unanswered() == 0);
    Ending ending = device.suspend().toCompletableFuture().get(STEP.toSeconds(), TimeUnit.SECONDS);
    if (!(ending instanceof Ending.Suspended)) {
      problems.add("session " + again.id() + " was not suspended: " + ending);
    }
  }

  private static void await(BooleanSupplier condition)
      throws InterruptedException, TimeoutException {
    long deadline = System.nanoTime() + STEP.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new TimeoutException("no acknowledgement, or no answer");
      }
      TimeUnit.MILLISECONDS.sleep(POLL_MS);
    }
  }

  private static List<Violation> judged(
      Scenario scenario,
      Device device,
      Map<Long, String> log,
      EchoPod pod,
      List<String> problems,
      List<Cut> cuts) {
    List<String> inputs =
        pod.inputs().stream().filter(input -> input.startsWith(scenario.key() + "/")).toList();
    List<String> echoes =
        log.values().stream()
            .filter(content -> Device.jsonOf(content).isEmpty())
            .map(Device::textOf)
            .toList();
    if (!echoes.equals(inputs.stream().map(input -> "<" + input + ">").toList())) {
      problems.add("the pod has %s, the log %s".formatted(inputs, echoes));
    }
    Verdict verdict =
        HistoryChecker.check(
            List.of(device.history()),
            List.of(new Outcome(scenario.key(), Map.of(View.STRUCTURED, log), inputs)));
    List<Violation> all = new ArrayList<>(others(scenario, problems, cuts));
    verdict
        .violations()
        .forEach(violation ->
            all.add(
                new Violation(
                    violation.kind(), violation.session(), violation.text() + "; " + cuts)));
    return all;
  }

  private static List<Violation> others(Scenario scenario, List<String> problems, List<Cut> cuts) {
    return problems.stream()
        .map(problem -> new Violation(Kind.OTHER, scenario.key(), problem + "; " + cuts))
        .toList();
  }
}
