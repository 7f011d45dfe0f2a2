package io.clawterm.client;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import java.io.EOFException;
import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * What a client does at a DISCONNECT, as the table of codes says. For the driver's thread alone.
 */
final class CodeTable {
  private static final long MAX_RETRY_AFTER_MS = Duration.ofMinutes(5).toMillis();

  private final Standing standing;
  private final Route route;
  private final Ghosts ghosts;
  private final RandomGenerator random;

  CodeTable(Standing standing, Route route, Ghosts ghosts, RandomGenerator random) {
    this.standing = standing;
    this.route = route;
    this.ghosts = ghosts;
    this.random = random;
  }

  /** What follows from these fields of a DISCONNECT. */
  Outcome outcome(Fields fields) {
    String text = fields.text().orElse("");
    Code code = fields.code().orElse(null);
    Optional<Duration> wait = retryAfter(fields);
    if (code == null) {
      return new Outcome.Retry(
          "code " + fields.codeValue().orElse(0), wait, true, new EOFException(text));
    }
    return switch (code) {
      case SUSPENDED -> new Outcome.End(new Ending.Suspended());
      case CLOSED -> new Outcome.End(new Ending.Closed(text));
      case NO_SUCH_SESSION ->
          new Outcome.End(
              standing.wants(Standing.Goal.DISCONNECT)
                  ? new Ending.Closed(text)
                  : failed(code, text));
      case UNSUPPORTED_VERSION ->
          new Outcome.End(
              new Ending.Failed(
                  new ClientException.UnsupportedVersion(fields.version().orElse(0))));
      case MOVED ->
          fields.address().isEmpty()
              ? new Outcome.Again(wait.orElse(Duration.ZERO))
              : moved("moved", fields, wait);
      case SHUTTING_DOWN -> moved("the server shuts down", fields, wait);
      case OVERLOADED -> new Outcome.Retry("the server is busy", wait, false, failure(code, text));
      case OK, BAD_CHECKSUM, SEQUENCE_GAP, INTERNAL ->
          new Outcome.Retry("the server says " + code, wait, true, failure(code, text));
      case TAKEN_OVER ->
          ghosts.explain(System.nanoTime())
              ? new Outcome.Retry("a late greeting of our own came between", wait, false, null)
              : new Outcome.End(failed(code, text));
      case PROTOCOL_ERROR, UNAUTHENTICATED, FORBIDDEN, NO_SUCH_TARGET, TOO_LARGE ->
          new Outcome.End(failed(code, text));
    };
  }

  /** What follows from a DISCONNECT that names a session which was asked for, not more. */
  Outcome sessionRefused(Fields fields) {
    Outcome outcome = outcome(fields);
    boolean busy = fields.code().equals(Optional.of(Code.OVERLOADED));
    return busy && outcome instanceof Outcome.Retry retry ? retry.onThisConnection() : outcome;
  }

  private Outcome moved(String reason, Fields fields, Optional<Duration> wait) {
    route.moved(fields.address());
    return new Outcome.Retry(reason, wait, false, null);
  }

  /** As long as the server asks for, and up to half of it more: others were told the same. */
  private Optional<Duration> retryAfter(Fields fields) {
    if (fields.retryAfterMs().isEmpty()) {
      return Optional.empty();
    }
    long millis = Math.min(fields.retryAfterMs().getAsLong(), MAX_RETRY_AFTER_MS);
    return Optional.of(Duration.ofMillis(millis + random.nextLong(millis / 2 + 1)));
  }

  private static Ending failed(Code code, String text) {
    return new Ending.Failed(failure(code, text));
  }

  private static ClientException.Refused failure(Code code, String text) {
    return new ClientException.Refused(code, text);
  }

  /** As if the server had said so. */
  static ClientException takenByOther() {
    return failure(Code.TAKEN_OVER, "another process of this machine has the session now");
  }
}
