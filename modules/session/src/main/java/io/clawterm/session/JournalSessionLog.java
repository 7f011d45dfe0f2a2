package io.clawterm.session;

import akka.NotUsed;
import akka.persistence.query.EventEnvelope;
import akka.persistence.query.javadsl.CurrentEventsByPersistenceIdQuery;
import akka.stream.javadsl.Source;
import io.clawterm.api.SessionId;
import java.util.ArrayList;
import java.util.List;

/**
 * The log as the journal holds it.
 *
 * <p>Between two marks of a long session lie tens of thousands of events, and to read all of them
 * for one page takes seconds. So the place is searched for first, by looks at single events: in
 * steps that double, then by halves.
 */
public final class JournalSessionLog implements SessionLog {

  /** So many events are read in any case: fewer than one query brings. */
  private static final long NEAR = 400;

  private final CurrentEventsByPersistenceIdQuery journal;

  public JournalSessionLog(CurrentEventsByPersistenceIdQuery journal) {
    this.journal = journal;
  }

  @Override
  public Source<LogEntry, NotUsed> read(SessionId session, long fromJournal, long fromNumber) {
    String id = SessionEntity.persistenceId(session).id();
    return farther(id, fromJournal, NEAR, fromNumber)
        .flatMapConcat(from -> journal.currentEventsByPersistenceId(id, from, Long.MAX_VALUE))
        .mapConcat(JournalSessionLog::entries)
        .dropWhile(entry -> entry.number() < fromNumber);
  }

  /** A place close before the entry, found from a place before it in steps that grow. */
  private Source<Long, NotUsed> farther(String id, long before, long step, long number) {
    return isBefore(id, before + step, number)
        .flatMapConcat(still ->
            still
                ? farther(id, before + step, step * 2, number)
                : closer(id, before, before + step, number));
  }

  /** The same, between a place that is before the entry and one that is not. */
  private Source<Long, NotUsed> closer(String id, long before, long behind, long number) {
    if (behind - before <= NEAR) {
      return Source.single(before);
    }
    long middle = before + (behind - before) / 2;
    return isBefore(id, middle, number)
        .flatMapConcat(still ->
            still ? closer(id, middle, behind, number) : closer(id, before, middle, number));
  }

  /** Whether an event is there and no entry from {@code number} on is in one before it. */
  private Source<Boolean, NotUsed> isBefore(String id, long event, long number) {
    return journal
        .currentEventsByPersistenceId(id, event, event)
        .map(envelope -> ((SessionEvent) envelope.event()).head() < number)
        .orElse(Source.single(false));
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
