package io.clawterm.edge;

import akka.util.ByteString;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Frames on their way to one socket. Bounded from outside: output by the credit of the circuits,
 * answers because no more is read from a client while {@link #answerBytes} is above its limit,
 * keepalives because each circuit has at most one here.
 */
final class Outbox {

  /** A frame, and whose credit is used by how much; no circuit for answers. */
  record Item(Frame frame, @Nullable Circuit circuit, long number, long creditBytes) {}

  /** What one write takes. */
  record Batch(ByteString bytes, int frames, List<Item> output, List<Circuit> keepalives) {}

  private static final int KEEPALIVE_LENGTH = Frame.OVERHEAD;

  private final Deque<Item> items = new ArrayDeque<>(4);
  private final Deque<Circuit> keepalives = new ArrayDeque<>(2);
  private final EdgeMetrics metrics;
  private final Duration usualRetry;
  private long answerBytes;
  private boolean answered;

  /**
   * Is empty.
   *
   * @param usualRetry when a device is to come again where nothing else is said
   */
  Outbox(EdgeMetrics metrics, Duration usualRetry) {
    this.metrics = metrics;
    this.usualRetry = usualRetry;
  }

  /** A refusal of a session, or of the connection: 0. */
  void refuse(int session, int sequence, Refusal refusal) {
    metrics.disconnected(refusal.code());
    answer(refusal.frame(session, sequence, usualRetry));
  }

  void answer(Frame frame) {
    answered = true;
    items.add(new Item(frame, null, 0, 0));
    answerBytes += frame.length();
  }

  void output(Item item) {
    items.add(item);
  }

  void keepalive(Circuit circuit) {
    if (!circuit.keepaliveWaits) {
      circuit.keepaliveWaits = true;
      keepalives.add(circuit);
    }
  }

  boolean isEmpty() {
    return items.isEmpty() && keepalives.isEmpty();
  }

  /** Whether the client has been told anything yet. */
  boolean answered() {
    return answered;
  }

  long answerBytes() {
    return answerBytes;
  }

  /** As many frames as fit, at least one; empty if there is none. */
  Optional<Batch> take(int maxBytes, int maxFrames) {
    if (isEmpty()) {
      return Optional.empty(); // as nearly always, after an acknowledgement
    }
    List<Item> taken = new ArrayList<>();
    List<Circuit> due = new ArrayList<>(2);
    int length = 0;
    for (Item next = items.peek();
        next != null
            && taken.size() < maxFrames
            && (taken.isEmpty() || length + next.frame.length() <= maxBytes);
        next = items.peek()) {
      items.remove();
      taken.add(next);
      length += next.frame.length();
    }
    while (!keepalives.isEmpty()
        && taken.size() + due.size() < maxFrames
        && length + KEEPALIVE_LENGTH <= maxBytes) {
      Circuit circuit = keepalives.remove();
      circuit.keepaliveWaits = false;
      if (circuit.phase == Circuit.Phase.ATTACHED) {
        due.add(circuit);
        length += KEEPALIVE_LENGTH;
      }
    }
    return length == 0 ? Optional.empty() : Optional.of(batch(taken, due, length));
  }

  private Batch batch(List<Item> taken, List<Circuit> due, int length) {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    List<Item> output = new ArrayList<>(taken.size());
    for (Item item : taken) {
      item.frame.writeTo(buffer);
      if (item.circuit == null) {
        answerBytes -= item.frame.length();
      } else {
        output.add(item);
      }
    }
    Consumer<Circuit> write =
        circuit ->
            Frame.of(circuit.id(), circuit.sequence(), FrameType.KEEPALIVE, 0, Fields.none())
                .writeTo(buffer);
    due.forEach(write);
    return new Batch(
        ByteString.fromArrayUnsafe(buffer.array()), taken.size() + due.size(), output, due);
  }
}
