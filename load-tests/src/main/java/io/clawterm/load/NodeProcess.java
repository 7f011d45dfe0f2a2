package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.client.ServerAddress;
import io.clawterm.testkit.AotCache;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A node as a process of its own, from the distribution, that is started and killed again and again
 * on one data folder and the same ports. For use by one thread.
 */
public final class NodeProcess implements AutoCloseable {

  /** The folder of the distribution, where it is not found beside the working folder. */
  public static final String HOME_PROPERTY = "clawterm.home";

  /** What the heap of a node may have, unless its own options say otherwise. */
  static final long HEAP_BYTES = 512L << 20;

  private static final String MAIN = "io.clawterm.node.Main";
  private static final List<String> OPTIONS =
      List.of("-Xmx" + HEAP_BYTES, "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration POLL = Duration.ofMillis(10);
  private static final Duration STOP = Duration.ofSeconds(60);

  // Below the range that Linux draws outgoing ports from: a client's must not take it meanwhile.
  static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 30_000;

  private final Seat seat;
  private final Path data;
  private final int port;
  private final int httpPort;
  private final int managementPort;
  private final boolean encrypted;
  private final Path output;
  private final List<String> options;
  private final List<String> arguments;
  private final Map<String, String> environment;
  private @Nullable Process process;

  private NodeProcess(
      Seat seat,
      Path data,
      int port,
      int httpPort,
      int managementPort,
      boolean encrypted,
      List<String> options,
      List<String> arguments,
      Map<String, String> environment) {
    this.seat = seat;
    this.data = data;
    this.port = port;
    this.httpPort = httpPort;
    this.managementPort = managementPort;
    this.encrypted = encrypted;
    this.options = List.copyOf(options);
    this.arguments = List.copyOf(arguments);
    this.environment = Map.copyOf(environment);
    this.output = data.resolveSibling(data.getFileName() + ".out");
  }

  /**
   * A node that is not started yet, on free ports.
   *
   * @param encrypted whether TCP and HTTP speak TLS, with a certificate of the node's own
   * @param jvmOptions for its JVM, beyond those that bound its size
   */
  public static NodeProcess on(
      Path data, RandomGenerator random, boolean encrypted, List<String> jvmOptions)
      throws IOException {
    return on(data, random, encrypted, jvmOptions, List.of(), Map.of());
  }

  /**
   * As the other one.
   *
   * @param upArguments for {@code clawterm up}, beyond data and ports
   * @param environment variables beyond those of this process
   */
  static NodeProcess on(
      Path data,
      RandomGenerator random,
      boolean encrypted,
      List<String> jvmOptions,
      List<String> upArguments,
      Map<String, String> environment)
      throws IOException {
    int port = freePort(random);
    int httpPort = freePort(random);
    while (httpPort == port) {
      httpPort = freePort(random);
    }
    return new NodeProcess(
        Seat.HERE, data, port, httpPort, -1, encrypted, jvmOptions, upArguments, environment);
  }

  /**
   * One of several nodes, with TLS and Akka Management, not started yet.
   *
   * @param upArguments for {@code clawterm up}, beyond data and ports
   * @param environment variables beyond those of this process
   */
  static NodeProcess at(
      Seat seat,
      Path data,
      List<String> jvmOptions,
      List<String> upArguments,
      Map<String, String> environment) {
    return new NodeProcess(
        seat,
        data,
        FIRST_PORT,
        FIRST_PORT + 1,
        FIRST_PORT + 2,
        true,
        jvmOptions,
        upArguments,
        environment);
  }

  /**
   * Archives what a node loads, as the launcher does.
   *
   * @return JVM options for nodes that start from it
   */
  static List<String> archive(Path file, List<String> jvmOptions) throws IOException {
    var options = new ArrayList<>(OPTIONS);
    options.addAll(jvmOptions);
    return AotCache.of(file, options, jar().toString(), MAIN, "warm-up");
  }

  /** The environment of a node whose model is the one that counts, at this address. */
  static Map<String, String> withCountingModel(String baseUrl) {
    return Map.of(
        "OPENAI_BASE_URL", baseUrl,
        "OPENAI_API_KEY", "none",
        "CLAWTERM_MODEL", "openai/counting");
  }

  private static int freePort(RandomGenerator random) throws IOException {
    int candidate = random.nextInt(FIRST_PORT, LAST_PORT);
    while (!isFree(candidate)) {
      candidate = random.nextInt(FIRST_PORT, LAST_PORT);
    }
    return candidate;
  }

  private static boolean isFree(int candidate) throws IOException {
    try (var socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), candidate));
      return true;
    } catch (BindException e) {
      return false;
    }
  }

  /** Starts it, without waiting. */
  public void start() throws IOException {
    start(Launch.USUAL);
  }

  /** Starts it in a way of its own, without waiting. */
  void start(Launch launch) throws IOException {
    if (isAlive()) {
      throw new IllegalStateException("the node is running");
    }
    var command = new ArrayList<>(launch.prefix());
    command.addAll(seat.prefix());
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(OPTIONS);
    command.addAll(options);
    command.addAll(launch.jvmOptions());
    Path jar = launch.home().isPresent() ? jarIn(launch.home().get()) : jar();
    command.addAll(List.of("-cp", jar.toString(), MAIN, "up", "--data", data.toString()));
    command.addAll(List.of("--bind", seat.host(), "--port", "" + port, "--http", "" + httpPort));
    command.addAll(List.of("--management", "" + managementPort));
    command.addAll(List.of("--tls", encrypted ? "on" : "off"));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()));
    builder.environment().putAll(environment);
    builder.environment().putAll(launch.environment());
    process = builder.start();
  }

  /** The distribution's jar; the build makes it before it comes to this module. */
  private static Path jar() throws IOException {
    String home = System.getProperty(HOME_PROPERTY);
    if (home != null) {
      return jarIn(Path.of(home));
    }
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path jar = at.resolve("modules/node/target/clawterm/lib/clawterm-node.jar");
      if (Files.exists(jar)) {
        return jar;
      }
    }
    throw new IOException("no distribution found; build it, or set -D" + HOME_PROPERTY);
  }

  private static Path jarIn(Path home) throws IOException {
    Path jar = home.resolve("lib/clawterm-node.jar");
    if (!Files.exists(jar)) {
      throw new NoSuchFileException(jar.toString(), null, "not the folder of a distribution");
    }
    return jar.toAbsolutePath().normalize();
  }

  /** Waits until it serves; false where it takes longer or ends before. */
  public boolean awaitReady(Duration limit) throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    while (isAlive() && System.nanoTime() < deadline) {
      if (isReady()) {
        return true;
      }
      LockSupport.parkNanos(POLL.toNanos());
    }
    return isAlive() && isReady();
  }

  /**
   * The file of addresses is written when all listeners are open; an earlier node's has its pid.
   */
  private boolean isReady() throws IOException {
    Process now = process;
    Path file = nodeFile();
    if (now == null || !Files.exists(file)) {
      return false;
    }
    JsonNode json = JSON.readTree(Files.readString(file));
    return json.path("pid").asLong() == now.pid();
  }

  /** Whether the process is there. */
  public boolean isAlive() {
    return process != null && process.isAlive();
  }

  /** The memory of its JVM that is resident, as Linux counts it. */
  public long residentBytes() throws IOException {
    return Files.readAllLines(proc().resolve("status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1_024)
        .findFirst()
        .orElseThrow(() -> new IOException("no VmRSS in " + proc()));
  }

  /** What is alive in its heap: it collects its garbage first. */
  long liveBytes() throws IOException, InterruptedException {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    Process asking = new ProcessBuilder(jcmd.toString(), "" + pid(), "GC.class_histogram").start();
    String total = "";
    try (BufferedReader lines = asking.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        total = line.startsWith("Total") ? line : total;
      }
    }
    if (asking.waitFor() != 0 || total.isEmpty()) {
      throw new IOException("the node does not say what is alive in it");
    }
    return Long.parseLong(total.replaceFirst("Total +\\d+ +(\\d+).*", "$1"));
  }

  /** The files and sockets that its JVM has open. */
  public long openFiles() throws IOException {
    try (Stream<Path> files = Files.list(proc().resolve("fd"))) {
      return files.count();
    }
  }

  private Path proc() {
    return Path.of("/proc", "" + pid());
  }

  /** The number of its process, also when that has ended. */
  long pid() {
    Process now = process;
    if (now == null) {
      throw new IllegalStateException("the node was not started");
    }
    return now.pid();
  }

  /** Kills the JVM as kill -9 does, and waits for its end; its database server goes on. */
  public void kill() throws InterruptedException {
    Process now = process;
    if (now != null) {
      now.destroyForcibly();
      if (!now.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + now.pid() + " survives being killed");
      }
    }
  }

  /** Kills the postmaster of the embedded database as kill -9 does, where there is one. */
  public boolean killPostgres() throws IOException {
    OptionalLong pid = postmaster();
    Optional<ProcessHandle> server =
        pid.isPresent() ? ProcessHandle.of(pid.getAsLong()) : Optional.empty();
    return server.filter(NodeProcess::isPostgres).map(ProcessHandle::destroyForcibly).orElse(false);
  }

  /** Makes its database server end at once, as {@code pg_ctl stop -m immediate} does. */
  boolean stopPostgresAtOnce() throws IOException, InterruptedException {
    OptionalLong pid = postmaster();
    return pid.isPresent()
        && ProcessHandle.of(pid.getAsLong()).filter(NodeProcess::isPostgres).isPresent()
        && new ProcessBuilder("kill", "-QUIT", "" + pid.getAsLong()).start().waitFor() == 0;
  }

  /** A left-over file may name a process id that somebody else has by now. */
  private static boolean isPostgres(ProcessHandle handle) {
    return handle.info().command().filter(command -> command.contains("postgres")).isPresent();
  }

  private OptionalLong postmaster() throws IOException {
    Path file = data.resolve("postgres/data/postmaster.pid");
    try {
      List<String> lines = Files.readAllLines(file);
      return lines.isEmpty() || lines.getFirst().isBlank()
          ? OptionalLong.empty()
          : OptionalLong.of(Long.parseLong(lines.getFirst().strip()));
    } catch (NoSuchFileException e) {
      return OptionalLong.empty();
    }
  }

  /** Where it listens with TCP: with TLS where it is encrypted. */
  public ServerAddress tcp() {
    return encrypted ? ServerAddress.tls(seat.host(), port) : ServerAddress.tcp(seat.host(), port);
  }

  /** Its WebSocket. */
  public URI terminal() {
    return URI.create(
        (encrypted ? "wss" : "ws") + "://" + seat.host() + ":" + httpPort + "/terminal");
  }

  /** Its HTTP API; ends with a slash. */
  URI api() {
    return URI.create(
        (encrypted ? "https" : "http") + "://" + seat.host() + ":" + httpPort + "/api/v1/");
  }

  /** Its Akka Management, where it has one. */
  URI management() {
    return URI.create("http://" + seat.host() + ":" + managementPort);
  }

  /** Sends it a signal by name, such as STOP; it must be alive. */
  void signal(String name) throws IOException, InterruptedException {
    Process now = process;
    if (now == null
        || new ProcessBuilder("kill", "-" + name, "" + now.pid()).start().waitFor() != 0) {
      throw new IOException("the node could not be sent " + name);
    }
  }

  /** Asks it to stop, as SIGTERM does, and waits for its end. */
  void stop(Duration limit) throws IOException, InterruptedException {
    Process now = process;
    if (now == null) {
      throw new IllegalStateException("the node was not started");
    }
    now.destroy();
    if (!now.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new IOException("the node does not stop: " + lastWords());
    }
  }

  /** The certificate of an encrypted node, PEM; there once it has been ready. */
  public Optional<Path> certificate() {
    return encrypted ? Optional.of(data.resolve("tls/cert.pem")) : Optional.empty();
  }

  /** The fingerprint of that certificate. */
  public Optional<String> fingerprint() throws IOException {
    JsonNode named = JSON.readTree(Files.readString(nodeFile())).path("fingerprint");
    return named.isTextual() ? Optional.of(named.asText()) : Optional.empty();
  }

  private Path nodeFile() {
    return data.resolve("run/node.json");
  }

  /** The port of {@link #tcp()}. */
  public int port() {
    return port;
  }

  /** Where it listens on this machine. */
  public ServerAddress unix() {
    return ServerAddress.unix(data.resolve("run/clawterm.sock"));
  }

  /** The folder of the pods' sockets. */
  public Path pods() {
    return data.resolve("run/sockets");
  }

  /** The credential of its owner; there once it has been ready. */
  public String token() throws IOException {
    return Files.readString(data.resolve("token")).strip();
  }

  /** The end of what it has printed, for a report. */
  public String lastWords() throws IOException {
    if (!Files.exists(output)) {
      return "";
    }
    List<String> lines = Files.readAllLines(output);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  /** Stops it as Ctrl-C does, or kills it where that takes too long; leaves no database server. */
  @Override
  public void close() throws IOException {
    Process now = process;
    try {
      if (now != null) {
        now.destroy();
        if (!now.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
          now.destroyForcibly();
        }
      }
    } catch (InterruptedException e) {
      now.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    boolean killed = killPostgres();
    if (killed && now != null && now.exitValue() == 0) {
      throw new IOException("the stopped node has left its database server running");
    }
  }
}
