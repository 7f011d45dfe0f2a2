package io.clawterm.session;

import io.clawterm.api.SessionId;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The spans of a session's commits, one at a time. Each has what it commits as its causes: input of
 * devices, work of the target. A commit without any, such as of a device that has gone, begins a
 * trace of its own, so that no event is without an id.
 *
 * <p>While tracing is off, nothing is made and nothing is kept.
 */
final class CommitTrace {

  /** As many as a span may have links by OpenTelemetry's default; more are of no use to anybody. */
  private static final int MAX_CAUSES = 128;

  private final Tracing tracing;
  private final SessionId session;
  private final List<TraceContext> causes = new ArrayList<>(0);
  private Span span = Span.getInvalid();
  private Optional<TraceContext> place = Optional.empty();

  CommitTrace(Tracing tracing, SessionId session) {
    this.tracing = tracing;
    this.session = session;
  }

  /** What the next commit holds comes from here. */
  void causedBy(List<TraceContext> from) {
    if (tracing.isOn()) {
      from.forEach(this::add);
    }
  }

  /** The same where there is one at most. */
  void causedBy(Optional<TraceContext> from) {
    if (tracing.isOn()) {
      from.ifPresent(this::add);
    }
  }

  private void add(TraceContext cause) {
    if (causes.size() < MAX_CAUSES && !causes.contains(cause)) {
      causes.add(cause);
    }
  }

  /** A commit is written from now on; its place in its trace. */
  Optional<TraceContext> begin() {
    if (tracing.isOn()) {
      span =
          tracing
              .span("session commit", SpanKind.INTERNAL, causes)
              .setAttribute(SpanAttributes.SESSION, session.toString())
              .startSpan();
      place = TraceContext.of(span);
      causes.clear();
    }
    return place;
  }

  /** It is durable, as the journal's event of this number. */
  void durable(List<Entry> entries, long number) {
    if (span.isRecording()) {
      long bytes = 0;
      for (Entry entry : entries) {
        bytes += entry.size();
      }
      span.setAttribute(SpanAttributes.COMMIT_NUMBER, number);
      span.setAttribute(SpanAttributes.COMMIT_ENTRIES, (long) entries.size());
      span.setAttribute(SpanAttributes.COMMIT_BYTES, bytes);
    }
    end();
  }

  /** The entity stops; a commit that is still under way has failed, or nobody knows. */
  void notDurable() {
    if (span.isRecording()) {
      span.setAttribute(SpanAttributes.ERROR_TYPE, "not_durable");
      span.setStatus(StatusCode.ERROR);
    }
    end();
  }

  private void end() {
    span.end();
    span = Span.getInvalid();
  }

  /** The input of the commit that has just become durable, for the target. */
  List<TargetCommand.TargetInput> place(List<TargetCommand.TargetInput> inputs) {
    return place.isEmpty() ? inputs : inputs.stream().map(input -> input.in(place)).toList();
  }
}
