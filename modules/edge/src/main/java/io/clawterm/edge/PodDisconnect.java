package io.clawterm.edge;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import java.time.Duration;
import java.util.Optional;

/** What follows from a pod's DISCONNECT. */
sealed interface PodDisconnect {

  /** What a pod says goes into the memo and the log, which both have their bounds. */
  int MAX_SAID_CHARS = 500;

  long MAX_RETRY_AFTER_MS = 60_000;

  /**
   * The target is over, with this text.
   *
   * @param told the log says it as well
   */
  record Ended(String text, boolean told) implements PodDisconnect {}

  /** The pod doesn't want us now. */
  record Parked(String text) implements PodDisconnect {}

  /**
   * It is tried again.
   *
   * @param after what the pod asks for; else the life waits as it sees fit
   */
  record Retried(Optional<Duration> after) implements PodDisconnect {}

  /** The pod knows nothing of the session. */
  record Forgotten() implements PodDisconnect {}

  /**
   * Reads it.
   *
   * @param pod the name
   * @param hasSession whether there is a session with the pod already, which may be let in later
   */
  static PodDisconnect of(String pod, Fields fields, boolean hasSession) {
    Code code = fields.code().orElse(Code.OK);
    String said = fields.text().map(text -> ": " + shortened(text)).orElse("");
    return switch (code) {
      case CLOSED -> new Ended("pod " + pod + " closed the session" + said, false);
      case TAKEN_OVER -> new Parked("another client has taken the session with pod " + pod);
      case MOVED, SHUTTING_DOWN, OVERLOADED -> new Retried(retryAfter(fields));
      case NO_SUCH_SESSION -> new Forgotten();
      case UNSUPPORTED_VERSION, UNAUTHENTICATED, FORBIDDEN, NO_SUCH_TARGET -> {
        String text = "pod " + pod + " refuses the session (" + code + ")" + said;
        yield hasSession ? new Parked(text) : new Ended(text, true);
      }
      // Its number can't be given to anything else, and nothing can come before the next.
      case TOO_LARGE -> new Ended("pod " + pod + " takes no input of this size", true);
      case OK, SUSPENDED, PROTOCOL_ERROR, BAD_CHECKSUM, SEQUENCE_GAP, INTERNAL ->
          new Retried(Optional.empty());
    };
  }

  private static String shortened(String text) {
    return text.length() <= MAX_SAID_CHARS ? text : text.substring(0, MAX_SAID_CHARS) + "…";
  }

  private static Optional<Duration> retryAfter(Fields fields) {
    return fields.retryAfterMs().isPresent()
        ? Optional.of(
            Duration.ofMillis(Math.min(fields.retryAfterMs().getAsLong(), MAX_RETRY_AFTER_MS)))
        : Optional.empty();
  }
}
