package io.clawterm.node;

import akka.Done;
import akka.actor.BootstrapSetup;
import akka.actor.CoordinatedShutdown;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.management.javadsl.AkkaManagement;
import akka.pattern.Patterns;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.agent.Agent;
import io.clawterm.agent.AgentSettings;
import io.clawterm.agent.AgentTargets;
import io.clawterm.agent.Agents;
import io.clawterm.api.ClawTerm;
import io.clawterm.api.Principal;
import io.clawterm.edge.Edge;
import io.clawterm.edge.Peer;
import io.clawterm.edge.PodRegistry;
import io.clawterm.edge.PodSettings;
import io.clawterm.edge.PodTarget;
import io.clawterm.edge.PtyTarget;
import io.clawterm.edge.TcpEdge;
import io.clawterm.edge.TlsContext;
import io.clawterm.edge.TokenAuthenticator;
import io.clawterm.edge.UnixEdge;
import io.clawterm.edge.WebSocketEdge;
import io.clawterm.http.HttpParts;
import io.clawterm.http.HttpServer;
import io.clawterm.http.HttpSettings;
import io.clawterm.http.HttpStartException;
import io.clawterm.http.JdbcSessionSummaries;
import io.clawterm.http.MicrometerSessionMetrics;
import io.clawterm.http.NodeDescription;
import io.clawterm.http.Readiness;
import io.clawterm.http.SessionProjection;
import io.clawterm.http.SessionSweep;
import io.clawterm.model.ModelSettings;
import io.clawterm.model.Models;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.Targets;
import io.clawterm.storage.ClusterSecrets;
import io.clawterm.storage.DataFolderLock;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.storage.JournalTrim;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.StorageSetup;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A node: everything wired together, in the order in which it starts. */
final class Node implements ClawTerm {

  private static final String LOOPBACK = "127.0.0.1";

  /** The profile of configuration for a node by itself. */
  static final String PROFILE = "clawterm-laptop";

  private static final Logger LOG = LoggerFactory.getLogger(Node.class);
  private static final Duration PART_TIMEOUT = Duration.ofSeconds(30);

  /** What the journal may use of a pool of one's own, as measured best, and of a host's. */
  private static final int JOURNAL_CONNECTIONS = 8;

  private static final int JOURNAL_CONNECTIONS_OF_HOST = 6;

  /** For the projection (2), questions of the HTTP API, trimming and probes. */
  private static final int OTHER_CONNECTIONS = 6;

  /** The shard regions that a node starts; they end with it where the system does not. */
  private static final List<String> REGIONS =
      List.of("session", "directory", "sharded-daemon-process-session-summary");

