package io.clawterm.session;

import java.util.ArrayList;
import java.util.List;

/**
 * Input on its way to the target, in order. A part of the state.
 *
 * @param received how many frames the target has been or is to be given
 * @param consumed up to which of them it needs nothing again
 * @param waiting those after {@code consumed}
 */
record InputQueue(long received, long consumed, List<TargetCommand.TargetInput> waiting) {

  InputQueue {
    waiting = List.copyOf(waiting);
  }

  InputQueue consumedUpTo(long number) {
    if (number > received) {
      throw new IllegalStateException(
          "input " + number + " consumed, where " + received + " was the last one");
    }
    if (number <= consumed) {
      return this;
    }
    // They are in order, so what is left is the end of them.
    int from = 0;
    while (from < waiting.size() && waiting.get(from).number() <= number) {
      from++;
    }
    return new InputQueue(received, number, waiting.subList(from, waiting.size()));
  }

  /** What came with the event stands in the event's trace. */
  InputQueue traced(SessionEvent event) {
    if (event.trace().isEmpty()) {
      return this;
    }
    long before = received;
    for (SessionEvent.Change change : event.changes()) {
      if (change instanceof SessionEvent.InputReceived fresh) {
        before -= fresh.frames().size();
      }
    }
    if (waiting.isEmpty() || waiting.getLast().number() <= before) {
      return this;
    }
    List<TargetCommand.TargetInput> traced = new ArrayList<>(waiting.size());
    for (TargetCommand.TargetInput input : waiting) {
      traced.add(input.number() > before ? input.in(event.trace()) : input);
    }
    return new InputQueue(received, consumed, traced);
  }

  long waitingBytes() {
    long bytes = 0;
    for (TargetCommand.TargetInput input : waiting) {
      bytes += input.body().length() + 64L;
    }
    return bytes;
  }
}
