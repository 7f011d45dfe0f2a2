package io.clawterm.edge;

import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.session.Bytes;
import io.clawterm.session.SessionCommand;
import io.clawterm.telemetry.TraceContext;
import io.opentelemetry.api.trace.Span;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Consecutive DATA frames for one session: they travel to it as one message. */
final class InputBatch {

  private final Line line;
  private final List<SessionCommand.InputFrame> frames = new ArrayList<>(4);
  private @Nullable Circuit circuit;
  private long firstNumber;
  private long bytes;

  InputBatch(Line line) {
    this.line = line;
  }

  /** Takes the next frame of a circuit; hands over what was there, if that is of another. */
  void add(Circuit of, long number, Frame frame) {
    if (circuit != of || bytes >= line.settings().inputBatchBytes()) {
      flush();
      circuit = of;
      firstNumber = number;
    }
    frames.add(
        new SessionCommand.InputFrame(
            Bytes.wrap(frame.payload()), frame.has(Flags.EVENT), frame.has(Flags.MORE)));
    bytes += frame.payloadLength() + Circuit.INPUT_OVERHEAD_BYTES;
  }

  /** Hands over what is there. Whatever else is told to a session comes after its input. */
  void flush() {
    Circuit of = circuit;
    if (of == null) {
      return;
    }
    long now = line.alarm().now();
    of.unconfirmed = false;
    Span span = line.edge().inputTrace().begin(of, line.peer(), frames);
    line.tell(
        of, new SessionCommand.Input(of.attachment, firstNumber, frames, TraceContext.of(span)));
    line.metrics().input.increment(frames.size());
    of.handed(bytes, firstNumber + frames.size() - 1, now, span);
    line.alarm().wakeAt(now + line.settings().durableTimeout().toNanos());
    frames.clear();
    bytes = 0;
    circuit = null;
  }
}
