package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.http.javadsl.model.HttpResponse;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpRequest;
import java.net.http.WebSocket;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpServerTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir static Path folder;

  private static TestServer server;

  @BeforeAll
  static void start() {
    server = TestServer.alone(folder);
    server.readiness.started();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static TestNode.Device session(int id, Principal owner) {
    var device =
        server.node.connect(
            new SessionId(id), "phone", owner, Optional.of("key:" + id), Optional.empty());
    var summaries = new JdbcSessionSummaries(server.database.pool);
    await().atMost(LIMIT).until(() -> summaries.find(owner, new SessionId(id)).isPresent());
    return device;
  }

  @Test
  void aListIsPagedAndShowsNobodyElsesSessions() {
    for (int i = 1; i <= 5; i++) {
      session(0x10 + i, TestServer.MAY);
    }
    session(0x20, Principal.LOCAL);

    List<String> seen = new ArrayList<>();
    String cursor = "";
    do {
      var answer =
          server.send(
              server
                  .request("GET", "/api/v1/sessions?limit=2&state=open" + cursor)
                  .header("Authorization", "Bearer " + TestServer.MAY_TOKEN));
      assertThat(answer.status()).isEqualTo(200);
      answer.json().get("sessions").forEach(session -> seen.add(session.get("id").asText()));
      JsonNode next = answer.json().get("nextCursor");
      cursor = next == null ? "" : "&cursor=" + next.asText();
    } while (!cursor.isEmpty());

    assertThat(seen).containsExactly("00000015", "00000014", "00000013", "00000012", "00000011");
  }

  @Test
  void aSessionIsShownAsItStandsAndEndedOnlyByItsOwner() {
    var device = session(0x31, Principal.LOCAL);
    device.says("start");
    await()
        .atMost(LIMIT)
        .until(() -> server.get("/api/v1/sessions/31").json().get("headNumber").asLong() == 2);
    JsonNode shown = server.get("/api/v1/sessions/00000031").json();
    assertThat(shown.get("state").asText()).isEqualTo("open");
    assertThat(shown.get("runOpen").asBoolean()).isTrue();
    assertThat(shown.get("devices").get(0).asText()).isEqualTo("phone");
    assertThat(shown.get("key").asText()).isEqualTo("key:49");
    assertThat(shown.has("endedReason")).isFalse();

    for (String method : List.of("GET", "DELETE")) {
      var foreign =
          server.send(
              server
                  .request(method, "/api/v1/sessions/31")
                  .header("Authorization", "Bearer " + TestServer.MAY_TOKEN));
      assertThat(foreign.status()).isEqualTo(404);
      assertThat(foreign.problem()).isEqualTo("not-found");
    }

    assertThat(delete("31").status()).isEqualTo(204);
    assertThat(delete("31").status()).isEqualTo(404);
    assertThat(delete("ffff").status()).isEqualTo(404);
    assertThat(delete("no-id").status()).isEqualTo(404);
    await()
        .atMost(LIMIT)
        .untilAsserted(() -> {
          JsonNode ended = server.get("/api/v1/sessions/31").json();
          assertThat(ended.get("state").asText()).isEqualTo("ended");
          assertThat(ended.path("endedReason").asText()).isEqualTo("closed by local");
        });
  }

  private static TestServer.Answer delete(String id) {
    return server.send(
        server
            .request("DELETE", "/api/v1/sessions/" + id)
            .header("Authorization", "Bearer " + TestServer.LOCAL_TOKEN));
  }

  @Test
  void withoutAGoodTokenAllIsRefusedAlike() {
    List<TestServer.Answer> answers =
        List.of(
            server.open("/api/v1/sessions"),
            server.open("/api/v1/status"),
            server.open("/api/v1/sessions/1"),
            server.send(
                server.request("GET", "/api/v1/status").header("Authorization", "Bearer wrong")),
            server.send(
                server
                    .request("GET", "/api/v1/status")
                    .header("Authorization", "Basic " + TestServer.LOCAL_TOKEN)));

    assertThat(answers)
        .allSatisfy(answer -> {
          assertThat(answer.status()).isEqualTo(401);
          assertThat(answer.header("www-authenticate")).startsWith("Bearer");
          assertThat(answer.problem()).isEqualTo("unauthenticated");
          assertThat(answer.json().get("detail").asText())
              .isEqualTo("Send the header Authorization: Bearer TOKEN.");
        });
  }

  @Test
  void aForeignNameIsRefusedAndAKnownOneIsNot() {
    for (String host : List.of("evil.example", "localhost.evil.example", "10.1.2.3", "0x7f.1")) {
      var answer = server.send(server.request("GET", "/livez").header("Host", host));
      assertThat(answer.status()).as(host).isEqualTo(421);
      assertThat(answer.problem()).isEqualTo("wrong-host");
    }
    for (String host :
        List.of("localhost", "LOCALHOST:80", "127.9.9.9", "[::1]:3", "claw.example")) {
      var answer = server.send(server.request("GET", "/livez").header("Host", host));
      assertThat(answer.status()).as(host).isEqualTo(200);
    }
  }

  @Test
  void aForeignOriginIsRefusedAndTheOwnOneIsNot() {
    int port = server.server.address().getPort();
    for (String origin :
        List.of("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost:" + port)) {
      var answer = server.send(server.request("GET", "/livez").header("Origin", origin));
      assertThat(answer.status()).as(origin).isEqualTo(403);
      assertThat(answer.problem()).isEqualTo("foreign-origin");
    }
    for (String origin : List.of("http://127.0.0.1:" + port, "https://app.example")) {
      var answer = server.send(server.request("GET", "/livez").header("Origin", origin));
      assertThat(answer.status()).as(origin).isEqualTo(200);
    }
  }

  @Test
  void theNodesOwnRoutesAreThereBehindTheSameChecks() {
    assertThat(server.open("/extra").body()).isEqualTo("extra");
    assertThat(server.open("/extra").header("x-content-type-options")).isEqualTo("nosniff");
    assertThat(server.send(server.request("GET", "/extra").header("Host", "evil")).status())
        .isEqualTo(421);
    assertThat(server.open("/broken").status()).isEqualTo(500);
    assertThat(server.open("/broken").json().get("type").asText())
        .isEqualTo("urn:clawterm:problem:internal");
    assertThat(server.open("/broken").body()).doesNotContain("the test wants it so");
    assertThat(server.open("/broken").problem()).isEqualTo("internal");
    assertThat(server.open("/terminal").status()).isEqualTo(400);
    assertThat(server.open("/terminal").problem()).isEqualTo("bad-request");
  }

  @Test
  void aWebSocketOutlivesTheIdleTimeoutAndIsRefusedToAForeignOrigin() {
    var echoes = new CompletableFuture<String>();
    WebSocket socket = connect("http://127.0.0.1:" + server.server.address().getPort(), echoes);
    long opened = System.nanoTime();
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(500))
        .until(() -> System.nanoTime() - opened > Duration.ofSeconds(7).toNanos());
    socket.sendText("still there", true).join();
    assertThat(echoes.orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).join())
        .isEqualTo("still there");
    socket.abort();

    assertThatThrownBy(() -> connect("https://evil.example", new CompletableFuture<>()))
        .hasCauseInstanceOf(java.net.http.WebSocketHandshakeException.class);
  }

  private static WebSocket connect(String origin, CompletableFuture<String> echoes) {
    return server
        .client
        .newWebSocketBuilder()
        .header("Origin", origin)
        .buildAsync(
            java.net.URI.create("ws" + server.uri("/terminal").toString().substring(4)),
            new WebSocket.Listener() {
              @Override
              public CompletionStage<?> onText(
                  WebSocket webSocket, CharSequence data, boolean last) {
                echoes.complete(data.toString());
                return CompletableFuture.completedFuture(data);
              }
            })
        .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
        .join();
  }

  @Test
  void theStatusTellsOfNodeClusterListenersDatabaseAndSessions() {
    session(0x41, Principal.LOCAL);

    JsonNode status = server.get("/api/v1/status").json();

    assertThat(status.get("version").asText()).isEqualTo("0.1.0<test>");
    assertThat(status.get("uptimeSeconds").asLong()).isEqualTo(90);
    assertThat(status.get("members")).hasSize(1);
    assertThat(status.get("members").get(0).get("status").asText()).isEqualTo("up");
    assertThat(status.get("members").get(0).get("address").asText())
        .isEqualTo(status.get("node").asText());
    assertThat(status.get("listeners").get(0).get("address").asText()).isEqualTo("127.0.0.1:7220");
    assertThat(status.get("database").get("ok").asBoolean()).isTrue();
    assertThat(status.get("sessions").get("open").asLong()).isPositive();
  }

  @Test
  void metricsHaveCommitsAndRequestsButNoIds() {
    session(0x51, Principal.LOCAL);
    server.get("/api/v1/sessions/51");

    var answer = server.open("/metrics");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("content-type")).startsWith("text/plain; version=0.0.4");
    assertThat(answer.body())
        .contains("clawterm_session_commit_seconds_bucket{le=")
        .contains("clawterm_session_entries_total")
        .contains("route=\"/api/v1/sessions/{id}\",status=\"200\"")
        .doesNotContain("sessions/51");
  }

  @Test
  void metricsNeedATokenWhereOthersReachThem() {
    assertThat(endpoints(false))
        .filteredOn(endpoint -> endpoint.path().equals("/metrics"))
        .singleElement()
        .isInstanceOf(Endpoint.Guarded.class);
  }

  private static List<Endpoint> endpoints(boolean loopback) {
    var relay = new SessionRelay(server.node.system, server.node.sessions, LIMIT);
    relay.stop();
    return HttpServer.endpoints(
        server.node.system, TestServer.settings(Map.of()), server.parts, relay, loopback);
  }

  @Test
  void theContractHasEachRouteAndNoOther() {
    List<String> routes =
        endpoints(true).stream().map(e -> e.method().name() + " " + e.path()).toList();
    String contract = server.open("/api/v1/openapi.yaml").body();

    List<String> promised = new ArrayList<>();
    String path = "";
    boolean inPaths = false;
    for (String line : contract.lines().toList()) {
      if (!line.isEmpty() && line.charAt(0) != ' ') {
        inPaths = line.equals("paths:");
      } else if (inPaths && line.matches("  /.*:")) {
        path = line.strip().replaceAll(":$", "");
      } else if (inPaths && line.matches("    (get|put|post|delete|patch):")) {
        promised.add(line.strip().replace(":", "").toUpperCase(java.util.Locale.ROOT) + " " + path);
      }
    }

    assertThat(promised).containsExactlyInAnyOrderElementsOf(routes).hasSizeGreaterThan(8);
  }

  @Test
  void theStartPageNeedsNoScriptAndAllowsOnlyItsOwnStyle() throws Exception {
    var page = server.open("/");

    assertThat(page.header("content-type")).startsWith("text/html");
    assertThat(page.body()).contains("ClawTerm 0.1.0&lt;test&gt;").doesNotContain("<script");
    String style =
        page.body().substring(page.body().indexOf("<style>") + 7, page.body().indexOf("</style>"));
    byte[] hash =
        MessageDigest.getInstance("SHA-256")
            .digest(style.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    assertThat(page.header("content-security-policy"))
        .startsWith("default-src 'none'; style-src 'sha256-")
        .contains(Base64.getEncoder().encodeToString(hash));
  }

  @Test
  void whatIsWrongWithARequestIsTold() {
    assertThat(server.get("/nowhere").problem()).isEqualTo("not-found");
    assertThat(server.get("/api/v1/sessions/").problem()).isEqualTo("not-found");
    for (String query : List.of("limit=0", "limit=101", "limit=x", "cursor=%21", "state=gone")) {
      var answer = server.get("/api/v1/sessions?" + query);
      assertThat(answer.status()).as(query).isEqualTo(400);
      assertThat(answer.problem()).isEqualTo("invalid-parameter");
    }
    var post = server.send(server.request("POST", "/api/v1/sessions/1"));
    assertThat(post.status()).isEqualTo(405);
    assertThat(post.header("allow")).isEqualTo("GET, DELETE");
    var large =
        server.send(
            HttpRequest.newBuilder(server.uri("/livez"))
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[70_000])));
    assertThat(large.status()).isEqualTo(413);
    assertThat(large.problem()).isEqualTo("body-too-large");
    assertThat(server.send(server.request("HEAD", "/livez")).status()).isEqualTo(200);
  }

  @Test
  void aRequestThatTakesTooLongIsAnsweredForAllThat() {
    try (TestServer own = new TestServer(server.node, server.database, TestServer.registry())) {
      var answer = own.open("/slow");

      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.problem()).isEqualTo("timed-out");
    }
  }

  @Test
  void aStopLetsARunningRequestEndAndTakesNoNewOne() {
    TestServer own = new TestServer(server.node, server.database, TestServer.registry());
    var running =
        own.client.sendAsync(
            own.request("GET", "/slow").build(),
            java.net.http.HttpResponse.BodyHandlers.ofString());
    own.open("/extra");
    CompletableFuture<?> stopped = own.server.stop().toCompletableFuture();
    await()
        .atMost(LIMIT)
        .untilAsserted(() ->
            assertThatThrownBy(() -> own.open("/extra")).hasCauseInstanceOf(IOException.class));
    assertThat(stopped).isNotDone();

    own.slow.complete(HttpResponse.create().withEntity("at last"));

    assertThat(running.orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).join().body())
        .isEqualTo("at last");
    stopped.orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).join();
    assertThat(own.server.stop().toCompletableFuture()).isCompleted();
    assertThatThrownBy(() -> own.open("/extra")).hasCauseInstanceOf(ConnectException.class);
    own.close();
  }

  @Test
  void aStartThatIsNotSafeOrNotPossibleIsRefused() {
    assertThatThrownBy(() -> start(Map.of("host", "0.0.0.0")))
        .hasRootCauseMessage(
            "clawterm.http.host is 0.0.0.0, which others can reach, and there is no TLS. Switch"
                + " TLS on, listen on 127.0.0.1, or set clawterm.http.allow-plaintext behind a"
                + " proxy with TLS.");
    assertThatThrownBy(() -> start(Map.of("port", server.server.address().getPort())))
        .hasCauseInstanceOf(HttpStartException.class)
        .hasMessageContaining("the port is in use");
  }

  private static void start(Map<String, ?> changes) {
    HttpServer.start(server.node.system, TestServer.settings(changes), server.parts)
        .toCompletableFuture()
        .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
        .join();
  }

  @Test
  void itSpeaksTls() throws Exception {
    try (TestServer own =
        new TestServer(
            server.node,
            server.database,
            TestServer.registry(),
            Optional.of(TestTls.context(folder)))) {
      assertThat(own.open("/livez").status()).isEqualTo(200);
      assertThat(own.open("/livez").response().sslSession()).isPresent();
    }
  }
}
