package io.clawterm.session;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.clawterm.api.SessionId;

/** The journal read as the session's log. */
@FunctionalInterface
public interface SessionLog {

  /**
   * The entries from a number on, in order, up to what is durable when it is read.
   *
   * @param fromJournal a journal sequence number at or before the event that holds {@code
   *     fromNumber}; 1 reads from the start
   */
  Source<LogEntry, NotUsed> read(SessionId session, long fromJournal, long fromNumber);
}
