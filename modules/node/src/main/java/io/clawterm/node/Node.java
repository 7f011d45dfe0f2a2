package io.clawterm.node;

import akka.Done;
import akka.actor.Cancellable;
import akka.actor.CoordinatedShutdown;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.cluster.UniqueAddress;
import akka.cluster.sharding.ClusterSharding;
import akka.cluster.sharding.ShardRegion;
import akka.cluster.typed.Cluster;
import akka.management.javadsl.AkkaManagement;
import akka.pattern.Patterns;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.agent.Agent;
import io.clawterm.agent.AgentTargets;
import io.clawterm.agent.Agents;
import io.clawterm.api.ClawTerm;
import io.clawterm.api.Principal;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.cluster.CrashWatch;
import io.clawterm.cluster.DrainingAllocation;
import io.clawterm.cluster.Formation;
import io.clawterm.cluster.NodeFence;
import io.clawterm.config.LiveSettings;
import io.clawterm.edge.Edge;
import io.clawterm.edge.Peer;
import io.clawterm.edge.PodRegistry;
import io.clawterm.edge.PodTarget;
import io.clawterm.edge.PtyTarget;
import io.clawterm.edge.TcpEdge;
import io.clawterm.edge.TlsContext;
import io.clawterm.edge.TokenAuthenticator;
import io.clawterm.edge.UnixEdge;
import io.clawterm.edge.WebSocketEdge;
import io.clawterm.http.ClusterFigures;
import io.clawterm.http.HealthServer;
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
import io.clawterm.model.Models;
import io.clawterm.session.BundleSigner;
import io.clawterm.session.ClusterBundles;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.Targets;
import io.clawterm.storage.AccessTokens;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.ClusterSecrets;
import io.clawterm.storage.DataFolderLock;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.storage.JournalTrim;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StorageException;
import io.clawterm.storage.StoredSettings;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A node: everything wired together, in the order in which it starts. */
final class Node implements ClawTerm {

  /** The profile of configuration for a node by itself. */
  static final String PROFILE = "clawterm-laptop";

  private static final Logger LOG = LoggerFactory.getLogger(Node.class);
  private static final Duration PART_TIMEOUT = Duration.ofSeconds(30);

  /** For the projection (2), questions of the HTTP API, trimming, probes and the watch. */
  private static final int OTHER_CONNECTIONS = 6;

  /** How soon a node knows the token of another one's data folder. */
  private static final Duration EXCHANGE = Duration.ofSeconds(5);

  /** The shard regions that a node starts; they end with it where the system does not. */
  private static final List<String> REGIONS =
      List.of("session", "directory", "sharded-daemon-process-session-summary");

  private final NodePlan plan;
  private final Closing closing = new Closing();
  private Optional<CompletableFuture<ClawTerm>> started = Optional.empty();
  private Optional<CompletableFuture<Void>> stopped = Optional.empty();
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private volatile @Nullable NodeLease lease;
  private volatile Optional<Drain> drain = Optional.empty();
  private volatile Optional<String> fingerprint = Optional.empty();
  private volatile Optional<InetSocketAddress> health = Optional.empty();
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
    TransportRule.requirePrivateManagement(settings);

    if (settings.data().isPresent()) {
      DataFolder.prepare(settings.data().get());
      closing.add("data folder", DataFolderLock.acquire(settings.data().get()));
    }
    DataSource database = database(settings, blocks.cluster());
    var live =
        new LiveSettings<>(plan.configuration(), LiveKeys.of(plan.environment()), NodeBlocks::read);
    var shared = new SharedSettings(live, new StoredSettings(database, lease().number()));
    shared.start();
    live.follow(now -> plan.whenSet().accept(now.node()));
    ActorSystem<?> system = system(blocks, database);
    DataSource written = ClawTermActorSystem.journal(system).dataSource();
    byte[] tokenKey = ClusterSecrets.getOrCreate(database, "resume-tokens", 32);

    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    closing.add("metrics", registry::close);
    closing.add("metrics of the JVM", new JvmMeters(registry));
    ClusterMeters.register(registry, system, NodeFence.of(Adapter.toClassic(system)), lease());
    closing.add("settings", SettingsWatch.start(system, shared, registry)::cancel);

    Targets targets =
        new NodeTargets(
            new AgentTargets(agents(system, live), () -> live.current().agent()),
            pods(settings, live, database, registry),
            new PtyTarget.Factory(() -> live.current().pty(), registry));

