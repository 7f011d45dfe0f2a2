package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import io.clawterm.api.ClawTerm;
import io.clawterm.config.LiveSettings;
import io.clawterm.edge.Edge;
import io.clawterm.edge.Peer;
import io.clawterm.edge.TlsContext;
import io.clawterm.edge.TokenAuthenticator;
import io.clawterm.edge.UnixEdge;
import io.clawterm.edge.WebSocketEdge;
import io.clawterm.http.ClusterFigures;
import io.clawterm.http.HttpParts;
import io.clawterm.http.NodeDescription;
import io.clawterm.http.Readiness;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.DataFolderLock;
import io.clawterm.storage.DatabaseDisk;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StoredSettings;
import io.clawterm.telemetry.Tracing;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A node: everything wired together, in the order in which it starts. */
final class Node implements ClawTerm {

  /** The profile of configuration for a node by itself. */
  static final String PROFILE = "clawterm-laptop";

  private static final Logger LOG = LoggerFactory.getLogger(Node.class);

  private final NodePlan plan;
  private final Closing closing = new Closing();
  private Optional<CompletableFuture<ClawTerm>> started = Optional.empty();
  private Optional<CompletableFuture<Void>> stopped = Optional.empty();
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private volatile Optional<Drain> drain = Optional.empty();
  private volatile Optional<String> fingerprint = Optional.empty();
  private volatile Endpoints endpoints =
      new Endpoints(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  Node(NodePlan plan) {
    this.plan = plan;
  }

  /** What a stop may take before anything is closed. */
  Duration drainTimeout() {
    return drain.map(Drain::limit).orElse(Duration.ZERO);
  }

  @Override
  public synchronized CompletionStage<ClawTerm> start() {
    if (started.isEmpty()) {
      started = Optional.of(onThread("clawterm-start", this::startNow));
    }
    return started.get().copy();
  }

  @Override
  public synchronized CompletionStage<Void> stop() {
    if (stopped.isEmpty()) {
      CompletableFuture<?> before =
          started
              .<CompletableFuture<?>>map(start -> start.exceptionally(failure -> this))
              .orElse(CompletableFuture.completedFuture(this));
      stopped =
          Optional.of(
              before.thenCompose(done ->
                  onThread(
                      "clawterm-stop",
                      () -> {
                        closing.run();
                        over.complete(null);
                        return null;
                      })));
    }
    return stopped.get().copy();
  }

  private synchronized boolean isStopping() {
    return stopped.isPresent();
  }

  @Override
  public CompletionStage<Void> whenStopped() {
    return over.minimalCompletionStage();
  }

  @Override
  public void close() {
    stop().toCompletableFuture().join();
  }

  @Override
  public Endpoints endpoints() {
    return endpoints;
  }

  /** Whatever a stop under way is giving to other nodes is left to what happens at a crash. */
  void hurry() {
    drain.ifPresent(Drain::hurry);
  }

  /**
   * Why this node cannot go on though nobody has stopped it. It is to be stopped then, and another
   * one made in its place.
   */
  CompletionStage<String> lost() {
    return lost.minimalCompletionStage();
  }

  private void lose(String why) {
    if (!isStopping() && lost.complete(why)) {
      LOG.atError().addKeyValue("reason", why).log("this node is lost and stops");
      var unused = stop();
    }
  }

  /** The SHA-256 of the certificate in use, where there is one. */
  Optional<String> fingerprint() {
    return fingerprint;
  }

  /** Work that may block, on a thread that ends with it. */
  private static <T> CompletableFuture<T> onThread(String name, Callable<T> work) {
    var result = new CompletableFuture<T>();
    Thread.ofPlatform()
        .name(name)
        .daemon()
        .start(() -> {
          try {
            result.complete(work.call());
          } catch (Exception e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  private ClawTerm startNow() throws Exception {
    try {
      open();
      return this;
    } catch (Exception e) {
      closing.run();
      throw e;
    }
  }

  private void open() throws Exception {
    NodeBlocks blocks = NodeBlocks.read(plan.configuration());
    NodeSettings settings = blocks.node();
    boolean encrypted = TransportRule.encrypted(plan.configuration(), blocks);
    if (settings.data().isPresent()) {
      DataFolder.prepare(settings.data().get());
      closing.add("data folder", DataFolderLock.acquire(settings.data().get()));
    }
    // Before all that records spans, so that the last of them are sent as well.
    Telemetry telemetry = Telemetry.start(plan, blocks.telemetry());
    closing.add("traces", telemetry);
    Tracing tracing = telemetry.tracing();

    NodeDatabase.Registered database =
        new NodeDatabase(plan, blocks, closing, lost::isDone, this::lose).open();
    var live =
        new LiveSettings<>(plan.configuration(), LiveKeys.of(plan.environment()), NodeBlocks::read);
    var shared =
        new SharedSettings(live, new StoredSettings(database.source(), database.lease().number()));
    shared.start();
    live.follow(now -> plan.whenSet().accept(now.node()));
    Membership membership = Membership.begin(plan, blocks, database, closing, this::lose);
    ActorSystem<?> system = membership.system();

    DatabaseDisk disk = ClawTermActorSystem.journal(system).disk();
    database.folder().ifPresent(disk::isIn);

    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    closing.add("metrics", registry::close);
    closing.add("metrics of the JVM", new JvmMeters(registry));
    ClusterMeters.register(registry, system, membership.fence(), database.lease());
    DiskMeters.register(registry, disk, settings.data());
    closing.add("settings", SettingsWatch.start(system, shared, registry)::cancel);

    NodeTargets targets =
        NodeTargets.open(plan, live, system, database.source(), registry, tracing, closing);
    NodeSessions sessions =
        NodeSessions.start(system, database, live, targets, registry, tracing, closing);

    var authenticator =
        new TokenAuthenticator(
            Map.of(), localUsers(settings), blocks.edge().allowUnauthenticatedLoopback());
    if (settings.data().isPresent()) {
      Path data = settings.data().get();
      closing.add(
          "tokens", TokenExchange.start(data, system, database.source(), authenticator)::cancel);
    }
    var edge =
        new Edge(
            sessions.sessions(), authenticator, () -> live.current().edge(), registry, tracing);
    Listeners listeners = Listeners.of(settings, system, closing, encrypted);
    fingerprint = listeners.fingerprint();

    var readiness = new Readiness();
    Instant startedAt = Instant.now();
    var figures =
        ClusterFigures.start(
            system,
            registry,
            new ClusterFigures.Self(
                Version.CURRENT, startedAt, readiness, database.lease()::state));
    closing.add("figures", figures);
    boolean takesDevices = blocks.cluster().roles().contains("edge");
    if (takesDevices) {
      listeners.bindUnix(edge);
      listeners.bindTcp(edge);
    }
    boolean probes = blocks.http().health().port() >= 0;
    if (settings.httpPort() >= 0 || probes) {
      var parts =
          new HttpParts(
              sessions.sessions(),
              sessions.summaries(),
              sessions.bundles(),
              shared,
              database.source(),
              token ->
                  authenticator.authenticate(
                      Optional.of(token),
                      new Peer(Peer.Transport.TCP, Optional.empty(), Optional.empty())),
              readiness,
              database.lease()::state,
              disk::state,
              figures,
              registry,
              new NodeDescription(Version.CURRENT, startedAt, listeners::describe),
              Clock.systemUTC(),
              takesDevices ? Optional.of(new WebSocketEdge(edge).route()) : Optional.empty(),
              listeners.tls().map(TlsContext::sslContext));
      if (probes) {
        listeners.bindHealth(blocks.http(), parts);
      }
      if (settings.httpPort() >= 0) {
        listeners.bindHttp(blocks.http(), parts);
      }
    }
    // Before any listener goes, WebSocket's as well: devices are told to come back.
    closing.add(
        "connections",
        () ->
            PartTimeout.awaitEnd(system, edge.shutdown(membership.elsewhere()), "the connections"));
    closing.add("shutdown of the actor system", edge.shutdownWith(system)::cancel);
    membership.describe(listeners.devicesAt(blocks.cluster()));
    endpoints = listeners.endpoints();
    if (plan.system().isEmpty()) { // on a host's system this is the host's to decide
      listeners.bindManagement();
    }
    readiness.started();
    if (settings.run().isPresent()) {
      Path run = settings.run().get();
      NodeFile.of(endpoints, fingerprint).write(run);
      closing.add("node file", () -> NodeFile.delete(run));
    }
    var emptying =
        new Drain(
            system,
            new ClusterNodes(database.source()),
            database.lease(),
            edge,
            readiness,
            // A host's system hands over by itself, at the host's pace.
            plan.system().isPresent() ? Duration.ZERO : blocks.cluster().drainTimeout(),
            plan.progress());
    drain = Optional.of(emptying);
    closing.add("drain", emptying::beforeEnd);
    closing.add("readiness", readiness::drain);
    LOG.atInfo()
        .addKeyValue("version", Version.CURRENT)
        .addKeyValue("tcp", endpoints.tcp().map(Object::toString).orElse("-"))
        .addKeyValue("http", endpoints.http().map(Object::toString).orElse("-"))
        .log("the node is ready");
  }

  private static Set<UserPrincipal> localUsers(NodeSettings settings) throws IOException {
    if (settings.data().isEmpty()) {
      return Set.of();
    }
    // The folder itself may be somebody else's: in a pod it is root's.
    Path own = Files.createTempFile(settings.data().get(), "owner", "");
    try {
      return UnixEdge.localUsers(own);
    } finally {
      Files.delete(own);
    }
  }
}
