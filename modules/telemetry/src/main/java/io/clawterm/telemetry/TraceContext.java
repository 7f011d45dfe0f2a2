package io.clawterm.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceId;
import io.opentelemetry.api.trace.TraceState;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The place in a trace that something belongs to, as it travels in messages and is stored in
 * events: a record of the JDK's types alone.
 *
 * <p>What is no {@code traceparent} is not refused here, because a session must be readable
 * whatever its journal says about traces; it is no parent to anything.
 *
 * @param traceparent as in W3C Trace Context, version 00
 */
public record TraceContext(String traceparent) {

  private static final int LENGTH = 55;
  private static final int TRACE_AT = 3;
  private static final int SPAN_AT = 36;
  private static final int FLAGS_AT = 53;

  /** The context of a span; empty where it is none, as while tracing is off. */
  public static Optional<TraceContext> of(Span span) {
    SpanContext context = span.getSpanContext();
    return context.isValid()
        ? Optional.of(
            new TraceContext(
                "00-"
                    + context.getTraceId()
                    + "-"
                    + context.getSpanId()
                    + "-"
                    + context.getTraceFlags().asHex()))
        : Optional.empty();
  }

  /** The trace's id, 32 hexadecimal digits; empty where the text is no {@code traceparent}. */
  public String traceId() {
    SpanContext context = spanContext();
    return context.isValid() ? context.getTraceId() : "";
  }

  /** The same for OpenTelemetry; not valid where the text is no {@code traceparent}. */
  SpanContext spanContext() {
    if (traceparent.length() != LENGTH
        || !traceparent.startsWith("00-")
        || traceparent.charAt(SPAN_AT - 1) != '-'
        || traceparent.charAt(FLAGS_AT - 1) != '-'
        || !HexFormat.isHexDigit(traceparent.charAt(FLAGS_AT))
        || !HexFormat.isHexDigit(traceparent.charAt(FLAGS_AT + 1))) {
      return SpanContext.getInvalid();
    }
    String trace = traceparent.substring(TRACE_AT, SPAN_AT - 1);
    String span = traceparent.substring(SPAN_AT, FLAGS_AT - 1);
    if (!TraceId.isValid(trace) || !SpanId.isValid(span)) {
      return SpanContext.getInvalid();
    }
    int flags = HexFormat.fromHexDigits(traceparent, FLAGS_AT, LENGTH);
    return SpanContext.createFromRemoteParent(
        trace, span, TraceFlags.fromByte((byte) flags), TraceState.getDefault());
  }
}
