package io.clawterm.http;

import akka.Done;
import akka.actor.Cancellable;
import akka.actor.CoordinatedShutdown;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.http.javadsl.ConnectionContext;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import akka.http.javadsl.ServerBuilder;
import akka.http.javadsl.settings.ServerSettings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import scala.concurrent.duration.FiniteDuration;

/**
 * The HTTP listener of a node. It stops with the actor system's coordinated shutdown, or by {@link
 * #stop()}: first no new connections, then what runs may end until a hard deadline.
 */
public final class HttpServer {

  private final ServerBinding binding;
  private final SessionRelay relay;
  private final Duration drainTimeout;
  private final List<Cancellable> shutdownTasks = new ArrayList<>();
  private final AtomicReference<@Nullable CompletableFuture<Done>> stopped =
      new AtomicReference<>();

  private HttpServer(
      ActorSystem<?> system,
      ServerBinding binding,
      SessionRelay relay,
      Readiness readiness,
      Duration drainTimeout) {
    this.binding = binding;
    this.relay = relay;
    this.drainTimeout = drainTimeout;
    addShutdownTasks(system, readiness);
  }

  /**
   * Listens. The stage fails with {@link HttpStartException} when that is not possible, or not
   * safe.
   */
  public static CompletionStage<HttpServer> start(
      ActorSystem<?> system, HttpSettings settings, HttpParts parts) {
    boolean loopback;
    try {
      loopback = InetAddress.getByName(settings.host()).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return CompletableFuture.failedFuture(
          new HttpStartException(
              "clawterm.http.host: there is no address \"" + settings.host() + "\"", e));
    }
    if (!loopback && parts.tls().isEmpty() && !settings.allowPlaintext()) {
      return CompletableFuture.failedFuture(
          new HttpStartException(
              "clawterm.http.host is "
                  + settings.host()
                  + ", which others can reach, and there is no TLS. Switch TLS on, listen on"
                  + " 127.0.0.1, or set clawterm.http.allow-plaintext behind a proxy with TLS.",
              null));
    }
    return bind(system, settings, parts, loopback);
  }

  private static CompletionStage<HttpServer> bind(
      ActorSystem<?> system, HttpSettings settings, HttpParts parts, boolean loopback) {
    var relay = new SessionRelay(system, parts.sessions(), settings.askTimeout());
    var router =
        new Router(
            system,
            endpoints(system, settings, parts, relay, loopback),
            parts,
            parts.extra(),
            new CallerGuard(settings.allowedHosts(), settings.allowedOrigins(), loopback),
            settings.maxBodyBytes());
    ServerBuilder server =
        Http.get(system)
            .newServerAt(settings.host(), settings.port())
            .withSettings(serverSettings(system, settings));
    if (parts.tls().isPresent()) {
      server = server.enableHttps(ConnectionContext.httpsServer(parts.tls().get()));
    }
    return server
        .bind(router.route())
        .handle((binding, failure) -> {
          if (binding == null) {
            relay.stop();
            throw new HttpStartException(
                "Can't listen on "
                    + settings.host()
                    + ":"
                    + settings.port()
                    + " for HTTP (clawterm.http.port): the port is in use, or may not be opened.",
                failure);
          }
          return new HttpServer(system, binding, relay, parts.readiness(), settings.drainTimeout());
        });
  }

  static List<Endpoint> endpoints(
      ActorSystem<?> system,
      HttpSettings settings,
      HttpParts parts,
      SessionRelay relay,
      boolean loopback) {
    var queries =
        new Queries(
            system.dispatchers().lookup(DispatcherSelector.blocking()), settings.maxQueries());
    var database = new DatabaseProbe(parts.database(), settings.databaseTimeout());
    List<Endpoint> endpoints = new ArrayList<>();
    endpoints.addAll(
        new SessionApi(parts.summaries(), relay, queries, settings.maxPage()).endpoints());
    endpoints.addAll(new BundleApi(system, parts.bundles(), settings.importTimeout()).endpoints());
    endpoints.addAll(new NodeApi(system, parts, database, queries, loopback).endpoints());
    endpoints.addAll(
        new SettingsApi(system, parts.settings(), queries, settings.requestTimeout()).endpoints());
    endpoints.addAll(new DrainApi(parts, queries).endpoints());
    endpoints.addAll(new HealthApi(system, parts, database).endpoints());
    endpoints.addAll(new ClusterApi(system, parts, database, queries).endpoints());
    endpoints.addAll(new Pages(parts.node().version()).endpoints());
    return endpoints;
  }

  private static ServerSettings serverSettings(ActorSystem<?> system, HttpSettings settings) {
    ServerSettings defaults = ServerSettings.create(system.classicSystem());
    return defaults
        .withServerHeader(Optional.empty())
        .withMaxConnections(settings.maxConnections())
        .withPipeliningLimit(1)
        .withTransparentHeadRequests(true)
        .withParserSettings(
            defaults.getParserSettings().withMaxContentLength(settings.maxBodyBytes()))
        .withTimeouts(
            defaults
                .getTimeouts()
                .withRequestTimeout(scala(settings.requestTimeout()))
                .withIdleTimeout(scala(settings.idleTimeout())))
        .withWebsocketSettings(
            defaults
                .getWebsocketSettings()
                .withPeriodicKeepAliveMaxIdle(scala(settings.websocketPing())));
  }

  private static FiniteDuration scala(Duration duration) {
    return FiniteDuration.create(duration.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void addShutdownTasks(ActorSystem<?> system, Readiness readiness) {
    CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
    String name = "http-" + binding.localAddress().getPort();
    shutdownTasks.add(
        shutdown.addCancellableTask(
            CoordinatedShutdown.PhaseBeforeServiceUnbind(),
            name + "-drain",
            () -> {
              readiness.drain();
              return CompletableFuture.completedFuture(Done.getInstance());
            }));
    shutdownTasks.add(
        shutdown.addCancellableTask(
            CoordinatedShutdown.PhaseServiceUnbind(), name + "-unbind", binding::unbind));
    shutdownTasks.add(
        shutdown.addCancellableTask(
            CoordinatedShutdown.PhaseServiceRequestsDone(), name + "-finish", this::stop));
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return binding.localAddress();
  }

  /** Takes no new connections, lets requests end until the deadline; again: the same stage. */
  public CompletionStage<Done> stop() {
    var mine = new CompletableFuture<Done>();
    CompletableFuture<Done> earlier = stopped.compareAndExchange(null, mine);
    if (earlier != null) {
      return earlier;
    }
    binding
        .unbind()
        .thenCompose(unbound -> binding.terminate(drainTimeout))
        .whenComplete((terminated, failure) -> {
          relay.stop();
          shutdownTasks.forEach(Cancellable::cancel);
          if (failure != null) {
            mine.completeExceptionally(failure);
          } else {
            mine.complete(Done.getInstance());
          }
        });
    return mine;
  }
}
