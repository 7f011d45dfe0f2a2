package io.clawterm.model;

import akka.NotUsed;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.headers.RawHeader;
import akka.stream.javadsl.Source;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A span for each request to one provider: from the demand for its answer to the answer's end, in
 * the names of {@link GenAi}.
 */
final class ModelSpans {

  private final Tracing tracing;
  private final String provider;
  private final Endpoint endpoint;

  ModelSpans(Tracing tracing, String provider, Endpoint endpoint) {
    this.tracing = tracing;
    this.provider = provider;
    this.endpoint = endpoint;
  }

  /**
   * The answer that {@code call} gives, within a span of its own for each materialization.
   *
   * @param call is given the header that tells the provider of the trace, where it is to be told
   */
  Source<ModelChunk, NotUsed> around(
      ModelRequest request, Function<Optional<HttpHeader>, Source<ModelChunk, NotUsed>> call) {
    if (!tracing.isOn()) {
      return call.apply(Optional.empty());
    }
    return Source.lazySource(
            () -> {
              Call span = new Call(start(request));
              return call.apply(header(span.span))
                  .map(span::passed)
                  .watchTermination((used, terminated) -> {
                    var unused = terminated.whenComplete((done, failure) -> span.ended(failure));
                    return used;
                  });
            })
        .mapMaterializedValue(created -> NotUsed.getInstance());
  }

  private Span start(ModelRequest request) {
    Optional<ModelRequest.Origin> origin = request.origin();
    SpanBuilder span =
        tracing
            .span(
                GenAi.CHAT + " " + request.model(),
                SpanKind.CLIENT,
                origin.map(ModelRequest.Origin::trace))
            .setAttribute(GenAi.OPERATION_NAME, GenAi.CHAT)
            .setAttribute(GenAi.PROVIDER_NAME, provider)
            .setAttribute(GenAi.REQUEST_MODEL, request.model())
            .setAttribute(GenAi.REQUEST_MAX_TOKENS, (long) request.maxOutputTokens())
            .setAttribute(GenAi.REQUEST_STREAM, true)
            .setAttribute(GenAi.SERVER_ADDRESS, endpoint.host())
            .setAttribute(GenAi.SERVER_PORT, (long) endpoint.port());
    origin.ifPresent(from -> span.setAttribute(GenAi.CONVERSATION_ID, from.conversation()));
    return span.startSpan();
  }

  private Optional<HttpHeader> header(Span span) {
    return tracing.reachesProviders()
        ? TraceContext.of(span)
            .map(context -> RawHeader.create("traceparent", context.traceparent()))
        : Optional.empty();
  }

  /** One request; its parts are called in order, though not on one thread. */
  private static final class Call {

    private final Span span;
    private final long startedAt = System.nanoTime();
    private boolean begun;

    Call(Span span) {
      this.span = span;
    }

    ModelChunk passed(ModelChunk chunk) {
      if (!begun) {
        begun = true;
        double seconds = (System.nanoTime() - startedAt) / 1e9;
        span.setAttribute(GenAi.RESPONSE_TIME_TO_FIRST_CHUNK, seconds);
      }
      if (chunk instanceof ModelChunk.Finished finished) {
        span.setAttribute(GenAi.RESPONSE_FINISH_REASONS, List.of(word(finished.reason())));
        span.setAttribute(GenAi.USAGE_INPUT_TOKENS, finished.usage().inputTokens());
        span.setAttribute(GenAi.USAGE_OUTPUT_TOKENS, finished.usage().outputTokens());
        finished.model().ifPresent(model -> span.setAttribute(GenAi.RESPONSE_MODEL, model));
      }
      return chunk;
    }

    /**
     * The answer's end. Whoever cancels it, because the run was aborted, has no error. Of a failure
     * only its kind is told: the message may hold words of the provider.
     */
    void ended(@Nullable Throwable failure) {
      if (failure != null) {
        Throwable cause =
            failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        span.setAttribute(
            SpanAttributes.ERROR_TYPE,
            cause instanceof ModelException problem
                ? problem.kind().name().toLowerCase(Locale.ROOT)
                : cause.getClass().getName());
        span.setStatus(StatusCode.ERROR);
      }
      span.end();
    }

    /** OpenAI's words, which backends know. */
    private static String word(StopReason reason) {
      return switch (reason) {
        case END -> "stop";
        case LENGTH -> "length";
        case REFUSED -> "content_filter";
        case OTHER -> "other";
      };
    }
  }
}