    var journal =
        PersistenceQuery.get(system)
            .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier());
    Executor blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    var environment =
        new SessionEnvironment(
            () -> live.current().session(),
            targets,
            new JournalSessionLog(journal),
            (id, upTo) ->
                CompletableFuture.runAsync(() -> JournalTrim.upTo(written, id, upTo), blocking),
            Clock.systemUTC(),
            new MicrometerSessionMetrics(registry));
    ClusterSessions sessions =
        ClusterSessions.start(
            system, environment, new ResumeTokens(tokenKey), DrainingAllocation::new);
    var bundles =
        new ClusterBundles(
            system,
            environment.log(),
            BundleSigner.ofSeed(
                ClusterSecrets.getOrCreate(database, "bundle-key", BundleSigner.SEED_BYTES)),
            blocks.bundle());
    SessionProjection.start(system, database);
    var summaries = new JdbcSessionSummaries(database);
    ActorRef<SessionSweep.Message> sweep =
        system.systemActorOf(
            SessionSweep.create(
                summaries,
                sessions,
                Clock.systemUTC(),
                () -> live.current().http().sweepInterval()),
            "clawterm-sweep-" + UUID.randomUUID(),
            Props.empty());

    closing.add("sweep", () -> Adapter.toClassic(system).stop(Adapter.toClassic(sweep)));

    var authenticator =
        new TokenAuthenticator(
            Map.of(), localUsers(settings), blocks.edge().allowUnauthenticatedLoopback());
    exchangeTokens(settings, system, database, authenticator);
    var edge = new Edge(sessions, authenticator, () -> live.current().edge(), registry);
    Optional<TlsContext> tls = encrypted ? Optional.of(tls(settings)) : Optional.empty();
    fingerprint = tls.map(TlsContext::fingerprint);

    var readiness = new Readiness();
    Instant startedAt = Instant.now();
    var figures =
        ClusterFigures.start(
            system,
            registry,
            new ClusterFigures.Self(Version.CURRENT, startedAt, readiness, lease()::state));
    closing.add("figures", figures);
    boolean takesDevices = blocks.cluster().roles().contains("edge");
    Optional<Path> unix = takesDevices ? unix(settings, system, edge) : Optional.empty();
    Optional<InetSocketAddress> tcp =
        takesDevices ? tcp(settings, system, edge, tls) : Optional.empty();
    Optional<InetSocketAddress> http = Optional.empty();
    boolean probes = blocks.http().health().port() >= 0;
    if (settings.httpPort() >= 0 || probes) {
      var parts =
          new HttpParts(
              sessions,
              summaries,
              bundles,
              shared,
              database,
              token ->
                  authenticator.authenticate(
                      Optional.of(token),
                      new Peer(Peer.Transport.TCP, Optional.empty(), Optional.empty())),
              readiness,
              lease()::state,
              figures,
              registry,
              new NodeDescription(Version.CURRENT, startedAt, this::listeners),
              Clock.systemUTC(),
              takesDevices ? Optional.of(new WebSocketEdge(edge).route()) : Optional.empty(),
              tls.map(TlsContext::sslContext));
      if (probes) {
        health = Optional.of(health(system, blocks.http(), parts));
      }
      if (settings.httpPort() >= 0) {
        HttpServer server = http(system, blocks.http(), parts);
        closing.add("http", () -> awaitEnd(system, server.stop(), "HTTP"));
        http = Optional.of(server.address());
      }
    }
    // Before any listener goes, WebSocket's as well: devices are told to come back.
    closing.add(
        "connections",
        () -> awaitEnd(system, edge.shutdown(elsewhere(database)), "the connections"));
    closing.add("shutdown of the actor system", edge.shutdownWith(system)::cancel);
    describe(system, tcp.map(address -> reachedAt(address, blocks.cluster())).orElse(""));
    endpoints = new Endpoints(unix, tcp, http, settings.data().map(AccessToken::file));
    manage(settings, system);
    readiness.started();
    if (settings.run().isPresent()) {
      Path run = settings.run().get();
      NodeFile.of(endpoints, fingerprint).write(run);
      closing.add("node file", () -> NodeFile.delete(run));
    }
    var emptying =
        new Drain(
            system,
            new ClusterNodes(database),
            lease(),
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
        .addKeyValue("tcp", tcp.map(Object::toString).orElse("-"))
        .addKeyValue("http", http.map(Object::toString).orElse("-"))
        .log("the node is ready");
  }

  private Targets pods(
      NodeSettings settings,
      LiveSettings<NodeBlocks> live,
      DataSource database,
      MeterRegistry registry)
      throws IOException {
    if (settings.data().isEmpty()) {
      return (owner, name) -> new Targets.Found.Missing("this node has no folder for pods");
    }
    PodRegistry pods = PodRegistry.open(live.current().pods(), registry);
    closing.add("pods", pods);
    byte[] secret = ClusterSecrets.getOrCreate(database, "pod-tokens", 32);
    return new PodTarget.Factory(() -> live.current().pods(), pods, secret, registry);
  }

  /** A device may come with the token that it has of another node of the cluster. */
  private void exchangeTokens(
      NodeSettings settings,
      ActorSystem<?> system,
      DataSource database,
      TokenAuthenticator authenticator)
      throws IOException {
    if (settings.data().isEmpty()) {
      return;
    }
    String folder = AccessToken.folderId(settings.data().get());
    String hash = TokenAuthenticator.hash(AccessToken.readOrMake(settings.data().get()));
    var tokens = new AccessTokens(database);
    Runnable exchange =
        () -> {
          Map<String, Principal> all = new HashMap<>();
          tokens.exchange(folder, hash).forEach(known -> all.put(known, Principal.LOCAL));
          authenticator.replaceTokens(all);
        };
    exchange.run();
    Runnable again =
        () -> {
          try {
            exchange.run();
          } catch (StorageException e) {
            LOG.atWarn()
                .addKeyValue("failure", e.getMessage())
                .log("tokens of new nodes are not known yet: the database does not answer");
          }
        };
    Cancellable timer =
        system
            .scheduler()
            .scheduleWithFixedDelay(
                EXCHANGE,
                EXCHANGE,
                again,
                system.dispatchers().lookup(DispatcherSelector.blocking()));
    closing.add("tokens", timer::cancel);
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
    closing.add("tcp", () -> awaitEnd(system, listener.unbind(), "TCP"));
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

  /** For probes, whose answers go on until the other listeners are gone. */
  private InetSocketAddress health(ActorSystem<?> system, HttpSettings settings, HttpParts parts)
      throws Exception {
    try {
      HealthServer server = await(HealthServer.start(system, settings, parts), "the health port");
      closing.add("health port", () -> awaitEnd(system, server.stop(), "the health port"));
      return server.address();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof HttpStartException refused) {
        throw new StartException(String.valueOf(refused.getMessage()), e);
      }
      throw e;
    }
  }

  /** Cluster state for operators. */
  private void manage(NodeSettings settings, ActorSystem<?> system) throws Exception {
    if (settings.managementPort() < 0 || plan.system().isPresent()) {
      return; // on a host's system this is the host's to decide
    }
    AkkaManagement management = AkkaManagement.get(system);
    try {
      await(management.start(), "Akka Management");
    } catch (ExecutionException e) {
      throw new StartException(
          "cannot listen on "
              + settings.managementBind()
              + ":"
              + settings.managementPort()
              + " for Akka Management (is another node running?). Choose another port with"
              + " --management, or -1 for none",
          e);
    }
    closing.add("management", () -> awaitEnd(system, management.stop(), "Akka Management"));
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
    health.ifPresent(address ->
        listeners.add(new NodeDescription.Listener("health", NodeFile.text(address), false)));
    return listeners;
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

  /** An actor system that has ended does not answer any more. */
  private static void awaitEnd(ActorSystem<?> system, CompletionStage<?> stage, String part)
      throws Exception {
    await(
        CompletableFuture.anyOf(
            stage.toCompletableFuture(), system.getWhenTerminated().toCompletableFuture()),
        part);
  }

  private DataSource database(NodeSettings settings, ClusterSettings cluster) {
    DatabaseSettings databaseSettings = databaseSettings(settings);
    if (plan.dataSource().isPresent()) {
      DataSource hosts = plan.dataSource().get();
      Databases.check(hosts, databaseSettings);
      lease = register(hosts, settings, cluster);
      return hosts;
    }
    JdbcTarget target =
        settings.database().isPresent() ? settings.database().get() : embedded(settings).target();
    DataSource single = Databases.connect(target, databaseSettings);
    lease = register(single, settings, cluster);
    HikariDataSource pool = Databases.pool(single, databaseSettings, lease.number());
    closing.add("database pool", pool);
    return pool;
  }

  /** From here on this node may write, until another one takes it for dead. */
  private NodeLease register(DataSource database, NodeSettings settings, ClusterSettings cluster) {
    Databases.requireSessions(database);
    Migrations.run(database, settings.allowNewerSchema());
    Formation.requireName(database, cluster.name());
    plan.system().ifPresent(hosts -> closing.add("journal", () -> giveBack(hosts)));
    NodeLease acquired =
        NodeLease.acquire(database, Clock.systemUTC(), cluster.name(), Version.CURRENT);
    closing.add("lease", acquired);
    if (acquired.skew().abs().compareTo(cluster.maxClockSkew()) > 0) {
      throw new StartException(
          "the clock of this machine is "
              + acquired.skew().abs().toSeconds()
              + " s "
              + (acquired.skew().isNegative() ? "behind" : "ahead of")
              + " the database's; set it (clawterm.cluster.max-clock-skew is "
              + cluster.maxClockSkew().toSeconds()
              + " s)");
    }
    acquired.watchClock(cluster.maxClockSkew());
    acquired.whenLost(() -> lose("another node has taken over"));
    return acquired;
  }

  /** The journal is the host's default one; but what was taken over from may write nothing. */
  private void giveBack(ActorSystem<?> hosts) {
    if (!lost.isDone()) {
      ClawTermActorSystem.journal(hosts).writeAsOperator();
    }
  }

  private void lose(String why) {
    if (!isStopping() && lost.complete(why)) {
      LOG.atError().addKeyValue("reason", why).log("this node is lost and stops");
      var unused = stop();
    }
  }

  private NodeLease lease() {
    NodeLease acquired = lease;
    if (acquired == null) {
      throw new IllegalStateException("the node is not registered yet");
    }
    return acquired;
  }

  private static DatabaseSettings databaseSettings(NodeSettings settings) {
    DatabaseSettings defaults = DatabaseSettings.defaults();
    return new DatabaseSettings(
        ClawTermActorSystem.JOURNAL_CONNECTIONS + OTHER_CONNECTIONS,
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

  private ActorSystem<?> system(NodeBlocks blocks, DataSource database) throws Exception {
    ActorSystem<?> system;
    if (plan.system().isPresent()) {
      system = plan.system().get();
      NodeFence.of(Adapter.toClassic(system)).actAs(lease());
      ClawTermActorSystem.journal(system).writeAs(lease().number());
      describe(system, "");
      await(memberUp(system), "the host's cluster");
      closing.add("sessions", () -> leave(system));
      formation(system, blocks, database).joined();
    } else {
      system = ClawTermActorSystem.start(plan, blocks, database);
      NodeFence.of(Adapter.toClassic(system)).actAs(lease());
      if (plan.dataSource().isPresent()) {
        ClawTermActorSystem.journal(system).writeAs(lease().number());
      }
      closing.add(
          "actor system",
          () ->
              CoordinatedShutdown.get(system)
                  .runAll(CoordinatedShutdown.actorSystemTerminateReason())
                  .toCompletableFuture()
                  .get(PART_TIMEOUT.toSeconds(), TimeUnit.SECONDS));
      describe(system, "");
      formation(system, blocks, database).join();
    }
    var unused =
        system
            .getWhenTerminated()
            .whenComplete((done, failure) -> lose("it was taken out of the cluster"));
    ActorRef<CrashWatch.Message> watch =
        system.systemActorOf(
            CrashWatch.create(NodeFence.of(Adapter.toClassic(system))),
            "clawterm-crash-watch-" + UUID.randomUUID(),
            Props.empty());
    closing.add("crash watch", () -> Adapter.toClassic(system).stop(Adapter.toClassic(watch)));
    return system;
  }

  private Formation formation(ActorSystem<?> system, NodeBlocks blocks, DataSource database) {
    return new Formation(system, blocks.cluster(), database, lease());
  }

  /** Tells the other nodes where this one is. */
  private void describe(ActorSystem<?> system, String devicesAt) {
    UniqueAddress self = Cluster.get(system).selfMember().uniqueAddress();
    lease().describe(NodeFence.text(self.address()), self.longUid(), devicesAt);
  }

  /** Where devices find this node's TCP listener, which may listen on all addresses. */
  private static String reachedAt(InetSocketAddress address, ClusterSettings cluster) {
    return cluster
        .devicesAt()
        .orElseGet(() ->
            address.getAddress().isAnyLocalAddress()
                ? cluster.host() + ":" + address.getPort()
                : NodeFile.text(address));
  }

  /** Where devices of this node can go when it stops. */
  private List<String> elsewhere(DataSource database) {
    try {
      return new ClusterNodes(database)
          .writers().stream()
              .filter(node ->
                  node.connected()
                      && node.joined()
                      && !node.draining()
                      && node.number() != lease().number())
              .map(ClusterNode::devicesAt)
              .filter(at -> !at.isEmpty())
              .toList();
    } catch (StorageException e) {
      LOG.atWarn()
          .addKeyValue("failure", e.getMessage())
          .log("devices are not told another node: the database does not answer");
      return List.of();
    }
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

  private Map<String, Agent> agents(ActorSystem<?> system, LiveSettings<NodeBlocks> live) {
    Map<String, Agent> agents = new HashMap<>();
    agents.put("demo", Agents.demo());
    agents.put(
        "main",
        Agents.asking(
            () -> Models.resolve(system, live.current().model(), plan.environment()),
            () ->
                Optional.of(live.current().agent().instructions())
                    .filter(text -> !text.isBlank())));
    plan.agents().forEach((name, function) -> agents.put(name, Agents.function(function)));
    return agents;
  }
}
