package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;

import akka.persistence.jdbc.journal.dao.JournalTables.JournalAkkaSerializationRow;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.Some;
import scala.Tuple2;
import scala.collection.immutable.Set$;
import scala.jdk.javaapi.CollectionConverters;

class JournalSelectTest extends OnDatabase {

  private static final int MOST = 500;

  @Test
  void aPartEndsWhereItIsLongEnough() throws SQLException {
    int third = JournalSelect.MAX_BYTES / 3 + 1;
    write("large", 10, third);

    JournalSelect.Part first = part("large", 1, Long.MAX_VALUE, MOST);
    assertThat(numbers(first)).containsExactly(1L, 2L, 3L);
    assertThat(first.next()).contains(4L);
    assertThat(numbers(part("large", 4, 5, MOST))).containsExactly(4L, 5L);
    assertThat(part("large", 4, 5, MOST).next()).isEmpty();
    assertThat(numbers(part("large", 8, Long.MAX_VALUE, 2))).containsExactly(8L, 9L);
    assertThat(part("large", 8, Long.MAX_VALUE, 2).next()).contains(10L);
    assertThat(part("large", 11, Long.MAX_VALUE, MOST).events()).isEmpty();
    assertThat(part("large", 11, Long.MAX_VALUE, MOST).next()).isEmpty();
  }

  @Test
  void oneEventIsReadHoweverLongItIs() throws SQLException {
    write("huge", 2, 3 * JournalSelect.MAX_BYTES);

    assertThat(numbers(part("huge", 1, Long.MAX_VALUE, MOST))).containsExactly(1L);
    assertThat(part("huge", 1, Long.MAX_VALUE, MOST).next()).contains(2L);
  }

  @Test
  void whatIsMarkedAsDeletedOrGoneIsPassedOver() throws SQLException {
    write("gaps", 9, 10);
    Sql.execute(
        pool,
        "DELETE FROM clawterm.event_journal WHERE persistence_id = 'gaps' AND sequence_number < 4");
    Sql.execute(
        pool,
        "UPDATE clawterm.event_journal SET deleted = true"
            + " WHERE persistence_id = 'gaps' AND sequence_number = 6");

    assertThat(numbers(part("gaps", 1, Long.MAX_VALUE, MOST))).containsExactly(4L, 5L, 7L, 8L, 9L);
  }

  @Test
  void eachColumnIsAsItWasWritten() throws SQLException {
    byte[] meta = {0, -1};
    Option<byte[]> someMeta = Some.apply(meta);
    Option<Object> someId = Some.apply(9);
    Option<String> someManifest = Some.apply("m");
    var event =
        new JournalAkkaSerializationRow(
            0,
            false,
            "columns",
            5,
            "who",
            123,
            "a",
            new byte[] {7},
            42,
            "e",
            someMeta,
            someId,
            someManifest);
    write(List.of(event));
    write("columns", 6, 1, 1);

    List<JournalAkkaSerializationRow> read = part("columns", 5, Long.MAX_VALUE, MOST).events();

    assertThat(read.getFirst())
        .usingRecursiveComparison()
        .ignoringFields("ordering")
        .isEqualTo(event);
    assertThat(read.getFirst().ordering()).isPositive();
    assertThat(read.getLast().metaPayload().isEmpty()).isTrue();
    assertThat(read.getLast().metaSerId().isEmpty()).isTrue();
    assertThat(read.getLast().metaSerManifest().isEmpty()).isTrue();
  }

  private static JournalSelect.Part part(String id, long from, long to, int most)
      throws SQLException {
    try (Connection connection = pool.getConnection()) {
      return JournalSelect.part(connection, id, from, to, most);
    }
  }

  private static List<Long> numbers(JournalSelect.Part part) {
    return part.events().stream().map(JournalAkkaSerializationRow::sequenceNumber).toList();
  }

  private static void write(String id, int count, int bytes) throws SQLException {
    write(id, 1, count, bytes);
  }

  private static void write(String id, int from, int count, int bytes) throws SQLException {
    List<JournalAkkaSerializationRow> events = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      events.add(
          new JournalAkkaSerializationRow(
              0,
              false,
              id,
              from + i,
              "w",
              0,
              "",
              new byte[bytes],
              1,
              "",
              Option.empty(),
              Option.empty(),
              Option.empty()));
    }
    write(events);
  }

  private static void write(List<JournalAkkaSerializationRow> events) throws SQLException {
    new JournalInsert(pool)
        .write(
            CollectionConverters.asScala(
                    events.stream()
                        .map(event -> new Tuple2<>(event, Set$.MODULE$.<String>empty()))
                        .toList())
                .toSeq());
  }
}
