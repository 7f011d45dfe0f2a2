package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.DispatcherSelector;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.BundleSettings;
import io.clawterm.session.BundleSigner;
import io.clawterm.session.ClusterBundles;
import io.clawterm.session.LogEntry;
import io.clawterm.session.SessionBundles;
import io.clawterm.storage.ClusterSecrets;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions that go out of one server as files and into another one. */
class BundleApiTest {

  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir static Path home;
  @TempDir static Path away;

  private static TestDatabase homeDatabase;
  private static TestDatabase awayDatabase;
  private static TestNode homeNode;
  private static TestNode awayNode;
  private static TestServer here;
  private static TestServer there;

  @BeforeAll
  static void start() {
    homeDatabase = new TestDatabase(home);
    awayDatabase = new TestDatabase(away);
    homeNode = new TestNode(homeDatabase, new ManualClock());
    awayNode = new TestNode(awayDatabase, new ManualClock());
    here = new TestServer(homeNode, homeDatabase, TestServer.registry());
    there = new TestServer(awayNode, awayDatabase, TestServer.registry());
  }

  @AfterAll
  static void stop() {
    here.close();
    there.close();
    homeNode.close();
    awayNode.close();
    homeDatabase.close();
    awayDatabase.close();
  }

  /** A session of two messages and two answers, which its key leads to. */
  private static SessionId talk(TestNode node, String key) {
    SessionId id = resolved(node, key);
    var device = node.connect(id, "phone", Principal.LOCAL, Optional.of(key), Optional.empty());
    device.says("one");
    device.says("two");
    await().atMost(LIMIT).until(() -> node.logOf(id).size() == 4);
    return id;
  }

