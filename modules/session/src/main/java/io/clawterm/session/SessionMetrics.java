package io.clawterm.session;

/** What sessions count. */
public interface SessionMetrics {

  /** Counts nothing. */
  SessionMetrics NONE = new SessionMetrics() {};

  /** A commit of so many entries is durable after so many nanoseconds. */
  default void committed(int entries, long nanos) {}

  /** An input was a repetition. */
  default void duplicateInput() {}

  /** An input, or the size of a terminal, was dropped because too much waited for a commit. */
  default void inputDropped() {}

  /** Missed entries were read from the journal. */
  default void readFromJournal(int entries) {}

  /** A session's log, or a part of it, can't be read by this build. */
  default void unreadable() {}

  /** A target has stopped by failure and is started again. */
  default void targetRestarted() {}
}
