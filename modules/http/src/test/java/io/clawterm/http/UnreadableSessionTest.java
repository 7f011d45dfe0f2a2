package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.SessionCommand;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A journal that holds what this build can't read. */
class UnreadableSessionTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Duration ASK_AGAIN = Duration.ofSeconds(2);
  private static final CBORMapper CBOR = new CBORMapper();
  private static long attachments = 5_000_000;

  /** As {@code akka-serialization-jackson} has it for CBOR. */
  private static final int JACKSON_CBOR = 33;

  @TempDir static Path folder;

  private static TestDatabase database;
  private static JdbcSessionSummaries summaries;

  /** How a row of the journal is stored. */
  private record Row(int serializer, String manifest, Bytes payload) {}

  @FunctionalInterface
  private interface Damage {
    Row of(Row row) throws IOException;
  }

  @BeforeAll
  static void startServer() {
    database = new TestDatabase(folder);
    summaries = new JdbcSessionSummaries(database.pool);
  }

  @AfterAll
  static void stopServer() {
    database.close();
  }

  @Test
  void oneEventThatCannotBeReadStopsItsSessionAlone() throws Exception {
    var poisons =
        new TreeMap<Integer, Damage>(
            Map.of(
                0xa1, row -> new Row(4_711, row.manifest(), row.payload()),
                0xa2, row -> new Row(JACKSON_CBOR, type(row) + "OfLater#1", row.payload()),
                0xa3, row -> new Row(JACKSON_CBOR, row.manifest(), damaged(row.payload())),
                0xa4, row -> new Row(JACKSON_CBOR, row.manifest(), ofLater(row.payload())),
                0xa5, row -> new Row(JACKSON_CBOR, type(row) + "#2", row.payload())));
    var clock = new ManualClock();
    SessionId well = new SessionId(0xaf);
    try (TestNode node = new TestNode(database, clock)) {
      for (int id : poisons.keySet()) {
        talkTo(node, new SessionId(id));
      }
      talkTo(node, well);
    }
    Map<Integer, Row> before = new TreeMap<>();
    for (Map.Entry<Integer, Damage> poison : poisons.entrySet()) {
      int id = poison.getKey();
      // The creation of one, the middle of another: both are in the list of sessions.
      long number = id % 2 == 0 ? 1 : newestInList(id);
      before.put(id, replace(id, number, poison.getValue()));
    }
    long rows = rows();
    forgetTheList();

    var registry = new SimpleMeterRegistry();
    try (TestNode node = new TestNode(database, clock, new MicrometerSessionMetrics(registry))) {
      for (int id : poisons.keySet()) {
        for (int i = 0; i < 3; i++) {
          DeviceMessage.Refused refused = refused(node, new SessionId(id));
          assertThat(refused.refusal().code()).isEqualTo(Code.INTERNAL);
          assertThat(refused.text()).contains("cannot read").contains("nothing of it is lost");
        }
        assertThat(described(node, new SessionId(id)).phase()).isEqualTo("unreadable");
      }
      assertThat(registry.get("clawterm.session.unreadable").counter().count())
          .as("one try for each session, however often its devices come")
          .isEqualTo(poisons.size());

      node.connect(well, "tablet");
      SessionId other = new SessionId(0xae);
      node.connect(other, "phone");
      await()
          .atMost(LIMIT)
          .untilAsserted(() -> {
            assertThat(devices(well)).contains(List.of("tablet"));
            assertThat(devices(other)).contains(List.of("phone"));
          });
      assertThat(database.value("SELECT count(*) FROM clawterm.unreadable_event"))
          .isEqualTo("" + poisons.size());
      assertThat(rows()).as("nothing is deleted").isGreaterThanOrEqualTo(rows);

      for (Map.Entry<Integer, Row> readable : before.entrySet()) {
        int id = readable.getKey();
        replace(id, id % 2 == 0 ? 1 : newestInList(id), poisoned -> readable.getValue());
      }
      clock.advance(Duration.ofSeconds(1));

      for (int id : poisons.keySet()) {
        var session = new SessionId(id);
        await().atMost(LIMIT).until(() -> attached(node, session).isPresent());
        assertThat(node.logOf(session)).hasSize(2 * 3);
        await()
            .atMost(LIMIT)
            .untilAsserted(() -> assertThat(devices(session)).contains(List.of("phone")));
      }
      assertThat(database.value("SELECT count(*) FROM clawterm.unreadable_event")).isEqualTo("0");
    }
  }

  @Test
  void aSnapshotThatCannotBeReadIsLeftOutOrStopsItsSession() throws Exception {
    var whole = new SessionId(0xb1);
    var trimmed = new SessionId(0xb2);
    var clock = new ManualClock();
    try (TestNode node = new TestNode(database, clock)) {
      talkTo(node, whole);
      talkTo(node, trimmed);
    }
    database.update(
        """
        SET clawterm.node = 'operator';
        INSERT INTO clawterm.snapshot (persistence_id, sequence_number, created, snapshot_ser_id,
          snapshot_ser_manifest, snapshot_payload)
        SELECT persistence_id, max(sequence_number) - 1, 0, 33, 'io.clawterm.session.SessionState',
          '\\x00ff00'
        FROM clawterm.event_journal
        WHERE persistence_id IN ('session|000000b1', 'session|000000b2') GROUP BY persistence_id;
        CREATE TABLE kept AS SELECT * FROM clawterm.event_journal
          WHERE persistence_id = 'session|000000b2' AND sequence_number <= 3;
        DELETE FROM clawterm.event_journal
          WHERE persistence_id = 'session|000000b2' AND sequence_number <= 3
        """);

    try (TestNode node = new TestNode(database, clock)) {
      assertThat(attached(node, whole)).isPresent();
      assertThat(node.logOf(whole)).hasSize(2 * 3);
      assertThat(refused(node, trimmed).refusal().code()).isEqualTo(Code.INTERNAL);

      database.update(
          """
          SET clawterm.node = 'operator';
          INSERT INTO clawterm.event_journal SELECT * FROM kept
          """);
      clock.advance(Duration.ofSeconds(1));

      await().atMost(LIMIT).until(() -> attached(node, trimmed).isPresent());
      assertThat(node.logOf(trimmed)).hasSize(2 * 3);
    }
  }

  @Test
  void aCommitThatIsMissingStopsItsSession() throws Exception {
    var id = new SessionId(0xc1);
    var clock = new ManualClock();
    try (TestNode node = new TestNode(database, clock)) {
      node.connect(id, "laptop").leaves();
      node.connect(id, "tablet").leaves();
    }
    database.update(
        """
        SET clawterm.node = 'operator';
        CREATE TABLE missing AS SELECT * FROM clawterm.event_journal
          WHERE persistence_id = 'session|000000c1' AND sequence_number = 2;
        DELETE FROM clawterm.event_journal
          WHERE persistence_id = 'session|000000c1' AND sequence_number = 2
        """);

    try (TestNode node = new TestNode(database, clock)) {
      assertThat(refused(node, id).refusal().code()).isEqualTo(Code.INTERNAL);

      database.update(
          """
          SET clawterm.node = 'operator';
          INSERT INTO clawterm.event_journal SELECT * FROM missing
          """);
      clock.advance(Duration.ofSeconds(1));

      await().atMost(LIMIT).until(() -> attached(node, id).isPresent());
    }
  }

  /** Three words and their answers, each on the list of sessions. */
  private static void talkTo(TestNode node, SessionId id) {
    var device = node.connect(id, "laptop");
    for (int i = 1; i <= 3; i++) {
      device.says(i % 2 == 0 ? "start" : "stop");
      int entries = 2 * i;
      await().atMost(LIMIT).until(() -> node.logOf(id).size() == entries);
    }
  }

  private static Bytes damaged(Bytes payload) {
    byte[] bytes = payload.unsafeArray().clone();
    Arrays.fill(bytes, bytes.length / 2, bytes.length, (byte) 0xff);
    return Bytes.wrap(bytes);
  }

  /** The manifest without its version. */
  private static String type(Row row) {
    return row.manifest().substring(0, row.manifest().indexOf('#'));
  }

  /** A change that only a later release knows. */
  private static Bytes ofLater(Bytes payload) throws IOException {
    JsonNode event = CBOR.readTree(payload.unsafeArray());
    ((ObjectNode) event.path("changes").path(0)).put("is", "teleported");
    return Bytes.wrap(CBOR.writeValueAsBytes(event));
  }

  private static long newestInList(int id) {
    return Long.parseLong(
        database.value(
            "SELECT max(sequence_number) FROM clawterm.event_journal JOIN clawterm.event_tag"
                + " ON event_id = ordering WHERE persistence_id = '"
                + persistenceId(id)
                + "'"));
  }

  private static String persistenceId(int id) {
    return "session|" + new SessionId(id);
  }

  /** Puts another row in the place of one, which is given back. */
  private static Row replace(int id, long number, Damage damage) throws Exception {
    try (Connection connection = database.pool.getConnection();
        Statement statement = connection.createStatement();
        PreparedStatement query =
            connection.prepareStatement(
                "SELECT event_ser_id, event_ser_manifest, event_payload FROM clawterm.event_journal"
                    + " WHERE persistence_id = ? AND sequence_number = ?");
        PreparedStatement update =
            connection.prepareStatement(
                "UPDATE clawterm.event_journal SET event_ser_id = ?, event_ser_manifest = ?,"
                    + " event_payload = ? WHERE persistence_id = ? AND sequence_number = ?")) {
      statement.execute("SET clawterm.node = 'operator'");
      query.setString(1, persistenceId(id));
      query.setLong(2, number);
      Row before;
      try (ResultSet row = query.executeQuery()) {
        assertThat(row.next()).isTrue();
        before = new Row(row.getInt(1), row.getString(2), Bytes.wrap(row.getBytes(3)));
      }
      Row after = damage.of(before);
      update.setInt(1, after.serializer());
      update.setString(2, after.manifest());
      update.setBytes(3, after.payload().unsafeArray());
      update.setString(4, persistenceId(id));
      update.setLong(5, number);
      assertThat(update.executeUpdate()).isEqualTo(1);
      return before;
    }
  }

  private static long rows() {
    return Long.parseLong(database.value("SELECT count(*) FROM clawterm.event_journal"));
  }

  /** So that the next node reads all events for it once more. */
  private static void forgetTheList() throws SQLException {
    database.update("DELETE FROM clawterm.session_summary");
    database.update("DELETE FROM clawterm.akka_projection_offset_store");
  }

  private static Optional<List<String>> devices(SessionId id) {
    return summaries.find(Principal.LOCAL, id).map(SessionSummary::devices);
  }

  private static DeviceMessage.Refused refused(TestNode node, SessionId id) {
    return (DeviceMessage.Refused) answer(node, id);
  }

  private static Optional<DeviceMessage.Attached> attached(TestNode node, SessionId id) {
    return answer(node, id) instanceof DeviceMessage.Attached attached
        ? Optional.of(attached)
        : Optional.empty();
  }

  private static DeviceMessage answer(TestNode node, SessionId id) {
    TestProbe<DeviceMessage> edge = TestProbe.create("phone", DeviceMessage.class, node.system);
    var connect =
        new SessionCommand.Connect(
            Principal.LOCAL,
            "agent:test",
            Optional.of("key:" + id),
            Optional.empty(),
            new Attachment(
                ++attachments, "phone", edge.ref(), Mode.SHARE, 65_536, Optional.empty()));
    long end = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < end) {
      node.sessions.tell(id, connect);
      try {
        return edge.receiveMessage(ASK_AGAIN);
      } catch (AssertionError e) {
        // What comes while the entity ends is lost: an edge asks again as well.
      }
    }
    throw new AssertionError("no answer for " + id);
  }

  private static SessionCommand.Description described(TestNode node, SessionId id) {
    TestProbe<SessionCommand.Description> asker =
        TestProbe.create("asker", SessionCommand.Description.class, node.system);
    ActorRef<SessionCommand.Description> replyTo = asker.ref();
    node.sessions.tell(id, new SessionCommand.Describe(replyTo));
    return asker.receiveMessage(LIMIT);
  }
}
