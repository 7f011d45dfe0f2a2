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
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntUnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JournalSessionLogTest {

  private static final ActorTestKit KIT = ActorTestKit.create("journal-log");
  private static final SessionId ID = new SessionId(7);
  private static final int EVENTS = 100_000;

  private final AtomicLong read = new AtomicLong();
  private final AtomicLong queries = new AtomicLong();

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  /** How many entries each event holds, and a journal of such events. */
  record Shape(String name, IntUnaryOperator entries) {

    private long[] heads() {
      long[] heads = new long[EVENTS + 1];
      for (int event = 1; event <= EVENTS; event++) {
        heads[event] = heads[event - 1] + entries.applyAsInt(event);
      }
      return heads;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Stream<Shape> shapes() {
    var random = new Random(30);
    return Stream.of(
        new Shape("one each", event -> 1),
        new Shape("three in each third", event -> event % 3 == 0 ? 3 : 0),
        new Shape("none for long, then many", event -> event % 5_000 == 0 ? 5_000 : 0),
        new Shape("many first, then few", event -> event < 1_000 ? 50 : 1),
        new Shape("few first, then many", event -> event < 99_000 ? 1 : 50),
        new Shape("all in one", event -> event == 77_777 ? 10_000 : 0),
        new Shape("anything", event -> random.nextInt(10) < 7 ? 0 : random.nextInt(20)));
  }

  private JournalSessionLog log(long[] heads) {
    CurrentEventsByPersistenceIdQuery journal =
        (id, from, to) -> {
          queries.incrementAndGet();
          return Source.<Long>fromIterator(
                  () -> LongStream.rangeClosed(Math.max(from, 1), Math.min(to, EVENTS)).iterator())
              .map(number -> event(number, heads));
        };
    return new JournalSessionLog(journal);
  }

  private EventEnvelope event(long number, long[] heads) {
    read.incrementAndGet();
    int entries = (int) (heads[(int) number] - heads[(int) number - 1]);
    var emitted =
        new SessionEvent.Emitted(
            Collections.nCopies(entries, Entry.text("" + number)),
            OptionalLong.empty(),
            Optional.empty());
    var event =
        new SessionEvent(
            Instant.EPOCH, heads[(int) number - 1], List.of(emitted), Optional.empty());
    return new EventEnvelope(Offset.sequence(number), "session|7", number, event, 0);
  }

  private static List<Long> page(JournalSessionLog log, long journal, long number) {
    return log.read(ID, journal, number)
        .take(5)
        .map(LogEntry::number)
        .runWith(Sink.seq(), KIT.system())
        .toCompletableFuture()
        .orTimeout(10, TimeUnit.SECONDS)
        .join();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void theLogBeginsAtTheNumberThatIsAskedFor(Shape shape) {
    long[] heads = shape.heads();
    long last = heads[EVENTS];
    JournalSessionLog log = log(heads);
    LongStream.concat(
            LongStream.of(1, 2, 400, 401, 402, 1_200, last / 2, last - 2, last),
            new Random(5).longs(50, 1, last))
        .forEach(number -> {
          queries.set(0);

          assertThat(page(log, 1, number))
              .isEqualTo(
                  LongStream.rangeClosed(number, Math.min(number + 4, last)).boxed().toList());
          assertThat(queries.get()).as("queries for entry " + number).isLessThan(32);
        });
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 400, 401, 402, 1_200, 49_999, 50_000, 99_997, 99_999})
  void littleIsReadForAPageOfAnEvenLog(long number) {
    page(log(new Shape("one each", event -> 1).heads()), 1, number);

    assertThat(read.get()).as("events").isLessThan(1_000);
    assertThat(queries.get()).as("queries").isLessThanOrEqualTo(6);
  }

  @Test
  void aPlaceThatIsNotThereAnyMoreIsNoObstacle() {
    long[] heads = new Shape("one each", event -> 1).heads();
    CurrentEventsByPersistenceIdQuery pruned =
        (id, from, to) ->
            Source.<Long>fromIterator(() ->
                    LongStream.rangeClosed(Math.max(from, 5_000), Math.min(to, EVENTS)).iterator())
                .map(number -> event(number, heads));

    assertThat(page(new JournalSessionLog(pruned), 1, 6_000))
        .containsExactly(6_000L, 6_001L, 6_002L, 6_003L, 6_004L);
  }

  /** Retention goes on while the place is looked for. */
  @Test
  void aGapInTheMiddleIsNoObstacle() {
    long[] heads = new Shape("one each", event -> 1).heads();
    CurrentEventsByPersistenceIdQuery broken =
        (id, from, to) ->
            Source.<Long>fromIterator(() ->
                    LongStream.rangeClosed(Math.max(from, 1), Math.min(to, EVENTS))
                        .filter(event -> event < 1_000 || event > 8_000)
                        .iterator())
                .map(number -> event(number, heads));

    for (long number : new long[] {8_002, 8_500, 50_000, 99_000}) {
      assertThat(page(new JournalSessionLog(broken), 1, number).getFirst()).isEqualTo(number);
    }
  }

  @Test
  void whatIsNotThereYetIsAnEmptyLog() {
    long[] heads = new Shape("one each", event -> 1).heads();

    assertThat(page(log(heads), 5, EVENTS + 1)).isEmpty();
  }
}
