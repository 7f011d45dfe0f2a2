package io.clawterm.client;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What becomes of a session after a connection, or after an attachment on one. */
sealed interface Outcome {

  /**
   * Try again; {@code defect}: counted, as this can't go on for ever; {@code here}: on the same
   * connection, which the server leaves open for that.
   */
  record Retry(
      String reason, Duration atLeast, boolean defect, @Nullable Throwable cause, boolean here)
      implements Outcome {

    Retry(String reason, Duration atLeast, boolean defect, @Nullable Throwable cause) {
      this(reason, atLeast, defect, cause, false);
    }

    Retry onThisConnection() {
      return new Retry(reason, atLeast, defect, cause, true);
    }
  }

  /** The session can be resumed on the connection that it was on. */
  record Again(Duration after) implements Outcome {}

  /** All is over. */
  record End(Ending ending) implements Outcome {}
}
