package io.clawterm.load;

import io.clawterm.load.Way.Transport;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import io.clawterm.testkit.Violation;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/**
 * Kills a real node again and again while many devices talk to it, and looks at the end whether all
 * promises were kept: no acknowledged input lost or doubled, no number with two contents, no
 * unexplained hole, each answer whole, no run in two places, one writer at a time in each journal.
 *
 * <p>Half of the sessions speak to a pod that lives in this process, a quarter counts with {@code
 * agent:demo} and a quarter asks a model, which lives here as well. Each has a sender and up to two
 * more devices: one that sends as well, one that watches plain text. Some devices use the Unix
 * socket, some TCP, some WebSocket, the latter two with TLS or both without. Now and then the
 * database server is killed instead or too, a node is killed before it is ready, and clients
 * restart from their token files. The seed decides what is done when; the machine decides what that
 * meets.
 */
final class FaultSuite implements AutoCloseable {

  private static final Duration READY = Duration.ofSeconds(90);
  private static final long MAX_START_MS = 4_000;
  private static final long MIN_PAUSE_MS = 15;
  private static final long MAX_PAUSE_MS = 90;
  private static final double AT_START = 0.15;
  private static final double DATABASE_FIRST = 0.15;
  private static final double DATABASE_TOO = 0.1;
  private static final double COMEBACKS = 0.3;

  /** How far the model counts. */
  private static final int MODEL_COUNT = 40;

  private static final Script COUNTING =
      Script.counted(MODEL_COUNT).withChunkDelay(Duration.ofMillis(20));

  private final FaultPlan plan;
  private final Path folder;
  private final PrintStream progress;
  private final Random random;
  private final ScriptedModelServer model = ScriptedModelServer.start(COUNTING);
  private final NodeProcess node;
  private final Swarm swarm = new Swarm();

  private int kills;
  private int killsAtStart;
  private int databaseKills;
  private int comebacks;

  private FaultSuite(FaultPlan plan, Path folder, PrintStream progress) throws IOException {
    this.plan = plan;
    this.folder = folder;
    this.progress = progress;
    this.random = new Random(plan.seed());
    List<String> options = new ArrayList<>(plan.jvmOptions());
    options.addAll(NodeProcess.archive(folder.resolve("node.aot"), plan.jvmOptions()));
    this.node =
        NodeProcess.on(
            folder.resolve("node"),
            random,
            plan.encrypted(),
            options,
            List.of(),
            NodeProcess.withCountingModel(model.openAiBaseUrl()));
  }

  /**
   * Runs it.
   *
   * @param folder an empty folder, which keeps the node's data and what it has printed
   * @param progress gets a line for each cycle
   */
  static FaultReport run(FaultPlan plan, Path folder, PrintStream progress)
      throws IOException, InterruptedException {
    try (var suite = new FaultSuite(plan, folder, progress)) {
      return suite.run();
    }
  }

