package io.clawterm.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.clawterm.testkit.ReceivedRequest.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ScriptedModelServerTest {

  private static final String QUESTION =
      "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,"
          + "\"messages\":[{\"role\":\"user\",\"content\":\"what is it\"}]}";

  private final ScriptedModelServer server = ScriptedModelServer.start(Script.echo());
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  @AfterEach
  void stop() {
    server.close();
    client.shutdownNow();
  }

  private HttpRequest request(String path, String body) {
    return HttpRequest.newBuilder(URI.create(server.url() + path))
        .header("Authorization", "Bearer right")
        .header("x-api-key", "right")
        .header("anthropic-version", "2023-06-01")
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  private HttpResponse<String> post(String path, String body)
      throws IOException, InterruptedException {
    return client.send(request(path, body), BodyHandlers.ofString());
  }

  private ReceivedRequest last() {
    return server.requests().getLast();
  }

  @Test
  void aChatCompletionIsStreamedAndKeptInTheHistory() throws Exception {
    HttpResponse<String> response = post("/v1/chat/completions", QUESTION);

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body())
        .contains("\"content\":\"what \"", "\"content\":\"is \"", "\"content\":\"it\"")
        .contains("\"finish_reason\":\"stop\"")
        .doesNotContain("usage")
        .endsWith("data: [DONE]\n\n");
    assertThat(last().number()).isEqualTo(1);
    assertThat(last().model()).isEqualTo("m");
    assertThat(last().turns()).containsExactly(new ReceivedTurn("user", "what is it"));
    assertThat(last().headers()).containsEntry("authorization", "***");
    assertThat(last().toString()).doesNotContain("right");
    assertThat(last().chunksSent()).isEqualTo(3);
    assertThat(last().outcome()).isInstanceOf(Outcome.Completed.class);
  }

  @Test
  void messagesAreStreamedInTheirOrderOfEvents() throws Exception {
    server.always(Script.answer("a", "b").thinkingFirst("hm"));

    HttpResponse<String> response = post("/v1/messages", QUESTION);

    assertThat(response.body().lines().filter(line -> line.startsWith("event: ")))
        .containsExactly(
            "event: message_start",
            "event: content_block_start",
            "event: ping",
            "event: content_block_delta",
            "event: content_block_delta",
            "event: content_block_stop",
            "event: content_block_start",
            "event: ping",
            "event: content_block_delta",
            "event: content_block_delta",
            "event: content_block_stop",
            "event: message_delta",
            "event: message_stop");
  }

  @Test
  void scriptsComeInTheirOrderAndThenTheUsualOne() throws Exception {
    server.next(Script.refuse(429, Map.of("Retry-After", "7"), ""), Script.turnCount());

    HttpResponse<String> refused = post("/v1/messages", QUESTION);
    HttpResponse<String> counted = post("/v1/messages", QUESTION);
    HttpResponse<String> echoed = post("/v1/messages", QUESTION);

    assertThat(refused.statusCode()).isEqualTo(429);
    assertThat(refused.headers().firstValue("retry-after")).contains("7");
    assertThat(refused.body()).contains("rate_limit_error");
    assertThat(counted.body()).contains("\"text\":\"turn \"", "\"text\":\"1\"");
    assertThat(echoed.body()).contains("\"text\":\"what \"");
    assertThat(server.requests().getFirst().outcome()).isInstanceOf(Outcome.Refused.class);
  }

  @Test
  void aWrongKeyIsRefused() throws Exception {
    server.requireKey("another");

    assertThat(post("/v1/chat/completions", QUESTION).statusCode()).isEqualTo(401);
    assertThat(post("/v1/messages", QUESTION).statusCode()).isEqualTo(401);
  }

  @Test
  void whatTheRealProvidersRefuseIsRefused() throws Exception {
    String ending = QUESTION.replace("\"user\"", "\"assistant\"");

    assertThat(post("/v1/messages", ending).body()).contains("must end with a user message");
    assertThat(post("/v1/messages", "{").statusCode()).isEqualTo(400);
    assertThat(post("/v1/messages", QUESTION.replace("max_tokens", "max")).statusCode())
        .isEqualTo(400);
    assertThat(post("/v1/other", QUESTION).statusCode()).isEqualTo(404);
  }

  @Test
  void aPrefixOfTheAssistantIsGoneOnFrom() throws Exception {
    server.always(Script.counted(5));
    String body =
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
            + "{\"role\":\"assistant\",\"content\":\"1 2 \"}]}";

    HttpResponse<String> response = post("/v1/chat/completions", body);

    assertThat(response.body())
        .doesNotContain("\"content\":\" 2\"")
        .contains("\"content\":\"3\"", "\"content\":\" 4\"", "\"content\":\" 5\"");
  }

  @Test
  void aCutEndsTheBodyInTheMiddleOfAnEvent() {
    server.always(Script.counted(5).cutAfter(2));

    assertThatThrownBy(() -> post("/v1/chat/completions", QUESTION))
        .isInstanceOf(IOException.class);
    assertThat(last().chunksSent()).isEqualTo(2);
    assertThat(last().outcome()).isInstanceOf(Outcome.Cut.class);
  }

  @Test
  void invalidJsonComesAfterTheGivenChunks() throws Exception {
    server.always(Script.counted(5).invalidJsonAfter(2));

    assertThat(post("/v1/chat/completions", QUESTION).body())
        .contains("\"content\":\" 2\"", "this is not JSON")
        .doesNotContain("\"content\":\" 3\"");
  }

  @Test
  void aClientThatLeavesAStallIsNoted() throws Exception {
    server.always(Script.counted(5).stallingAfter(1));
    HttpResponse<InputStream> response =
        client.send(request("/v1/chat/completions", QUESTION), BodyHandlers.ofInputStream());
    await().until(() -> last().chunksSent() == 1);
    assertThat(last().outcome()).isInstanceOf(Outcome.Running.class);

    response.body().close();

    await().untilAsserted(() -> assertThat(last().outcome()).isInstanceOf(Outcome.Cancelled.class));
  }

  @Test
  void theFirstByteWaitsAsLongAsTheScriptSays() throws Exception {
    server.always(Script.echo().withFirstByteDelay(Duration.ofMillis(200)));
    long before = System.nanoTime();

    post("/v1/chat/completions", QUESTION);

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThan(Duration.ofMillis(200));
  }

  @Test
  void fillerIsAsLongAsItSays() throws Exception {
    server.always(Script.filler(10 << 20));

    HttpResponse<byte[]> response =
        client.send(request("/v1/chat/completions", QUESTION), BodyHandlers.ofByteArray());

    assertThat(response.body().length).isGreaterThan(10 << 20);
    assertThat(new String(response.body(), StandardCharsets.UTF_8)).endsWith("[DONE]\n\n");
  }

  @Test
  void ollamasModelsAreListed() throws Exception {
    server.withOllamaModels("llama3:8b");

    HttpResponse<String> response =
        client.send(
            HttpRequest.newBuilder(URI.create(server.url() + "/api/tags")).build(),
            BodyHandlers.ofString());

    assertThat(response.body()).contains("\"name\":\"llama3:8b\"");
  }

  @Test
  void closingCutsWhatIsUnderWay() throws Exception {
    server.always(Script.counted(5).stallingAfter(1));
    client.send(request("/v1/messages", QUESTION), BodyHandlers.ofInputStream());

    server.close();

    assertThat(last().outcome()).isInstanceOf(Outcome.Cut.class);
  }
}
