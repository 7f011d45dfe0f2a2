package io.clawterm.client;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What becomes of a session after a connection, or after an attachment on one. */
sealed interface Outcome {

  /**
   * Try again.
   *
   * @param told after how long the server wants that, where it has said so
   * @param defect counted, as this can't go on for ever
   * @param here on the same connection, which the server leaves open for that
   */
  record Retry(
      String reason,
      Optional<Duration> told,
      boolean defect,
      @Nullable Throwable cause,
      boolean here)
      implements Outcome {

    Retry(String reason, Optional<Duration> told, boolean defect, @Nullable Throwable cause) {
      this(reason, told, defect, cause, false);
    }

    Retry onThisConnection() {
      return new Retry(reason, told, defect, cause, true);
    }

    /** The wait that the server has asked for. */
    Duration atLeast() {
      return told.orElse(Duration.ZERO);
    }
  }

  /** The session can be resumed on the connection that it was on. */
  record Again(Duration after) implements Outcome {}

  /** All is over. */
  record End(Ending ending) implements Outcome {}
}
