package io.clawterm.edge;

import io.clawterm.session.TargetCommand.TargetInput;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The input of one life on its way to the pod, in order: first unsent, then unacknowledged, then
 * gone. It counts by the session's numbers.
 */
final class PodInput {

  private final Deque<TargetInput> unsent = new ArrayDeque<>();
  private final Deque<TargetInput> unacknowledged = new ArrayDeque<>();
  private long delivered;
  private long sent;
  private long podHas;
  private long unacknowledgedBytes;
  private OptionalLong window = OptionalLong.empty();

  /** Of a life that begins when the pod has acknowledged all up to this number. */
  PodInput(long acknowledged) {
    delivered = acknowledged;
    podHas = acknowledged;
  }

  /** From the session, which delivers again what the life before has not seen acknowledged. */
  void deliver(List<TargetInput> inputs) {
    for (TargetInput input : inputs) {
      delivered = input.number();
      if (input.number() > podHas) {
        unsent.add(input);
      }
    }
  }

  /** Takes the next one to send; empty where there is none, or the pod has no room for it. */
  Optional<TargetInput> takeNext() {
    TargetInput next = unsent.peek();
    if (next == null || !fitsWindow(next.body().length())) {
      return Optional.empty();
    }
    unacknowledged.add(unsent.remove());
    unacknowledgedBytes += next.body().length();
    sent = next.number();
    return Optional.of(next);
  }

  /** A frame larger than the whole window may go alone, else it would wait for ever. */
  private boolean fitsWindow(int length) {
    if (window.isEmpty()) {
      return true;
    }
    long size = window.getAsLong();
    return unacknowledgedBytes + length <= size || (unacknowledgedBytes == 0 && size > 0);
  }

  /** How much the pod lets be on the way at one time; empty: as much as there is. */
  void window(OptionalLong bytes) {
    window = bytes;
  }

  /**
   * The pod has all up to this number.
   *
   * @return whether that is more than before
   * @throws PodViolationException if it was not sent so much
   */
  boolean acknowledge(long number) {
    if (number > sent) {
      throw new PodViolationException("acknowledges input that it was not sent");
    }
    boolean more = number > podHas;
    if (more) {
      podHas = number;
    }
    while (!unacknowledged.isEmpty() && unacknowledged.element().number() <= podHas) {
      unacknowledgedBytes -= unacknowledged.remove().body().length();
    }
    return more;
  }

  /** The connection is over: what is not acknowledged goes out again, in front of the rest. */
  void takeBack() {
    while (!unacknowledged.isEmpty()) {
      unsent.addFirst(unacknowledged.removeLast());
    }
    unacknowledgedBytes = 0;
    window = OptionalLong.empty();
  }

  /** On a new connection the pod says that it has all up to this number. */
  void resumeAfter(long number) {
    podHas = number;
    sent = number;
    unsent.removeIf(input -> input.number() <= number);
  }

  /** The pod knows nothing of what it had: all after this number is for it anew. */
  void beginAfter(long acknowledged) {
    podHas = acknowledged;
  }

  /** The last number that the pod has. */
  long podHas() {
    return podHas;
  }

  /** The last number that both the pod and this life have: the session may forget up to it. */
  long settled() {
    return Math.min(podHas, delivered);
  }
}
