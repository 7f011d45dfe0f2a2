package io.clawterm.session;

import io.clawterm.protocol.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of the input of a device, decided against the state as it will be: each frame is
 * taken once, in order. The session asks, stores the change and tells; nothing happens here.
 */
sealed interface InputDecision {

  /** Whether a part of it was here before. */
  boolean repeated();

  /** The device is detached. */
  record Refused(boolean repeated, Code code, String text) implements InputDecision {}

  /** Nothing of it is new. */
  record Known(boolean repeated, long upTo) implements InputDecision {}

  /**
   * What is new is received.
   *
   * @param inputs what the target is given of it
   * @param upTo the device is told that its input is durable up to this number
   */
  record Received(
      boolean repeated,
      SessionEvent.InputReceived change,
      List<TargetCommand.TargetInput> inputs,
      long upTo)
      implements InputDecision {
    public Received {
      inputs = List.copyOf(inputs);
    }
  }

  /** Decides on the input of a device that is attached and may type. */
  static InputDecision of(
      SessionState.Open open, String device, SessionCommand.Input input, long maxWaitingBytes) {
    long expected = open.device(device).lastInput() + 1;
    if (input.firstNumber() > expected) {
      return new Refused(
          false,
          Code.SEQUENCE_GAP,
          "input " + input.firstNumber() + " came where " + expected + " was due");
    }
    int frames = input.frames().size();
    int known = (int) Math.min(expected - input.firstNumber(), frames);
    boolean repeated = known > 0;
    long upTo = Math.max(expected - 1, input.firstNumber() + frames - 1);
    List<SessionCommand.InputFrame> fresh = input.frames().subList(known, frames);
    boolean logged = open.identity().style() == Target.InputStyle.MESSAGES;
    if (logged) {
      Optional<List<SessionCommand.InputFrame>> canonical = canonical(fresh);
      if (canonical.isEmpty() && fresh.stream().anyMatch(ClientEvents::isTooLong)) {
        return new Refused(
            repeated,
            Code.TOO_LARGE,
            "a structured entry has at most " + ClientEvents.MAX_CHARS + " bytes");
      }
      if (canonical.isEmpty()) {
        return new Refused(
            repeated, Code.PROTOCOL_ERROR, "a structured entry is a JSON object with a type");
      }
      fresh = canonical.get();
    }
    if (fresh.isEmpty()) {
      return new Known(repeated, upTo);
    }
    if (open.input().waitingBytes() > maxWaitingBytes) {
      return new Refused(
          repeated, Code.OVERLOADED, "the target has not taken what was sent before");
    }
    var change = new SessionEvent.InputReceived(device, expected, fresh, logged);
    return new Received(repeated, change, open.received(change).inputs(), upTo);
  }

  private static Optional<List<SessionCommand.InputFrame>> canonical(
      List<SessionCommand.InputFrame> frames) {
    List<SessionCommand.InputFrame> canonical = new ArrayList<>();
    for (SessionCommand.InputFrame frame : frames) {
      if (frame.event()) {
        Optional<Bytes> body = ClientEvents.canonical(frame.body());
        if (body.isEmpty()) {
          return Optional.empty();
        }
        canonical.add(new SessionCommand.InputFrame(body.get(), true, false));
      } else {
        canonical.add(frame);
      }
    }
    return Optional.of(canonical);
  }
}
