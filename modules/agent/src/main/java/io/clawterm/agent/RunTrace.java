package io.clawterm.agent;

import io.clawterm.api.SessionId;
import io.clawterm.model.GenAi;
import io.clawterm.model.ModelException;
import io.clawterm.model.ModelRequest;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The spans of an agent's runs, one at a time.
 *
 * <p>A run's parent is the commit that made its message durable. That commit's context is what the
 * memo keeps while the run is open, and not the run's own: the span of a life that was cut is never
 * recorded, and what goes on in the next life is to stand beside it and not below it.
 */
final class RunTrace {

  private final Tracing tracing;
  private final SessionId session;
  private final String agent;
  private Optional<TraceContext> cause = Optional.empty();
  private Span span = Span.getInvalid();

  /** Runs that are over and whose end is not sent to be stored yet. */
  private final List<TraceContext> unsent = new ArrayList<>(0);

  RunTrace(Tracing tracing, SessionId session, String agent) {
    this.tracing = tracing;
    this.session = session;
    this.agent = agent;
  }

  /**
   * A run begins.
   *
   * @param resumed an earlier life has begun it
   */
  void begin(Optional<TraceContext> from, boolean resumed) {
    cause = from;
    if (tracing.isOn()) {
      span =
          tracing
              .span(GenAi.INVOKE_AGENT + " " + agent, SpanKind.INTERNAL, from)
              .setAttribute(GenAi.OPERATION_NAME, GenAi.INVOKE_AGENT)
              .setAttribute(GenAi.AGENT_NAME, agent)
              .setAttribute(GenAi.CONVERSATION_ID, session.toString())
              .setAttribute(SpanAttributes.SESSION, session.toString())
              .setAttribute(SpanAttributes.RUN_RESUMED, resumed)
              .startSpan();
    }
  }

  /** Below what the run stands, for the memo; kept and passed on even where nothing is traced. */
  Optional<TraceContext> cause() {
    return cause;
  }

  /** The id to look for, for the log. */
  Optional<String> traceId() {
    return TraceContext.of(span).or(() -> cause).map(TraceContext::traceId);
  }

  /** What a question to the model says of where it comes from. */
  Optional<ModelRequest.Origin> origin() {
    return TraceContext.of(span)
        .map(context -> new ModelRequest.Origin(context, session.toString()));
  }

  /** Where the commit that is sent now comes from: it may hold the end of one run and another. */
  List<TraceContext> sending() {
    if (!tracing.isOn()) {
      return List.of();
    }
    TraceContext.of(span).ifPresent(unsent::add);
    List<TraceContext> sent = List.copyOf(unsent);
    unsent.clear();
    return sent;
  }

  /** Why the run fails; its end follows. */
  void failed(Throwable why) {
    if (span.isRecording()) {
      span.setAttribute(
          SpanAttributes.ERROR_TYPE,
          why instanceof ModelException problem
              ? problem.kind().name().toLowerCase(Locale.ROOT)
              : why.getClass().getName());
    }
  }

  /**
   * The run is over, or this life of it.
   *
   * @param attempts how often it was begun
   */
  void end(RunOutcome outcome, int attempts) {
    if (span.isRecording()) {
      span.setAttribute(SpanAttributes.RUN_OUTCOME, outcome.name().toLowerCase(Locale.ROOT));
      span.setAttribute(SpanAttributes.RUN_ATTEMPT, (long) attempts);
      if (outcome == RunOutcome.FAILED) {
        span.setStatus(StatusCode.ERROR);
      }
    }
    TraceContext.of(span).ifPresent(unsent::add);
    span.end();
    span = Span.getInvalid();
    cause = Optional.empty();
  }
}
