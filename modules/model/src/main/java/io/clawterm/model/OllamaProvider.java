package io.clawterm.model;

import akka.NotUsed;
import akka.actor.ClassicActorSystemProvider;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.stream.Materializer;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.telemetry.Tracing;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Ollama: models on a machine of one's own, through its Chat Completions. */
public final class OllamaProvider implements ModelProvider {

  static final String DEFAULT_HOST = "127.0.0.1:11434";
  private static final long MAX_LIST_BYTES = 1 << 20;

  private final StreamingCall call;

  /** A provider without traces. */
  public OllamaProvider(
      ClassicActorSystemProvider system, ModelSettings settings, String ollamaHost) {
    this(system, settings, ollamaHost, Tracing.OFF);
  }

  /**
   * A provider at a host as in {@code OLLAMA_HOST}, such as {@code 127.0.0.1:11434}. Throws {@link
   * IllegalArgumentException} where it isn't one.
   */
  public OllamaProvider(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      String ollamaHost,
      Tracing tracing) {
    Endpoint endpoint = Endpoint.ofOllama(ollamaHost);
    var failures = new Failures("Ollama", "OLLAMA_HOST", "", endpoint);
    this.call =
        new StreamingCall(
            system,
            settings,
            endpoint,
            failures,
            List.of(),
            new ModelSpans(tracing, name(), endpoint));
  }

  @Override
  public String name() {
    return "ollama";
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    return call.post(
        request,
        "/v1/chat/completions",
        ChatCompletions.body(request, "max_tokens"),
        ChatCompletions::new);
  }

  @Override
  public Continuation continuation() {
    return Continuation.PREFIX;
  }

  /**
   * The models that can hold a conversation, the one changed last first. Fails where nothing
   * answers as Ollama does within the probe's time-out.
   */
  static CompletionStage<List<String>> models(
      ClassicActorSystemProvider system, ModelSettings settings, String ollamaHost) {
    Endpoint endpoint = Endpoint.ofOllama(ollamaHost);
    Duration limit = settings.ollamaProbeTimeout();
    return new ProviderConnection()
        .send(
            system,
            endpoint,
            limit,
            limit,
            HttpRequest.GET(endpoint.path() + "/api/tags"),
            OllamaProvider::body)
        .completionTimeout(limit)
        .map(body -> names(Json.object(body.utf8String())))
        .runWith(Sink.head(), Materializer.matFromSystem(system));
  }

  private static Source<ByteString, Object> body(HttpResponse response) {
    if (response.status().intValue() != 200) {
      throw new MalformedAnswerException("the list of models has status " + response.status());
    }
    return response
        .entity()
        .withSizeLimit(MAX_LIST_BYTES)
        .getDataBytes()
        .fold(ByteString.emptyByteString(), (all, more) -> all.concat(more));
  }

  private static List<String> names(JsonNode list) {
    List<String> names = new ArrayList<>();
    for (JsonNode model : list.path("models")) {
      String name = model.path("name").asText("");
      if (!name.isEmpty() && !isEmbedding(name, model.path("details").path("family").asText(""))) {
        names.add(name);
      }
    }
    return names;
  }

  /** Models for search only can't answer; the list doesn't say so other than by these names. */
  private static boolean isEmbedding(String name, String family) {
    return name.contains("embed") || family.contains("bert");
  }
}
