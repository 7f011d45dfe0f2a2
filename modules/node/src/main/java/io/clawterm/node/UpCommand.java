package io.clawterm.node;

import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.NodeConfiguration;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm up}: a node until it is stopped. */
@Command(
    name = "up",
    description = "Start a server on this machine; Ctrl-C stops it, sessions stay.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class UpCommand implements Callable<Integer> {

  private static final Duration STOP = Duration.ofSeconds(60);
  private static final Duration AFTER_DRAIN = Duration.ofSeconds(30);
  private static final Duration RETRY = Duration.ofSeconds(5);

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "The port of the wire protocol (default: 7220; 0: any, -1: none).")
  private @Nullable Integer port;

  @Option(
      names = "--http",
      paramLabel = "N",
      description = "The port of HTTP and WebSocket (default: 3456; 0: any, -1: none).")
  private @Nullable Integer http;

  @Option(
      names = "--management",
      paramLabel = "N",
      description = "The port of Akka Management (default: 7626; -1: none).")
  private @Nullable Integer management;

  @Option(
      names = "--bind",
      paramLabel = "ADDR",
      description = "The address to listen on (default: 127.0.0.1; any other needs TLS).")
  private @Nullable String bind;

  @Option(
      names = "--tls",
      paramLabel = "on|off|auto",
      description = "Encrypt TCP and HTTP (default: auto, wherever it is not loopback).")
  private @Nullable String tls;

  @Option(names = "--tls-cert", paramLabel = "FILE", description = "A certificate chain (PEM).")
  private @Nullable Path certificate;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "Its private key (PEM).")
  private @Nullable Path key;

  @Option(
      names = "--database",
      paramLabel = "URL",
      description = "postgresql://USER:PASSWORD@HOST/DB (default: an embedded PostgreSQL).")
  private @Nullable String database;

  @Option(
      names = "--join",
      paramLabel = "HOST:PORT",
      split = ",",
      description = {
        "Nodes of the cluster to join, by their cluster ports (default: those that the",
        "database of --database knows; all nodes on one database are one cluster)."
      })
  private @Nullable List<String> join;

  @Option(
      names = "--cluster-host",
      paramLabel = "ADDR",
      description = "The address at which other nodes reach this one (default: 127.0.0.1).")
  private @Nullable String clusterHost;

  @Option(
      names = "--cluster-port",
      paramLabel = "N",
      description = "Its port for other nodes, with mutual TLS (default: any free one).")
  private @Nullable Integer clusterPort;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings in HOCON (default: config.conf in the data folder, if there).")
  private @Nullable Path config;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    long begin = System.nanoTime();
    Logs.onTerminal();
    NodeConfiguration configuration = NodeConfiguration.load(overrides(), file(), Node.PROFILE);
    TransportRule.encrypted(configuration, NodeBlocks.read(configuration));
    // Not before the settings are known to be good: a typo leaves no folder behind.
    DataFolder.prepare(data.folder());
    Logs.toFolder(data.folder());
    var plan =
        new NodePlan(
            configuration,
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            System.getenv(),
            err::println,
            set -> Logs.level(set.logLevel()),
            Optional.empty());
    var running = new AtomicReference<>(new Node(plan));
    var asked = new CompletableFuture<Void>();
    var gone = new CompletableFuture<Void>();
    Runnable stop =
        () -> {
          asked.complete(null);
          stop(running.get(), err);
          gone.complete(null);
        };
    // A stop that was asked for ends with 0, which the JVM's own handling would not.
    for (String signal : List.of("TERM", "INT")) {
      Signals.register(
          signal,
          () -> {
            if (asked.isDone()) {
              running.get().hurry();
            }
            Thread.ofPlatform().name("clawterm-signal").start(stop);
          });
    }
    // Whatever else ends the process must not do so in the middle of a stop.
    Runtime.getRuntime().addShutdownHook(new Thread(stop, "clawterm-shutdown"));
    Node first = running.get();
    first.start().toCompletableFuture().get();
    new Welcome(first.endpoints(), first.fingerprint(), data.folder(), System.getenv())
        .print(out, begin);
    while (true) {
      CompletableFuture.anyOf(asked, running.get().lost().toCompletableFuture()).join();
      if (asked.isDone()) {
        gone.join();
        return 0;
      }
      again(plan, running, asked, err);
    }
  }

  /**
   * A node that was taken out of its cluster comes back by itself, as a new member, for as long as
   * it takes: nobody watches the process of a laptop, and a cluster must not need hands.
   */
  private static void again(
      NodePlan plan, AtomicReference<Node> running, CompletableFuture<Void> asked, PrintWriter err)
      throws InterruptedException {
    Node before = running.get();
    err.println(
        "clawterm: this node has to start again: " + before.lost().toCompletableFuture().join());
    stop(before, err);
    while (!asked.isDone()) {
      Node next = new Node(reread(plan, err));
      running.set(next);
      try {
        next.start().toCompletableFuture().get();
        err.println("clawterm: ready again");
        return;
      } catch (ExecutionException e) {
        err.println("clawterm: not yet: " + e.getCause() + "; next try in 5 s");
        TimeUnit.MILLISECONDS.sleep(RETRY.toMillis());
      }
    }
  }

  /** As a start does, it reads the file; a wrong one must not keep this node from coming back. */
  private static NodePlan reread(NodePlan plan, PrintWriter err) {
    try {
      return plan.reread();
    } catch (InvalidConfigurationException e) {
      err.println("clawterm: the settings of before hold on: " + e.getMessage());
      return plan;
    }
  }

  private static void stop(Node node, PrintWriter err) {
    try {
      Duration withDrain = node.drainTimeout().plus(AFTER_DRAIN);
      Duration patience = withDrain.compareTo(STOP) > 0 ? withDrain : STOP;
      node.stop().toCompletableFuture().get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      err.println("clawterm: not everything could be stopped cleanly: " + e);
    }
  }

  private Optional<Path> file() {
    if (config != null) {
      return Optional.of(config);
    }
    Path usual = data.folder().resolve("config.conf");
    return Files.exists(usual) ? Optional.of(usual) : Optional.empty();
  }

  private Map<String, Object> overrides() {
    Map<String, Object> overrides = new HashMap<>();
    overrides.put("clawterm.node.data", data.folder().toString());
    put(overrides, "port", port);
    put(overrides, "http-port", http);
    put(overrides, "management-port", management);
    put(overrides, "bind", bind);
    put(overrides, "tls", tls);
    put(
        overrides,
        "tls-cert",
        certificate == null ? null : certificate.toAbsolutePath().toString());
    put(overrides, "tls-key", key == null ? null : key.toAbsolutePath().toString());
    put(overrides, "database", database);
    if (join != null) {
      overrides.put("clawterm.cluster.join", join);
    }
    if (clusterHost != null) {
      overrides.put("clawterm.cluster.host", clusterHost);
    }
    if (clusterPort != null) {
      overrides.put("clawterm.cluster.port", clusterPort);
    }
    return overrides;
  }

  private static void put(Map<String, Object> overrides, String name, @Nullable Object value) {
    if (value != null) {
      overrides.put("clawterm.node." + name, value);
    }
  }
}