  private static SessionId resolved(TestNode node, String key) {
    return node.sessions
        .resolve(Principal.LOCAL, Optional.of(key), Optional.empty(), Optional.empty())
        .toCompletableFuture()
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  private static HttpResponse<byte[]> export(TestServer server, SessionId id) throws Exception {
    return export(server, id, TestServer.LOCAL_TOKEN);
  }

  private static HttpResponse<byte[]> export(TestServer server, SessionId id, String token)
      throws IOException, InterruptedException {
    return server.client.send(
        server
            .request("GET", "/api/v1/sessions/" + id + "/bundle")
            .header("Authorization", "Bearer " + token)
            .build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }

  private static String signer(HttpResponse<byte[]> export) {
    return export.headers().firstValue("X-ClawTerm-Signer").orElse("");
  }

  private static TestServer.Answer post(TestServer server, byte[] bundle, String query) {
    return post(server, bundle, query, TestServer.LOCAL_TOKEN);
  }

  private static TestServer.Answer post(
      TestServer server, byte[] bundle, String query, String token) {
    return server.send(
        HttpRequest.newBuilder(server.uri("/api/v1/sessions/bundles" + query))
            .timeout(LIMIT)
            .header("Authorization", "Bearer " + token)
            .POST(HttpRequest.BodyPublishers.ofByteArray(bundle)));
  }

  @Test
  void aSessionMovesWithItsLogItsKeyAndItsId() throws Exception {
    SessionId id = talk(homeNode, "k701");
    HttpResponse<byte[]> bundle = export(here, id);
    assertThat(bundle.statusCode()).isEqualTo(200);

    TestServer.Answer answer = post(there, bundle.body(), "?trust=" + signer(bundle));

    assertThat(answer.status()).as(answer.body()).isEqualTo(201);
    JsonNode result = answer.json();
    assertThat(result.path("id").asText()).isEqualTo(id.toString());
    assertThat(result.path("key").asText()).isEqualTo("k701");
    assertThat(resolved(awayNode, "k701")).isEqualTo(id);
    assertThat(result.path("headNumber").asLong()).isEqualTo(4);
    assertThat(result.path("signer").asText()).isEqualTo(signer(bundle));
    assertThat(result.has("thereState")).isFalse();
    assertThat(awayNode.logOf(id)).isEqualTo(homeNode.logOf(id));
    var device =
        awayNode.connect(id, "laptop", Principal.LOCAL, Optional.of("k701"), Optional.empty());
    device.says("three");
    await().atMost(LIMIT).until(() -> awayNode.logOf(id).size() == 6);
    await().atMost(LIMIT).until(() -> there.get("/api/v1/sessions/" + id).status() == 200);
    assertThat(there.get("/api/v1/sessions/" + id).json().path("createdAt").asText())
        .isEqualTo(here.get("/api/v1/sessions/" + id).json().path("createdAt").asText());
  }

  @Test
  void theSameFileTwiceIsOneSessionAndAnUnchangedSessionOneFile() throws Exception {
    SessionId id = talk(homeNode, "k702");
    HttpResponse<byte[]> bundle = export(here, id);
    String trust = "?trust=" + signer(bundle).replace(":", "").toLowerCase(java.util.Locale.ROOT);
    post(there, bundle.body(), trust);

    TestServer.Answer again = post(there, bundle.body(), trust);

    assertThat(again.status()).isEqualTo(200);
    assertThat(again.json().path("created").asBoolean()).isFalse();
    assertThat(again.json().path("id").asText()).isEqualTo(id.toString());
    assertThat(export(here, id).body()).isEqualTo(bundle.body());
  }

  @Test
  void whereTheIdIsInUseTheSameFileFindsTheSameOtherOne() throws Exception {
    SessionId id = talk(homeNode, "k703");
    byte[] bundle = export(here, id).body();

    JsonNode first = post(here, bundle, "").json();
    JsonNode second = post(here, bundle, "").json();

    assertThat(first.path("created").asBoolean()).isTrue();
    assertThat(first.path("id").asText()).isNotEqualTo(id.toString());
    assertThat(first.path("idInBundle").asText()).isEqualTo(id.toString());
    assertThat(first.path("thereState").asText()).isEqualTo("open");
    assertThat(first.path("thereHeadNumber").asLong()).isEqualTo(4);
    assertThat(first.path("key").asText()).startsWith("k703-");
    assertThat(resolved(homeNode, "k703")).isEqualTo(id);
    assertThat(second.path("id")).isEqualTo(first.path("id"));
    assertThat(second.path("created").asBoolean()).isFalse();
    List<LogEntry> log = homeNode.logOf(SessionId.of(first.path("id").asText()));
    assertThat(log).isEqualTo(homeNode.logOf(id));
  }

  @Test
  void aKeyWhoseSessionIsOverLeadsToTheOneThatComesBack() throws Exception {
    SessionId id = talk(homeNode, "k704");
    byte[] bundle = export(here, id).body();
    assertThat(
            here.send(
                    here.request("DELETE", "/api/v1/sessions/" + id)
                        .header("Authorization", "Bearer " + TestServer.LOCAL_TOKEN))
                .status())
        .isEqualTo(204);

    JsonNode back = post(here, bundle, "").json();

    assertThat(back.path("id").asText()).isNotEqualTo(id.toString());
    assertThat(back.path("thereState").asText()).isEqualTo("ended");
    assertThat(back.path("key").asText()).isEqualTo("k704");
    assertThat(resolved(homeNode, "k704")).isEqualTo(SessionId.of(back.path("id").asText()));
  }

  @Test
  void anotherOwnersBundleBelongsToWhoImportsIt() throws Exception {
    SessionId id = talk(homeNode, "k705");
    HttpResponse<byte[]> bundle = export(here, id);

    JsonNode mine = post(there, bundle.body(), "?trust=" + signer(bundle)).json();
    JsonNode mays =
        post(there, bundle.body(), "?trust=" + signer(bundle), TestServer.MAY_TOKEN).json();

    assertThat(mine.path("id").asText()).isEqualTo(id.toString());
    assertThat(mays.path("created").asBoolean()).isTrue();
    assertThat(mays.path("id").asText()).isNotEqualTo(id.toString());
    assertThat(mays.has("thereState")).as("nothing is told of somebody else's").isFalse();
    SessionId mayId = SessionId.of(mays.path("id").asText());
    assertThat(export(there, mayId, TestServer.MAY_TOKEN).statusCode()).isEqualTo(200);
    assertThat(export(there, mayId).statusCode()).isEqualTo(404);
  }

  @Test
  void anOpenRunGoesOnWhereItIsImported() throws Exception {
    SessionId id = new SessionId(0x706);
    homeNode.connect(id, "phone").says("start");
    await().atMost(LIMIT).until(() -> homeNode.logOf(id).size() == 2);
    HttpResponse<byte[]> bundle = export(here, id);

    JsonNode result = post(there, bundle.body(), "?trust=" + signer(bundle)).json();

    assertThat(result.path("runOpen").asBoolean()).isTrue();
    await()
        .atMost(LIMIT)
        .until(() ->
            awayNode.target.lives.stream()
                .anyMatch(life ->
                    life.id().equals(id) && life.memo().stream().anyMatch(memo -> memo.open())));
  }

  @Test
  void messagesThatWaitGoAlong() throws Exception {
    SessionId id = new SessionId(0x707);
    homeNode.connect(id, "phone").says("wait");
    await().atMost(LIMIT).until(() -> homeNode.logOf(id).size() == 1);
    HttpResponse<byte[]> bundle = export(here, id);

    JsonNode result = post(there, bundle.body(), "?trust=" + signer(bundle)).json();

    assertThat(new String(bundle.body(), StandardCharsets.UTF_8)).contains("\"input\":1");
    assertThat(result.path("runOpen").asBoolean()).isTrue();
    byte[] again = export(there, id).body();
    assertThat(withoutHead(again)).isEqualTo(withoutHead(bundle.body()));
  }

  /** All but the manifest, which has the signer, and the signature. */
  private static List<String> withoutHead(byte[] bundle) {
    List<String> lines = new String(bundle, StandardCharsets.UTF_8).lines().toList();
    return lines.subList(1, lines.size() - 1);
  }

  @Test
  void nothingIsStoredOfABundleWithAWrongByte() throws Exception {
    SessionId id = talk(homeNode, "k708");
    HttpResponse<byte[]> bundle = export(here, id);
    var random = new Random(7);

    for (int i = 0; i < 60; i++) {
      byte[] bad = bundle.body().clone();
      bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      TestServer.Answer refused = post(there, bad, "?trust=" + signer(bundle));
      assertThat(refused.status()).isIn(403, 422);
      assertThat(refused.problem()).isIn("damaged-bundle", "newer-bundle", "unknown-signer");
    }

    assertThat(
            awayDatabase.value(
                "SELECT count(*) FROM clawterm.event_journal WHERE persistence_id = 'session|"
                    + id
                    + "'"))
        .isEqualTo("0");
  }

  @Test
  void eachRefusalHasAReason() throws Exception {
    SessionId id = talk(homeNode, "k709");
    HttpResponse<byte[]> bundle = export(here, id);
    byte[] body = bundle.body();
    String text = new String(body, StandardCharsets.UTF_8);

    TestServer.Answer unknown = post(there, body, "");
    assertThat(unknown.status()).isEqualTo(403);
    assertThat(unknown.problem()).isEqualTo("unknown-signer");
    assertThat(unknown.json().path("detail").asText()).contains(signer(bundle));
    assertThat(post(there, body, "?trust=" + "00".repeat(32)).problem())
        .isEqualTo("unknown-signer");
    assertThat(post(there, body, "?trust=me").problem()).isEqualTo("invalid-parameter");
    TestServer.Answer newer =
        post(
            there,
            text.replace("\"clawterm-bundle\":1", "\"clawterm-bundle\":9")
                .getBytes(StandardCharsets.UTF_8),
            "");
    assertThat(newer.status()).isEqualTo(422);
    assertThat(newer.problem()).isEqualTo("newer-bundle");
    assertThat(post(there, new byte[0], "").problem()).isEqualTo("damaged-bundle");
    TestServer.Answer large = post(there, new byte[(int) TestNode.MAX_BUNDLE_BYTES + 1], "");
    assertThat(large.status()).isEqualTo(413);
    assertThat(large.problem()).isEqualTo("body-too-large");
    assertThat(post(there, body, "", "wrong").status()).isEqualTo(401);
    assertThat(export(here, id, TestServer.MAY_TOKEN).statusCode()).isEqualTo(404);
    assertThat(export(here, new SessionId(0x7ff)).statusCode()).isEqualTo(404);
  }

  @Test
  void twoImportsOfOneFileAtOnceMakeOneSession() throws Exception {
    SessionId id = talk(homeNode, "k70d");
    HttpResponse<byte[]> bundle = export(here, id);
    var first = postLater(there, bundle.body(), "?trust=" + signer(bundle));
    var second = postLater(there, bundle.body(), "?trust=" + signer(bundle));

    JsonNode one = first.get(60, TimeUnit.SECONDS).json();
    JsonNode other = second.get(60, TimeUnit.SECONDS).json();

    assertThat(one.path("id").asText()).as(one.toString()).isEqualTo(id.toString());
    assertThat(other.path("id").asText()).as(other.toString()).isEqualTo(id.toString());
    assertThat(awayNode.logOf(id)).isEqualTo(homeNode.logOf(id));
  }

  private static CompletableFuture<TestServer.Answer> postLater(
      TestServer server, byte[] bundle, String query) {
    return CompletableFuture.supplyAsync(() -> post(server, bundle, query));
  }

  @Test
  void anUploadMayTakeLongerThanOtherRequests() throws Exception {
    SessionId id = talk(homeNode, "k70e");
    HttpResponse<byte[]> bundle = export(here, id);
    byte[] body = bundle.body();
    Duration longer = TestServer.settings(java.util.Map.of()).requestTimeout().plusMillis(500);
    var ends = CompletableFuture.delayedExecutor(longer.toMillis(), TimeUnit.MILLISECONDS);
    var end = CompletableFuture.supplyAsync(() -> Arrays.copyOfRange(body, 100, body.length), ends);

    TestServer.Answer answer =
        there.send(
            HttpRequest.newBuilder(there.uri("/api/v1/sessions/bundles?trust=" + signer(bundle)))
                .timeout(LIMIT)
                .header("Authorization", "Bearer " + TestServer.LOCAL_TOKEN)
                .POST(
                    HttpRequest.BodyPublishers.concat(
                        HttpRequest.BodyPublishers.ofByteArray(body, 0, 100),
                        HttpRequest.BodyPublishers.ofInputStream(
                            () -> new ByteArrayInputStream(end.join())))));

    assertThat(answer.status()).as(answer.body()).isEqualTo(201);
  }

  @Test
  void aBodyWithoutALengthIsBoundedAsWell() {
    TestServer.Answer refused =
        there.send(
            HttpRequest.newBuilder(there.uri("/api/v1/sessions/bundles"))
                .timeout(LIMIT)
                .header("Authorization", "Bearer " + TestServer.LOCAL_TOKEN)
                .POST(
                    HttpRequest.BodyPublishers.ofInputStream(() ->
                        new ByteArrayInputStream(new byte[(int) TestNode.MAX_BUNDLE_BYTES + 1]))));

    assertThat(refused.status()).isEqualTo(413);
  }

  @Test
  void noSecretIsInABundle() throws Exception {
    SessionId id = talk(homeNode, "k70a");

    String text = new String(export(here, id).body(), StandardCharsets.UTF_8);

    assertThat(text).doesNotContain("incarnation", "generation", "token", "owner", "tenant");
  }

  @Test
  void aSignerThatTheOperatorTrustsNeedsNoWordOfTheCaller() throws Exception {
    SessionId id = talk(homeNode, "k70b");
    HttpResponse<byte[]> bundle = export(here, id);
    var trusting = bundles(awayNode, 1, List.of(signer(bundle)));

    assertThat(done(trusting.importFrom(Principal.LOCAL, content(bundle.body()), Optional.empty())))
        .isInstanceOf(SessionBundles.Import.Done.class);
  }

  @Test
  void moreImportsThanAllowedAreToldToComeAgain() throws Exception {
    SessionId id = talk(homeNode, "k70c");
    byte[] bundle = export(here, id).body();
    var one = bundles(homeNode, 1, List.of());
    Executor blocking = homeNode.system.dispatchers().lookup(DispatcherSelector.blocking());
    var gate = new CountDownLatch(1);
    for (int i = 0; i < 64; i++) { // more than there are threads: the first import waits for one
      blocking.execute(() -> awaitOpen(gate));
    }

    try {
      var waiting = one.importFrom(Principal.LOCAL, content(bundle), Optional.empty());
      var refused = done(one.importFrom(Principal.LOCAL, content(bundle), Optional.empty()));
      gate.countDown();

      assertThat(refused).isEqualTo(new SessionBundles.Import.Busy());
      assertThat(done(waiting)).isInstanceOf(SessionBundles.Import.Done.class);
      assertThat(done(one.importFrom(Principal.LOCAL, content(bundle), Optional.empty())))
          .isInstanceOf(SessionBundles.Import.Done.class);
    } finally {
      gate.countDown();
    }
  }

  private static void awaitOpen(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static ClusterBundles bundles(TestNode node, int maxImports, List<String> trusted) {
    TestDatabase database = node == homeNode ? homeDatabase : awayDatabase;
    return new ClusterBundles(
        node.system,
        node.log,
        BundleSigner.ofSeed(ClusterSecrets.getOrCreate(database.pool, "bundle-key", 32)),
        new BundleSettings(
            TestNode.MAX_BUNDLE_BYTES, TestNode.MAX_WAITING_BYTES, maxImports, trusted));
  }

  private static Source<ByteString, ?> content(byte[] bytes) {
    return Source.single(ByteString.fromArray(bytes));
  }

  private static SessionBundles.Import done(CompletionStage<SessionBundles.Import> stage)
      throws Exception {
    return stage.toCompletableFuture().get(60, TimeUnit.SECONDS);
  }
}
