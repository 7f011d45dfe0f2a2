package io.clawterm.model;

import akka.NotUsed;
import akka.actor.ClassicActorSystemProvider;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.headers.RawHeader;
import akka.stream.javadsl.Source;
import io.clawterm.config.Secret;
import io.clawterm.telemetry.Tracing;
import java.util.ArrayList;
import java.util.List;

/** Anthropic's Messages API. */
public final class AnthropicProvider implements ModelProvider {

  static final String DEFAULT_BASE_URL = "https://api.anthropic.com";
  private static final String API_VERSION = "2026-10-21";

  private final StreamingCall call;
  private final String path;

  /** A provider without traces. */
  public AnthropicProvider(
      ClassicActorSystemProvider system, ModelSettings settings, String baseUrl, Secret key) {
    this(system, settings, baseUrl, key, Tracing.OFF);
  }

  /**
   * A provider at a base URL such as {@code https://api.anthropic.com}, with or without {@code
   * /v1}; an empty key sends none. Throws {@link IllegalArgumentException} where the URL isn't one.
   */
  public AnthropicProvider(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      String baseUrl,
      Secret key,
      Tracing tracing) {
    Endpoint endpoint = Endpoint.of(baseUrl);
    var failures = new Failures("Anthropic", "ANTHROPIC_API_KEY", key.value(), endpoint);
    List<HttpHeader> headers = new ArrayList<>();
    headers.add(RawHeader.create("anthropic-version", API_VERSION));
    if (!key.value().isEmpty()) {
      headers.add(RawHeader.create("x-api-key", key.value()));
    }
    this.call =
        new StreamingCall(
            system,
            settings,
            endpoint,
            failures,
            headers,
            new ModelSpans(tracing, name(), endpoint));
    this.path = endpoint.path().endsWith("/v1") ? "/messages" : "/v1/messages";
  }

  @Override
  public String name() {
    return "anthropic";
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    return call.post(request, path, AnthropicMessages.body(request), AnthropicMessages::new);
  }

  /** Claude 4.6 and later refuse a conversation that ends with the assistant's text. */
  @Override
  public Continuation continuation() {
    return Continuation.RESTART;
  }
}
