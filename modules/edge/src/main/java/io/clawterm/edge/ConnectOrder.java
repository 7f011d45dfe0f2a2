package io.clawterm.edge;

import io.clawterm.edge.Circuit.Phase;
import io.clawterm.session.DeviceMessage;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * The CONNECTs of a connection that have no answer yet. They are answered in the order in which
 * they came: by that alone the client knows which answer is to which. What a session says to one
 * whose turn has not come is held.
 */
final class ConnectOrder {

  private final Deque<Circuit> waiting = new ArrayDeque<>(2);
  private final Outbox outbox;
  private final BiConsumer<Circuit, DeviceMessage> hear;

  /**
   * Is empty.
   *
   * @param hear is given what was held, once its turn has come
   */
  ConnectOrder(Outbox outbox, BiConsumer<Circuit, DeviceMessage> hear) {
    this.outbox = outbox;
    this.hear = hear;
  }

  void add(Circuit circuit) {
    waiting.add(circuit);
  }

  int size() {
    return waiting.size();
  }

  /** Those of which it is not known yet which session they get. */
  long withoutSession() {
    return waiting.stream().filter(it -> it.session == null && it.refusal == null).count();
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  List<Circuit> all() {
    return List.copyOf(waiting);
  }

  /** Keeps what is said to a CONNECT before its turn; false if it may be heard now. */
  boolean holds(Circuit circuit, DeviceMessage message) {
    boolean early =
        !circuit.wish.resume() && circuit.phase == Phase.OPENING && waiting.peek() != circuit;
    if (early) {
      circuit.held.add(message);
    }
    return early;
  }

  /** Refuses one, once those before it have their answers. */
  void refuse(Circuit circuit, Refusal refusal) {
    circuit.ended();
    circuit.refusal = refusal;
    answerNext();
  }

  /** This one has its answer. */
  void answered(Circuit circuit) {
    if (waiting.peek() == circuit) {
      waiting.remove();
      answerNext();
    }
  }

  private void answerNext() {
    for (Circuit next = waiting.peek(); next != null; next = waiting.peek()) {
      if (next.refusal != null) {
        waiting.remove();
        outbox.refuse(0, 0, next.refusal);
      } else if (next.held.isEmpty()) {
        return;
      } else {
        List<DeviceMessage> held = List.copyOf(next.held);
        next.held.clear();
        for (DeviceMessage message : held) {
          hear.accept(next, message);
        }
        if (waiting.peek() == next) {
          return;
        }
      }
    }
  }

  /** Nobody waits for the answers any more. */
  void clear() {
    waiting.forEach(Circuit::ended);
    waiting.clear();
  }
}
