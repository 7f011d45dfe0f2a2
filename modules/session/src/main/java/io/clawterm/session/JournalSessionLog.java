package io.clawterm.session;

import akka.NotUsed;
import akka.persistence.query.EventEnvelope;
import akka.persistence.query.javadsl.CurrentEventsByPersistenceIdQuery;
import akka.stream.javadsl.Source;
import io.clawterm.api.SessionId;
import java.util.ArrayList;
import java.util.List;

/** The log as the journal holds it. */
public final class JournalSessionLog implements SessionLog {

  private final CurrentEventsByPersistenceIdQuery journal;

  public JournalSessionLog(CurrentEventsByPersistenceIdQuery journal) {
    this.journal = journal;
  }

  @Override
  public Source<LogEntry, NotUsed> read(SessionId session, long fromJournal, long fromNumber) {
    return journal
        .currentEventsByPersistenceId(
            SessionEntity.persistenceId(session).id(), fromJournal, Long.MAX_VALUE)
        .mapConcat(JournalSessionLog::entries)
        .dropWhile(entry -> entry.number() < fromNumber);
  }

  private static List<LogEntry> entries(EventEnvelope envelope) {
    SessionEvent event = (SessionEvent) envelope.event();
    List<LogEntry> entries = new ArrayList<>();
    long number = event.head();
    for (Entry entry : Entries.of(event)) {
      entries.add(new LogEntry(++number, entry));
    }
    return entries;
  }
}
