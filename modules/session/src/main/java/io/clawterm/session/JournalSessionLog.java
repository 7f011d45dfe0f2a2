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
 * for one page takes seconds. So the place is searched for first, by looks at single events: where
 * it would be if all events between two of them held as many entries, and now and then in the
 * middle, as they do not.
 */
public final class JournalSessionLog implements SessionLog {

  /** So many events are read in any case: where they are short, one query brings more. */
  private static final long NEAR = 400;

  private final CurrentEventsByPersistenceIdQuery journal;

  public JournalSessionLog(CurrentEventsByPersistenceIdQuery journal) {
    this.journal = journal;
  }

  /**
   * An event of the journal.
   *
   * @param head the newest number before it; {@link #UNKNOWN} where it is not there
   */
  private record Place(long journal, long head) {

    static final long UNKNOWN = -1;

    boolean isKnown() {
      return head != UNKNOWN;
    }

    /** Whether no entry from this number on is before it. */
    boolean isBefore(long number) {
      return isKnown() && head < number;
    }
  }

  @Override
  public Source<LogEntry, NotUsed> read(SessionId session, long fromJournal, long fromNumber) {
    String id = SessionEntity.persistenceId(session).id();
    var begin = new Place(fromJournal, Place.UNKNOWN);
    return farther(id, begin, fromJournal + NEAR, fromNumber)
        .flatMapConcat(from -> journal.currentEventsByPersistenceId(id, from, Long.MAX_VALUE))
        .mapConcat(JournalSessionLog::entries)
        .dropWhile(entry -> entry.number() < fromNumber);
  }

  /** A place close before the entry, found from one before it: looks ahead until it is passed. */
  private Source<Long, NotUsed> farther(String id, Place low, long guess, long number) {
    return look(id, guess)
        .flatMapConcat(seen -> {
          if (!seen.isBefore(number)) {
            return closer(id, low, seen, number, 0);
          }
          // An event that holds no entry moves the place back, one that holds many the other way.
          long step = Math.max(2 * (guess - low.journal()), number - seen.head() + NEAR / 2);
          return farther(id, seen, guess + step, number);
        });
  }

  /** The same, between a place that is before the entry and one that is not. */
  private Source<Long, NotUsed> closer(String id, Place low, Place high, long number, int looks) {
    if (high.journal() - low.journal() <= NEAR) {
      return Source.single(low.journal());
    }
    return look(id, between(low, high, number, looks))
        .flatMapConcat(seen ->
            seen.isBefore(number)
                ? closer(id, seen, high, number, looks + 1)
                : closer(id, low, seen, number, looks + 1));
  }

  private static long between(Place low, Place high, long number, int looks) {
    long width = high.journal() - low.journal();
    int guesses = high.isKnown() ? 2 : 1; // in a row
    if (looks % (guesses + 1) == guesses) {
      return low.journal() + width / 2;
    }
    // Behind the end nothing is known: one entry in each event is what most logs have.
    double each = high.isKnown() ? (high.head() - low.head()) / (double) width : 1;
    long expected = low.journal() + (long) ((number - low.head()) / each);
    // Just beside it, so that the end that is farther away comes as near as is asked for.
    boolean lowIsFar = expected - low.journal() > width / 2;
    long guess = lowIsFar ? expected - NEAR / 2 : expected + NEAR / 2;
    return Math.clamp(guess, low.journal() + 1, high.journal() - 1);
  }

  private Source<Place, NotUsed> look(String id, long event) {
    return journal
        .currentEventsByPersistenceId(id, event, event)
        .map(envelope -> new Place(event, ((SessionEvent) envelope.event()).head()))
        .orElse(Source.single(new Place(event, Place.UNKNOWN)));
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
