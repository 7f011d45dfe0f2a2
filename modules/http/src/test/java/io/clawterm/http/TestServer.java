package io.clawterm.http;

import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.ws.Message;
import akka.http.javadsl.server.Directives;
import akka.http.javadsl.server.Route;
import akka.stream.javadsl.Flow;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.config.LiveSettings;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.config.SettingKeys;
import io.clawterm.session.SessionSettings;
import io.clawterm.storage.DiskState;
import io.clawterm.storage.LeaseState;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StoredSettings;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;

/** A server on a node, and a client that knows the tokens of two principals. */
final class TestServer implements AutoCloseable {

  static final Principal MAY = new Principal("default", "may");
  static final String LOCAL_TOKEN = "token-of-local";
  static final String MAY_TOKEN = "token-of-may";

  private static final ObjectMapper MAPPER = new ObjectMapper();

  final Readiness readiness = new Readiness();
  final CompletableFuture<HttpResponse> slow = new CompletableFuture<>();
  final HttpClient client;
  final HttpServer server;
  final HttpParts parts;
  final TestNode node;
  final TestDatabase database;
  final AtomicReference<LeaseState> lease =
      new AtomicReference<>(
          new LeaseState(
              1,
              true,
              Duration.ofMillis(200),
              Duration.ofMillis(2),
              Duration.ofMillis(3),
              Duration.ofMinutes(1)));
  final AtomicReference<DiskState> disk =
      new AtomicReference<>(new DiskState(Optional.empty(), OptionalLong.of(1L << 40)));
  private final ClusterFigures figures;
  private final String scheme;
  private final NodeLease life;
  private final boolean alone;

  /** With a node and a database of its own, which end with it. */
  static TestServer alone(Path folder) {
    var registry = registry();
    var database = new TestDatabase(folder);
    var node = new TestNode(database, new ManualClock(), new MicrometerSessionMetrics(registry));
    return new TestServer(node, database, registry, Optional.empty(), true);
  }

  TestServer(TestNode node, TestDatabase database, PrometheusMeterRegistry registry) {
    this(node, database, registry, Optional.empty(), false);
  }

  TestServer(
      TestNode node,
      TestDatabase database,
      PrometheusMeterRegistry registry,
      Optional<SSLContext> tls) {
    this(node, database, registry, tls, false);
  }

  private TestServer(
      TestNode node,
      TestDatabase database,
      PrometheusMeterRegistry registry,
      Optional<SSLContext> tls,
      boolean alone) {
    this.node = node;
    this.database = database;
    this.alone = alone;
    ManualClock clock = new ManualClock();
    life = NodeLease.acquire(database.pool, Clock.systemUTC(), "test", "1");
    figures =
        ClusterFigures.start(
            node.system,
            registry,
            new ClusterFigures.Self("0.1.0<test>", clock.instant(), readiness, lease::get));
    parts =
        new HttpParts(
            node.sessions,
            new JdbcSessionSummaries(database.pool),
            node.bundles,
            settingsOf(database, life),
            database.pool,
            token ->
                switch (token) {
                  case LOCAL_TOKEN -> Optional.of(Principal.LOCAL);
                  case MAY_TOKEN -> Optional.of(MAY);
                  default -> Optional.empty();
                },
            readiness,
            lease::get,
            disk::get,
            figures,
            registry,
            new NodeDescription(
                "0.1.0<test>",
                clock.instant().minusSeconds(90),
                () -> List.of(new NodeDescription.Listener("tcp", "127.0.0.1:7220", true))),
            clock,
            Optional.of(extra()),
            tls);
    server =
        HttpServer.start(node.system, settings(Map.of()), parts)
            .toCompletableFuture()
            .orTimeout(30, TimeUnit.SECONDS)
            .join();
    var builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
    tls.ifPresent(builder::sslContext);
    client = builder.build();
    scheme = tls.isPresent() ? "https" : "http";
  }

  /** As a node of its own. */
  private static SharedSettings settingsOf(TestDatabase database, NodeLease lease) {
    database.update(
        "UPDATE clawterm.cluster_node SET joined_at = now() WHERE number = " + lease.number());
    var live =
        new LiveSettings<>(
            NodeConfiguration.load(Map.of(), Optional.empty(), "none"),
            new SettingKeys(
                Set.of("clawterm.session.max-devices", "clawterm.http.sweep-interval"),
                Set.of(),
                Set.of("clawterm.http.host"),
                Map.of()),
            TestServer::read);
    var shared = new SharedSettings(live, new StoredSettings(database.pool, lease.number()));
    shared.start();
    return shared;
  }

  private static SessionSettings read(NodeConfiguration configuration) {
    Optional<SessionSettings> settings =
        configuration.read("clawterm.session", SessionSettings::from);
    configuration.refuseIfWrong();
    return settings.orElseThrow();
  }

  static PrometheusMeterRegistry registry() {
    return new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  }

  static HttpSettings settings(Map<String, ?> changes) {
    Config quick =
        ConfigFactory.parseString(
            """
            port = 0, request-timeout = 3s, ask-timeout = 2s, database-timeout = 1s
            idle-timeout = 5s, websocket-ping = 1s, max-page = 100, allowed-hosts = [claw.example]
            allowed-origins = ["https://app.example"]
            """);
    return HttpSettings.from(
        ConfigFactory.parseMap(changes)
            .withFallback(quick)
            .withFallback(ConfigFactory.load().getConfig("clawterm.http")));
  }

  private Route extra() {
    return Directives.concat(
        Directives.path("extra", () -> Directives.get(() -> Directives.complete("extra"))),
        Directives.path("slow", () -> Directives.completeWithFuture(slow)),
        Directives.path(
            "broken",
            () -> {
              throw new IllegalStateException("the test wants it so");
            }),
        Directives.path(
            "terminal", () -> Directives.handleWebSocketMessages(Flow.<Message>create())));
  }

  URI uri(String path) {
    return URI.create(scheme + "://127.0.0.1:" + server.address().getPort() + path);
  }

  Answer get(String path) {
    return send(request("GET", path).header("Authorization", "Bearer " + LOCAL_TOKEN));
  }

  Answer open(String path) {
    return send(request("GET", path));
  }

  HttpRequest.Builder request(String method, String path) {
    return HttpRequest.newBuilder(uri(path))
        .timeout(Duration.ofSeconds(30))
        .method(method, HttpRequest.BodyPublishers.noBody());
  }

  Answer send(HttpRequest.Builder request) {
    try {
      return new Answer(
          client.send(request.build(), java.net.http.HttpResponse.BodyHandlers.ofString()));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** What came back. */
  record Answer(java.net.http.HttpResponse<String> response) {
    int status() {
      return response.statusCode();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }

    String body() {
      return response.body();
    }

    JsonNode json() {
      try {
        return MAPPER.readTree(body());
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(body(), e);
      }
    }

    /** The problem's kind. */
    String problem() {
      if (!header("content-type").equals("application/problem+json")) {
        throw new IllegalStateException(header("content-type") + ": " + body());
      }
      if (!json().get("requestId").asText().equals(header("x-request-id"))) {
        throw new IllegalStateException(header("x-request-id") + ": " + body());
      }
      return json().get("type").asText().replace("urn:clawterm:problem:", "");
    }
  }

  @Override
  public void close() {
    figures.close();
    server.stop().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    client.close();
    life.close();
    if (alone) {
      node.close();
      database.close();
    }
  }
}
