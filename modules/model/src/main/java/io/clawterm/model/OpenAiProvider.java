package io.clawterm.model;

import akka.NotUsed;
import akka.actor.ClassicActorSystemProvider;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.headers.RawHeader;
import akka.stream.javadsl.Source;
import io.clawterm.config.Secret;
import io.clawterm.telemetry.Tracing;
import java.util.List;

/** OpenAI, or a server that is compatible with its Chat Completions. */
public final class OpenAiProvider implements ModelProvider {

  static final String DEFAULT_BASE_URL = "https://api.openai.com/v1";

  private final StreamingCall call;
  private final String limitName;

  /** A provider without traces. */
  public OpenAiProvider(
      ClassicActorSystemProvider system, ModelSettings settings, String baseUrl, Secret key) {
    this(system, settings, baseUrl, key, Tracing.OFF);
  }

  /**
   * A provider at a base URL such as {@code https://api.openai.com/v1}; an empty key sends none.
   * Throws {@link IllegalArgumentException} where the URL isn't one.
   */
  public OpenAiProvider(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      String baseUrl,
      Secret key,
      Tracing tracing) {
    Endpoint endpoint = Endpoint.of(baseUrl);
    var failures = new Failures("OpenAI", "OPENAI_API_KEY", key.value(), endpoint);
    List<HttpHeader> headers =
        key.value().isEmpty()
            ? List.of()
            : List.of(RawHeader.create("Authorization", "Bearer " + key.value()));
    this.call =
        new StreamingCall(
            system,
            settings,
            endpoint,
            failures,
            headers,
            new ModelSpans(tracing, name(), endpoint));
    // OpenAI's newer models refuse the old name; many compatible servers don't know the new one.
    this.limitName =
        endpoint.host().equals("api.openai.com") ? "max_completion_tokens" : "max_tokens";
  }

  @Override
  public String name() {
    return "openai";
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    return call.post(
        request,
        "/chat/completions",
        ChatCompletions.body(request, limitName),
        ChatCompletions::new);
  }

  /** OpenAI takes text of the assistant at the end for a turn of its own, not for a beginning. */
  @Override
  public Continuation continuation() {
    return Continuation.RESTART;
  }
}
