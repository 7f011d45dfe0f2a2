package io.clawterm.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The probes' own listener, asked byte by byte: it stands open to whoever reaches it. */
class HealthServerTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir static Path folder;

  private static TestDatabase database;
  private static TestNode node;
  private static TestServer server;
  private static HealthServer health;
  private static PrometheusMeterRegistry registry;

  @BeforeAll
  static void start() {
    database = new TestDatabase(folder);
    node = new TestNode(database, new ManualClock());
    registry = TestServer.registry();
    server = new TestServer(node, database, registry);
    health = start(0);
  }

  private static HealthServer start(int port) {
    HttpSettings settings = TestServer.settings(Map.of("health-port", port));
    return HealthServer.start(node.system, settings, server.parts)
        .toCompletableFuture()
        .orTimeout(30, TimeUnit.SECONDS)
        .join();
  }

  @AfterAll
  static void stop() {
    health.stop().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    server.close();
    node.close();
    database.close();
  }

  /** What comes back until the server closes. */
  private static String ask(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), health.address().getPort())) {
      socket.setSoTimeout((int) LIMIT.toMillis());
      socket.getOutputStream().write(request.getBytes(US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), US_ASCII);
    }
  }

  private static String get(String path) throws IOException {
    return ask("GET " + path + " HTTP/1.1\r\nHost: 10.1.2.3:8081\r\n\r\n");
  }

  @Test
  void itTellsWhetherTheNodeLivesAndIsReady() throws IOException {
    assertThat(get("/livez")).startsWith("HTTP/1.1 200").contains("{\"ok\":true,\"checks\":{}}");
    assertThat(get("/readyz")).startsWith("HTTP/1.1 503").contains("still starting");

    server.readiness.started();

    await().atMost(LIMIT).until(() -> get("/readyz").startsWith("HTTP/1.1 200"));
    assertThat(registry.scrape())
        .contains("http_request_seconds_count{method=\"GET\",route=\"/readyz\",status=\"503\"}");
  }

  @Test
  void itTakesAnyHostAndHead() throws IOException {
    assertThat(ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n")).startsWith("HTTP/1.1 200");
    String head = ask("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    assertThat(head).startsWith("HTTP/1.1 200").contains("Connection: close");
    assertThat(head).endsWith("\r\n\r\n");
  }

  @Test
  void itKnowsNothingElse() throws IOException {
    for (String path :
        List.of(
            "/",
            "/startupz",
            "/metrics",
            "/extra",
            "/terminal",
            "/api/v1/status",
            "/api/v1/cluster",
            "/livez/x")) {
      assertThat(get(path)).as(path).startsWith("HTTP/1.1 404");
    }
    for (String method : List.of("POST", "PUT", "DELETE", "OPTIONS")) {
      assertThat(ask(method + " /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
          .as(method)
          .startsWith("HTTP/1.1 405");
    }
    assertThat(ask("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"))
        .startsWith("HTTP/1.1 413");
  }

  @Test
  void whatIsLongIsRefused() throws IOException {
    assertThat(get("/" + "x".repeat(300))).startsWith("HTTP/1.1 414");
    assertThat(ask("GET /livez HTTP/1.1\r\nHost: x\r\nA: " + "x".repeat(2_000) + "\r\n\r\n"))
        .startsWith("HTTP/1.1 431");
    assertThat(ask("GET /livez HTTP/1.1\r\nHost: x\r\n" + "A: x\r\n".repeat(40) + "\r\n"))
        .startsWith("HTTP/1.1 4");
  }

  @Test
  void aConnectionThatOnlyDripsIsClosed() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), health.address().getPort())) {
      socket.setSoTimeout(500);
      InputStream in = socket.getInputStream();
      socket.getOutputStream().write("GET /livez HTTP/1.1\r\nHost: x\r\nA: ".getBytes(US_ASCII));

      // A byte now and then keeps the connection from being silent, and asks for nothing.
      await()
          .atMost(LIMIT)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> isClosedAfterOneMoreByte(socket, in));
    }
  }

  private static boolean isClosedAfterOneMoreByte(Socket socket, InputStream in) {
    try {
      socket.getOutputStream().write('x');
      return in.read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void aPortThatIsInUseIsRefusedByName() {
    assertThatThrownBy(() -> start(health.address().getPort()))
        .rootCause()
        .isInstanceOf(java.net.BindException.class);
    assertThatThrownBy(() -> start(health.address().getPort()))
        .cause()
        .isInstanceOf(HttpStartException.class)
        .hasMessageContaining("clawterm.http.health-port");
  }
}