  private final NodePlan plan;
  private final Closing closing = new Closing();
  private Optional<CompletableFuture<ClawTerm>> started = Optional.empty();
  private Optional<CompletableFuture<Void>> stopped = Optional.empty();
  private volatile Optional<String> fingerprint = Optional.empty();
  private volatile Endpoints endpoints =
      new Endpoints(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  Node(NodePlan plan) {
    this.plan = plan;
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
                        return null;
                      })));
    }
    return stopped.get().copy();
  }

  @Override
  public void close() {
    stop().toCompletableFuture().join();
  }

  @Override
  public Endpoints endpoints() {
    return endpoints;
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
    boolean encrypted = TransportRule.encrypted(settings);

    if (settings.data().isPresent()) {
      DataFolder.prepare(settings.data().get());
      closing.add("data folder", DataFolderLock.acquire(settings.data().get()));
    }
    DataSource database = database(settings);
    ActorSystem<?> system = system(settings, database);
    byte[] tokenKey = ClusterSecrets.getOrCreate(database, "resume-tokens", 32);

    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    closing.add("metrics", registry::close);
    closing.add("metrics of the JVM", new JvmMeters(registry));

    Targets targets =
        new NodeTargets(
            new AgentTargets(agents(system, blocks.agent(), blocks.model()), blocks.agent()),
            pods(settings, blocks.pods(), database, registry),
            new PtyTarget.Factory(blocks.pty(), registry));

    var journal =
        PersistenceQuery.get(system)
            .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier());
    Executor blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    var environment =
        new SessionEnvironment(
            blocks.session(),
            targets,
            new JournalSessionLog(journal),
            (id, upTo) ->
                CompletableFuture.runAsync(() -> JournalTrim.upTo(database, id, upTo), blocking),
            Clock.systemUTC(),
            new MicrometerSessionMetrics(registry));
    ClusterSessions sessions =
        ClusterSessions.start(system, environment, new ResumeTokens(tokenKey));
    SessionProjection.start(system, database);
    var summaries = new JdbcSessionSummaries(database);
    ActorRef<SessionSweep.Message> sweep =
        system.systemActorOf(
            SessionSweep.create(
                summaries, sessions, Clock.systemUTC(), blocks.http().sweepInterval()),
            "clawterm-sweep-" + UUID.randomUUID(),
            Props.empty());

    closing.add("sweep", () -> Adapter.toClassic(system).stop(Adapter.toClassic(sweep)));

    Map<String, Principal> tokens = tokens(settings);
    var authenticator =
        new TokenAuthenticator(
            tokens, localUsers(settings), blocks.edge().allowUnauthenticatedLoopback());
    var edge = new Edge(sessions, authenticator, blocks.edge(), registry);
    Optional<TlsContext> tls = encrypted ? Optional.of(tls(settings)) : Optional.empty();
    fingerprint = tls.map(TlsContext::fingerprint);

    var readiness = new Readiness();
    Optional<Path> unix = unix(settings, system, edge);
    Optional<InetSocketAddress> tcp = tcp(settings, system, edge, tls);
    Optional<InetSocketAddress> http = Optional.empty();
    if (settings.httpPort() >= 0) {
      var parts =
          new HttpParts(
              sessions,
              summaries,
              database,
              token ->
                  authenticator.authenticate(
                      Optional.of(token),
                      new Peer(Peer.Transport.TCP, Optional.empty(), Optional.empty())),
              readiness,
              registry,
              new NodeDescription(Version.CURRENT, Instant.now(), this::listeners),
              Clock.systemUTC(),
              Optional.of(new WebSocketEdge(edge).route()),
              tls.map(TlsContext::sslContext));
      HttpServer server = http(system, blocks.http(), parts);
      closing.add("http", () -> await(server.stop(), "HTTP"));
      http = Optional.of(server.address());
    }
    // Before any listener goes, WebSocket's as well: devices are told to come back.
    closing.add("connections", () -> await(edge.shutdown(), "the connections"));
    closing.add("shutdown of the actor system", edge.shutdownWith(system)::cancel);
    endpoints = new Endpoints(unix, tcp, http, settings.data().map(AccessToken::file));
    manage(settings, system);
    readiness.started();
    if (settings.run().isPresent()) {
      Path run = settings.run().get();
      NodeFile.of(endpoints, fingerprint).write(run);
      closing.add("node file", () -> NodeFile.delete(run));
    }
    closing.add("readiness", readiness::drain);
    LOG.atInfo()
        .addKeyValue("version", Version.CURRENT)
        .addKeyValue("tcp", tcp.map(Object::toString).orElse("-"))
        .addKeyValue("http", http.map(Object::toString).orElse("-"))
        .log("the node is ready");
  }

  private Targets pods(
      NodeSettings settings, PodSettings podSettings, DataSource database, MeterRegistry registry)
      throws IOException {
    if (settings.data().isEmpty()) {
      return (owner, name) -> new Targets.Found.Missing("this node has no folder for pods");
    }
    PodRegistry pods = PodRegistry.open(podSettings, registry);
    closing.add("pods", pods);
    byte[] secret = ClusterSecrets.getOrCreate(database, "pod-tokens", 32);
    return new PodTarget.Factory(podSettings, pods, secret, registry);
  }

  private static Map<String, Principal> tokens(NodeSettings settings) throws IOException {
    return settings.data().isEmpty()
        ? Map.of()
        : Map.of(
            TokenAuthenticator.hash(AccessToken.readOrMake(settings.data().get())),
            Principal.LOCAL);
  }

  private static Set<UserPrincipal> localUsers(NodeSettings settings) throws IOException {
    return settings.data().isEmpty() ? Set.of() : UnixEdge.localUsers(settings.data().get());
  }

  private static TlsContext tls(NodeSettings settings)
      throws IOException, GeneralSecurityException {
    if (settings.tlsCertificate().isPresent()) {
      return TlsContext.load(
          settings.tlsCertificate().get(),
          settings.tlsKey().orElseThrow(),
          settings.tlsClientAuthorities());
    }
    Path data =
        settings
            .data()
            .orElseThrow(
                () -> new StartException("TLS needs tls-cert and tls-key, or a data folder"));
    return TlsContext.selfSigned(data.resolve("tls"), settings.tlsClientAuthorities());
  }

  private Optional<Path> unix(NodeSettings settings, ActorSystem<?> system, Edge edge)
      throws IOException {
    if (!settings.unixSocket() || settings.run().isEmpty()) {
      return Optional.empty();
    }
    Path path = settings.run().get().resolve("clawterm.sock");
    UnixEdge listener = UnixEdge.bind(system, edge, path);
    closing.add("unix socket", listener);
    return Optional.of(path);
  }

  private Optional<InetSocketAddress> tcp(
      NodeSettings settings, ActorSystem<?> system, Edge edge, Optional<TlsContext> tls)
      throws Exception {
    if (settings.tcpPort() < 0) {
      return Optional.empty();
    }
    CompletionStage<TcpEdge> binding =
        tls.isPresent()
            ? TcpEdge.bindTls(system, edge, settings.bind(), settings.tcpPort(), tls.get())
            : TcpEdge.bind(system, edge, settings.bind(), settings.tcpPort());
    TcpEdge listener;
    try {
      listener = await(binding, "TCP");
    } catch (ExecutionException e) {
      throw new StartException(
          "cannot listen on "
              + settings.bind()
              + ":"
              + settings.tcpPort()
              + " (is another server running there?). Choose another port with --port",
          e);
    }
    closing.add("tcp", () -> await(listener.unbind(), "TCP"));
    return Optional.of(listener.address());
  }

  private static HttpServer http(ActorSystem<?> system, HttpSettings settings, HttpParts parts)
      throws Exception {
    try {
      return await(HttpServer.start(system, settings, parts), "HTTP");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof HttpStartException refused) {
        throw new StartException(refused.getMessage() + " Choose another port with --http", e);
      }
      throw e;
    }
  }

  /** Cluster state for operators, on loopback alone whatever else is open. */
  private void manage(NodeSettings settings, ActorSystem<?> system) throws Exception {
    if (settings.managementPort() < 0 || plan.system().isPresent()) {
      return; // on a host's system this is the host's to decide
    }
    AkkaManagement management = AkkaManagement.get(system);
    try {
      await(management.start(), "Akka Management");
    } catch (ExecutionException e) {
      throw new StartException(
          "cannot listen on 127.0.0.1:"
              + settings.managementPort()
              + " for Akka Management (is another node running?). Choose another port with"
              + " --management, or -1 for none",
          e);
    }
    closing.add("management", () -> await(management.stop(), "Akka Management"));
  }

  private List<NodeDescription.Listener> listeners() {
    List<NodeDescription.Listener> listeners = new ArrayList<>();
    boolean encrypted = fingerprint.isPresent();
    endpoints
        .unixSocket()
        .ifPresent(
            path -> listeners.add(new NodeDescription.Listener("unix", path.toString(), false)));
    endpoints
        .tcp()
        .ifPresent(address ->
            listeners.add(new NodeDescription.Listener("tcp", NodeFile.text(address), encrypted)));
    endpoints
        .http()
        .ifPresent(address ->
            listeners.add(new NodeDescription.Listener("http", NodeFile.text(address), encrypted)));
    return listeners;
  }

  /** The SHA-256 of the certificate in use, where there is one. */
  Optional<String> fingerprint() {
    return fingerprint;
  }

  private static <T> T await(CompletionStage<T> stage, String part) throws Exception {
    try {
      return stage.toCompletableFuture().get(PART_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new StartException(part + " did not answer in " + PART_TIMEOUT.toSeconds() + " s", e);
    }
  }

  private DataSource database(NodeSettings settings) {
    DatabaseSettings databaseSettings = databaseSettings(settings);
    DataSource database;
    if (plan.dataSource().isPresent()) {
      database = plan.dataSource().get();
      Databases.check(database, databaseSettings);
    } else {
      JdbcTarget target =
          settings.database().isPresent() ? settings.database().get() : embedded(settings).target();
      HikariDataSource pool = Databases.open(target, databaseSettings);
      closing.add("database pool", pool);
      database = pool;
    }
    Migrations.run(database);
    return database;
  }

  private static DatabaseSettings databaseSettings(NodeSettings settings) {
    DatabaseSettings defaults = DatabaseSettings.defaults();
    return new DatabaseSettings(
        JOURNAL_CONNECTIONS + OTHER_CONNECTIONS,
        defaults.connectTimeout(),
        defaults.answerTimeout(),
        settings.allowUnsafeDatabase());
  }

  private EmbeddedPostgres embedded(NodeSettings settings) {
    Path data =
        settings
            .data()
            .orElseThrow(() ->
                new StartException("a node needs a data folder, a database URL or a data source"));
    EmbeddedPostgres postgres =
        EmbeddedPostgres.start(
            data.resolve("postgres"),
            EmbeddedPostgresSettings.defaults().withProgress(plan.progress()));
    closing.add("embedded database", postgres);
    return postgres;
  }

  private ActorSystem<?> system(NodeSettings settings, DataSource database) throws Exception {
    if (plan.system().isPresent()) {
      ActorSystem<?> hosts = plan.system().get();
      ClawTermActorSystem.requireFit(hosts);
      await(memberUp(hosts), "the host's cluster");
      closing.add("sessions", () -> leave(hosts));
      return hosts;
    }
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "akka.management.http.hostname",
                    LOOPBACK,
                    "akka.management.http.port",
                    Math.max(0, settings.managementPort())))
            .withFallback(ClawTermActorSystem.storage())
            .withFallback(plan.configuration().config())
            .resolve();
    int connections =
        plan.dataSource().isPresent() ? JOURNAL_CONNECTIONS_OF_HOST : JOURNAL_CONNECTIONS;
    ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(),
            "clawterm",
            ActorSystemSetup.create(
                BootstrapSetup.create(config), new StorageSetup(database, connections)));
    closing.add(
        "actor system",
        () ->
            CoordinatedShutdown.get(system)
                .runAll(CoordinatedShutdown.actorSystemTerminateReason())
                .toCompletableFuture()
                .get(PART_TIMEOUT.toSeconds(), TimeUnit.SECONDS));
    CompletionStage<Void> up = memberUp(system);
    Cluster cluster = Cluster.get(system);
    cluster.manager().tell(Join.create(cluster.selfMember().address()));
    await(up, "the cluster");
    return system;
  }

  private static CompletionStage<Void> memberUp(ActorSystem<?> system) {
    var up = new CompletableFuture<Void>();
    akka.cluster.Cluster.get(system).registerOnMemberUp(() -> up.complete(null));
    return up;
  }

  /** Ends all that this node runs on a system that goes on: sessions commit and tell devices. */
  private static Done leave(ActorSystem<?> hosts) throws Exception {
    if (hosts.getWhenTerminated().toCompletableFuture().isDone()) {
      return Done.getInstance(); // the host has ended them with its system
    }
    ClusterSharding sharding = ClusterSharding.get(Adapter.toClassic(hosts));
    for (String region : REGIONS) {
      await(
          Patterns.gracefulStop(
              sharding.shardRegion(region), PART_TIMEOUT, ShardRegion.gracefulShutdownInstance()),
          "the region " + region);
    }
    return Done.getInstance();
  }

  private Map<String, Agent> agents(
      ActorSystem<?> system, AgentSettings settings, ModelSettings models) {
    Map<String, Agent> agents = new HashMap<>();
    agents.put("demo", Agents.demo());
    agents.put(
        "main",
        Agents.asking(
            () -> Models.resolve(system, models, plan.environment()),
            Optional.of(settings.instructions()).filter(text -> !text.isBlank())));
    plan.agents().forEach((name, function) -> agents.put(name, Agents.function(function)));
    return agents;
  }
}
