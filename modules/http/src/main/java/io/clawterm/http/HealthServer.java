package io.clawterm.http;

import akka.Done;
import akka.NotUsed;
import akka.actor.typed.ActorSystem;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.Connection;
import akka.http.javadsl.settings.ServerSettings;
import akka.stream.javadsl.Flow;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import scala.concurrent.duration.FiniteDuration;

/**
 * The listener of the probes: plain HTTP, without authentication, on any address, because it says
 * nothing but whether the node is alive and ready (docs/decisions/0013-health-port.md). It knows
 * {@code /livez} and {@code /readyz}, and takes little of whoever asks: small requests, one on a
 * connection, and no connection for long.
 */
public final class HealthServer {

  private static final int MAX_CONNECTIONS = 64;
  private static final int MAX_URI_BYTES = 256;
  private static final int MAX_HEADERS = 32;
  private static final int MAX_HEADER_BYTES = 1_024;
  private static final FiniteDuration IDLE = FiniteDuration.create(5, TimeUnit.SECONDS);

  /** From its first byte to its last, whatever is sent meanwhile. */
  private static final Duration LIFE = Duration.ofSeconds(10);

  private static final Duration STOP = Duration.ofSeconds(1);

  private final ServerBinding binding;

  private HealthServer(ServerBinding binding) {
    this.binding = binding;
  }

  /** Listens. The stage fails with {@link HttpStartException} when that is not possible. */
  public static CompletionStage<HealthServer> start(
      ActorSystem<?> system, HttpSettings settings, HttpParts parts) {
    var database = new DatabaseProbe(parts.database(), settings.databaseTimeout());
    var router =
        new Router(
            system,
            new HealthApi(system, parts, database).probes(),
            parts,
            Optional.empty(),
            CallerGuard.open(),
            0);
    Flow<HttpRequest, HttpResponse, NotUsed> answers =
        Flow.of(HttpRequest.class)
            .takeWithin(LIFE)
            .via(router.route().flow(system))
            .map(response -> response.addHeader(Connection.create("close")));
    HealthSettings at = settings.health();
    return Http.get(system)
        .newServerAt(at.bind(), at.port())
        .withSettings(limits(system))
        .bindFlow(answers)
        .handle((binding, failure) -> {
          if (binding == null) {
            throw new HttpStartException(
                "Can't listen on "
                    + at.bind()
                    + ":"
                    + at.port()
                    + " for probes (clawterm.http.health-port): the port is in use, or the address"
                    + " is not one of this machine.",
                failure);
          }
          return new HealthServer(binding);
        });
  }

  private static ServerSettings limits(ActorSystem<?> system) {
    ServerSettings defaults = ServerSettings.create(system.classicSystem());
    return defaults
        .withServerHeader(Optional.empty())
        .withMaxConnections(MAX_CONNECTIONS)
        .withPipeliningLimit(1)
        .withTransparentHeadRequests(true)
        .withParserSettings(
            defaults
                .getParserSettings()
                .withMaxUriLength(MAX_URI_BYTES)
                .withMaxHeaderCount(MAX_HEADERS)
                .withMaxHeaderValueLength(MAX_HEADER_BYTES)
                .withMaxContentLength(MAX_HEADER_BYTES))
        .withTimeouts(defaults.getTimeouts().withRequestTimeout(IDLE).withIdleTimeout(IDLE));
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return binding.localAddress();
  }

  /** Answers no more. */
  public CompletionStage<Done> stop() {
    return binding.terminate(STOP).thenApply(terminated -> Done.getInstance());
  }
}
