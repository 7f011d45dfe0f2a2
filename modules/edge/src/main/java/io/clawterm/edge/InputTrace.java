package io.clawterm.edge;

import io.clawterm.session.SessionCommand;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The spans with which traces begin: the DATA frames of one read for one session, from their
 * hand-over until they are durable. While tracing is off, all of it is one object that is there
 * anyway.
 */
final class InputTrace {

  private final Tracing tracing;

  InputTrace(Tracing tracing) {
    this.tracing = tracing;
  }

  /** These frames are handed to the circuit's session now. */
  Span begin(Circuit circuit, Peer peer, List<SessionCommand.InputFrame> frames) {
    if (!tracing.isOn()) {
      return Span.getInvalid();
    }
    long bytes = 0;
    for (SessionCommand.InputFrame frame : frames) {
      bytes += frame.body().length();
    }
    return tracing
        .span("device input", SpanKind.SERVER, Optional.empty())
        .setAttribute(SpanAttributes.SESSION, String.valueOf(circuit.session))
        .setAttribute(SpanAttributes.TRANSPORT, peer.transport().name().toLowerCase(Locale.ROOT))
        .setAttribute(SpanAttributes.INPUT_FRAMES, (long) frames.size())
        .setAttribute(SpanAttributes.INPUT_BYTES, bytes)
        .startSpan();
  }

  /** The frames are durable, or it is not known here whether they ever will be. */
  static void end(Span span, boolean durable) {
    if (span.isRecording()) {
      span.setAttribute(SpanAttributes.INPUT_DURABLE, durable);
    }
    span.end();
  }
}