  private FaultReport run() throws IOException, InterruptedException {
    long begin = System.nanoTime();
    progress.println("fault suite: seed " + plan.seed() + ", data in " + folder);
    startNode();
    try (EchoPod pod =
            EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), plan.seed());
        WebSocketBridge bridge = WebSocketBridge.to(node.terminal(), node.certificate())) {
      openDevices(ways(bridge));
      while (kills < plan.kills()) {
        cycle();
      }
      swarm.settle();
      pod.complaints().forEach(complaint -> swarm.violated("the pod", complaint));
      if (pod.closed() > 0) {
        swarm.violated("the pod", pod.closed() + " sessions were closed");
      }
      Verdict verdict = swarm.judge(pod.inputs());
      if (swarm.givenUp() > 0) {
        swarm.violated("the runs", swarm.givenUp() + " ended early though their model was well");
      }
      ModelJudge asked = ModelJudge.of(model.requests());
      JournalJudge journal = journal();
      List<Violation> violations = new ArrayList<>(swarm.violations());
      asked.violation().ifPresent(violations::add);
      violations.addAll(journal.violations());
      return new FaultReport(
          plan.seed(),
          transports(),
          kills,
          killsAtStart,
          databaseKills,
          verdict.acknowledged(),
          verdict.entries(),
          swarm.runs(),
          swarm.devices().stream().mapToLong(Device::resumes).sum(),
          comebacks,
          asked,
          journal,
          Duration.ofNanos(System.nanoTime() - begin),
          violations);
    }
  }

  /** Ends the node, whose database would end with it, and reads that. */
  private JournalJudge journal() throws IOException, InterruptedException {
    node.stop(READY);
    if (node.killPostgres()) {
      swarm.violated("the suite", "a stopped node has left its database server running");
    }
    Path data = folder.resolve("node").resolve("postgres");
    try (EmbeddedPostgres server =
        EmbeddedPostgres.start(data, EmbeddedPostgresSettings.forTests())) {
      return JournalJudge.of(server.target());
    } catch (SQLException e) {
      throw new IOException("the journal can't be read", e);
    }
  }

  private void startNode() throws IOException {
    node.start();
    if (!node.awaitReady(READY)) {
      throw new IOException("the node does not start again: " + node.lastWords());
    }
  }

  private List<Way> ways(WebSocketBridge bridge) throws IOException {
    boolean encrypted = plan.encrypted();
    return List.of(
        Way.plain(Transport.UNIX, node.unix()),
        new Way(encrypted ? Transport.TLS : Transport.TCP, node.tcp(), node.fingerprint()),
        Way.plain(
            encrypted ? Transport.WEBSOCKET_OVER_TLS : Transport.WEBSOCKET, bridge.address()));
  }

  private Map<Transport, Long> transports() {
    return swarm.devices().stream()
        .collect(
            Collectors.groupingBy(
                Device::transport, () -> new EnumMap<>(Transport.class), Collectors.counting()));
  }

  private void openDevices(List<Way> ways) throws IOException {
    String credential = node.token();
    int number = 0;
    while (swarm.devices().size() < plan.devices()) {
      number++;
      Scenario scenario =
          switch (number % 4) {
            case 1 -> Scenario.demo(number, random.nextInt(15, 60), random.nextInt(10, 40));
            case 3 -> Scenario.model(number, MODEL_COUNT);
            default -> Scenario.pod(number);
          };
      add(scenario, "first", Device.Role.SENDER, View.STRUCTURED, way(ways), credential);
      if (number % 3 != 0) {
        add(scenario, "second", Device.Role.SENDER, View.STRUCTURED, way(ways), credential);
      }
      if (number % 3 != 1) {
        add(scenario, "watcher", Device.Role.WATCHER, View.PLAIN, way(ways), credential);
      }
    }
    for (Device device : swarm.devices()) {
      swarm.start(device, random.nextLong(MIN_PAUSE_MS, MAX_PAUSE_MS));
    }
  }

  private Way way(List<Way> ways) {
    return ways.get(random.nextInt(ways.size()));
  }

  private void add(
      Scenario scenario, String name, Device.Role role, View view, Way way, String credential) {
    String unique = scenario.key() + "-" + name;
    swarm.add(new Device(scenario, unique, role, view, way, credential, folder));
  }

  /** From a running node to one that was killed and started again. */
  private void cycle() throws IOException, InterruptedException {
    if (random.nextDouble() < COMEBACKS) {
      comeBack(swarm.devices().get(random.nextInt(swarm.devices().size())));
    }
    pause(between());
    double what = random.nextDouble();
    String victims = "the node";
    if (what < DATABASE_FIRST) {
      victims = "the database, then the node";
      killDatabase();
      pause(between());
    } else if (what < DATABASE_FIRST + DATABASE_TOO) {
      victims = "the database and the node";
      killDatabase();
    }
    killNode();
    long down = System.nanoTime();
    boolean killAgain = random.nextDouble() < AT_START;
    long after = random.nextLong(MAX_START_MS);
    if (killAgain) {
      node.start();
      if (!node.awaitReady(Duration.ofMillis(after))) {
        killsAtStart++;
      }
      killNode();
      victims += ", and once more " + after + " ms after its start";
    }
    startNode();
    progress.printf(
        "%d of %d kills: %s; ready after %d ms%n",
        kills, plan.kills(), victims, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - down));
  }

  private void killNode() throws InterruptedException {
    node.kill();
    kills++;
  }

  private Duration between() {
    return Duration.ofMillis(
        random.nextLong(plan.minBetween().toMillis(), plan.maxBetween().toMillis()));
  }

  private void killDatabase() throws IOException {
    if (node.killPostgres()) {
      databaseKills++;
    } else {
      swarm.violated("the suite", "there was no database server to kill");
    }
  }

  private void comeBack(Device device) {
    if (device.isAttached()) {
      comebacks++;
      device.leave();
      swarm.watch(device, device.comeBack().toCompletableFuture());
    }
  }

  private static void pause(Duration length) {
    LockSupport.parkNanos(length.toNanos());
  }

  @Override
  public void close() throws IOException {
    swarm.close();
    try {
      node.close();
    } finally {
      model.close();
    }
  }

  /**
   * Runs it from the command line: {@code --kills N --devices N --seed S --seconds-between MIN..MAX
   * --tls on|off --data FOLDER}. Exits with 1 where a promise was broken.
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    FaultPlan plan = FaultArguments.plan(arguments);
    Path folder = FaultArguments.folder(arguments);
    Files.createDirectories(folder);
    FaultReport report = run(plan, folder, System.out);
    report.violations().forEach(System.out::println);
    System.out.println(report.summary());
    System.exit(report.violations().isEmpty() ? 0 : 1);
  }
}
