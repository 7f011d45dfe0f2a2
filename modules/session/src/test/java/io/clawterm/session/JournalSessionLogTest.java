package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.persistence.query.EventEnvelope;
import akka.persistence.query.Offset;
import akka.persistence.query.javadsl.CurrentEventsByPersistenceIdQuery;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import io.clawterm.api.SessionId;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JournalSessionLogTest {

  private static final ActorTestKit KIT = ActorTestKit.create("journal-log");
  private static final SessionId ID = new SessionId(7);
  private static final long EVENTS = 100_000;

  private final AtomicLong read = new AtomicLong();

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  /** Each third event holds three entries, the others none. */
  private final CurrentEventsByPersistenceIdQuery journal =
      (id, from, to) ->
          Source.<Long>fromIterator(
                  () -> LongStream.rangeClosed(Math.max(from, 1), Math.min(to, EVENTS)).iterator())
              .map(this::event);

  private EventEnvelope event(long number) {
    read.incrementAndGet();
    long head = number / 3 * 3 - (number % 3 == 0 ? 3 : 0);
    List<Entry> entries =
        number % 3 == 0 ? Collections.nCopies(3, Entry.text("" + number)) : List.of();
    var emitted = new SessionEvent.Emitted(entries, OptionalLong.empty(), Optional.empty());
    var event = new SessionEvent(Instant.EPOCH, head, List.of(emitted), Optional.empty());
    return new EventEnvelope(Offset.sequence(number), "session|7", number, event, 0);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 400, 401, 402, 1_200, 49_999, 50_000, 99_997, 99_999})
  void theLogBeginsAtTheNumberThatIsAskedFor(long number) {
    List<LogEntry> page =
        new JournalSessionLog(journal)
            .read(ID, 1, number)
            .take(5)
            .runWith(Sink.seq(), KIT.system())
            .toCompletableFuture()
            .orTimeout(10, TimeUnit.SECONDS)
            .join();

    assertThat(page.stream().map(LogEntry::number).toList())
        .isEqualTo(LongStream.rangeClosed(number, Math.min(number + 4, 99_999)).boxed().toList());
    assertThat(read.get()).as("events read for it").isLessThan(1_000);
  }

  @Test
  void whatIsNotThereYetIsAnEmptyLog() {
    List<LogEntry> page =
        new JournalSessionLog(journal)
            .read(ID, 5, 100_000)
            .runWith(Sink.seq(), KIT.system())
            .toCompletableFuture()
            .orTimeout(10, TimeUnit.SECONDS)
            .join();

    assertThat(page).isEmpty();
  }
}
