package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.AskPattern;
import akka.pattern.StatusReply;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import akka.persistence.typed.PersistenceId;
import akka.persistence.typed.javadsl.CommandHandler;
import akka.persistence.typed.javadsl.EventHandler;
import akka.persistence.typed.javadsl.EventSourcedBehavior;
import akka.persistence.typed.javadsl.RetentionCriteria;
import akka.stream.javadsl.Sink;
import com.typesafe.config.ConfigFactory;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class JournalTest extends OnDatabase {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  @Test
  void anEntityRecoversWhatItStoredInAnotherActorSystem() {
    try (Node node = new Node("recovers")) {
      assertThat(node.store("one")).isEqualTo("one,");
      assertThat(node.store("two")).isEqualTo("one,two,");
    }

    try (Node node = new Node("recovers")) {
      assertThat(node.store("three")).isEqualTo("one,two,three,");
      assertThat(node.stored()).containsExactly("one", "two", "three");
    }
  }

  @Test
  void whatIsLongerThanOnePartIsReadAsAWhole() {
    var uses = new AtomicInteger();
    DataSource counted = new AdjustedDataSource(pool, connection -> uses.incrementAndGet());
    List<Object> words = new ArrayList<>();
    try (Node node = new Node("long", counted)) {
      for (int i = 0; i < 8; i++) {
        words.add((i + "x").repeat(JournalSelect.MAX_BYTES / 5));
        node.store((String) words.getLast());
      }
      int before = uses.get();
      assertThat(node.stored()).isEqualTo(words);
      assertThat(uses.get() - before).as("parts of a megabyte").isEqualTo(3);
    }

    int before = uses.get();
    try (Node node = new Node("long", counted)) {
      assertThat(node.store("end")).hasSize(8 * (JournalSelect.MAX_BYTES / 5 * 2 + 1) + 4);
      assertThat(uses.get() - before)
          .as("the snapshot, the highest number, three parts, and the commit")
          .isEqualTo(6);
    }
  }

  @Test
  void thePoolStaysOpenWhenAnActorSystemEnds() {
    try (Node node = new Node("ends")) {
      node.store("one");
    }

    assertThat(pool.isClosed()).isFalse();
    assertThat(DatabaseHealth.answers(pool, LIMIT)).isTrue();
  }

  @Test
  void anEntityRecoversFromItsSnapshotAfterTheJournalWasTrimmedToTheNewestRow()
      throws SQLException {
    try (Node node = new Node("trimmed")) {
      for (int i = 1; i <= 10; i++) {
        node.store("e" + i);
      }
      Sql.awaitValue(
          pool, "SELECT count(*) FROM clawterm.snapshot WHERE persistence_id = 'trimmed'", "1");
    }

    long deleted = JournalTrim.upTo(pool, "trimmed", 1_000);

    assertThat(deleted).isEqualTo(9);
    try (Node node = new Node("trimmed")) {
      assertThat(node.store("e11")).isEqualTo("e1,e2,e3,e4,e5,e6,e7,e8,e9,e10,e11,");
      assertThat(node.stored()).containsExactly("e10", "e11");
    }
    assertThat(rows("trimmed")).isEqualTo("10..11");
  }

  @Test
  void anEntityThatWasDeletedBeginsAnew() throws SQLException {
    try (Node node = new Node("deleted")) {
      for (int i = 1; i <= 10; i++) {
        node.store("e" + i);
      }
      Sql.awaitValue(
          pool, "SELECT count(*) FROM clawterm.snapshot WHERE persistence_id = 'deleted'", "1");
    }

    JournalTrim.whole(pool, "deleted");

    try (Node node = new Node("deleted")) {
      assertThat(node.store("first")).isEqualTo("first,");
    }
    assertThat(rows("deleted")).isEqualTo("1..1");
  }

  @Test
  void whoRunsIsWrittenWhileAllThatIsReadHasToWait() throws SQLException {
    try (Node node = new Node("runs");
        Connection other = Sql.on(server).getConnection();
        Statement lock = other.createStatement()) {
      node.store("one");
      other.setAutoCommit(false);
      lock.execute("LOCK TABLE clawterm.snapshot IN ACCESS EXCLUSIVE MODE");
      for (int i = 0; i < 20; i++) {
        var unused = node.wake("asleep-" + i);
      }
      Sql.awaitValue(
          pool, "SELECT count(*) >= 4 FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "t");

      assertThat(node.store("two")).isEqualTo("one,two,");

      other.rollback();
    }
  }

  @Test
  void aWriteThatEndsInAnErrorKeepsUpNoOther() {
    var broken = new AtomicBoolean();
    var errors = new AtomicInteger();
    DataSource source =
        new AdjustedDataSource(
            pool,
            connection -> {
              if (broken.get()) {
                errors.incrementAndGet();
                throw new AssertionError("as the test wants it");
              }
            });
    try (Node node = new Node("goes-on", source)) {
      node.store("zero");
      ActorRef<Store> other = node.wake("error");
      node.store(other, "one");
      broken.set(true);
      other.tell(new Store("two", node.system.ignoreRef()));
      await().atMost(LIMIT).until(() -> errors.get() > 0);
      broken.set(false);

      for (int i = 0; i < 8; i++) {
        assertThat(node.store("word" + i)).endsWith("word" + i + ",");
      }
      await().atMost(LIMIT).until(() -> pool.getHikariPoolMXBean().getActiveConnections() == 0);
    }
  }

  @Test
  void aWriteThatIsRefusedForLackOfRoomShowsAndAnotherRefusalDoesNot() throws SQLException {
    refuseWrites("53100");
    try (Node node = new Node("full")) {
      node.storeInVain("one");

      await().atMost(LIMIT).until(() -> node.disk().refusals() == 1);
      assertThat(node.disk().state().isFull()).isTrue();
    } finally {
      Sql.execute(pool, "DROP TRIGGER refusing ON clawterm.event_journal");
    }
    refuseWrites("57014");
    try (Node node = new Node("refused")) {
      node.storeInVain("one");

      node.awaitEnd();
      assertThat(node.disk().refusals()).isZero();
      assertThat(node.disk().state().isFull()).isFalse();
    } finally {
      Sql.execute(pool, "DROP TRIGGER refusing ON clawterm.event_journal");
    }
  }

  private static void refuseWrites(String state) throws SQLException {
    Sql.execute(
        pool,
        """
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '%s';
        END
        $$
        """
            .formatted(state));
    Sql.execute(
        pool,
        "CREATE TRIGGER refusing BEFORE INSERT ON clawterm.event_journal EXECUTE FUNCTION"
            + " refuse()");
  }

  @Test
  void aDiskIsFullForAWhileAfterARefusalOrWhereTheServerWouldEnd() {
    Optional<Duration> never = Optional.empty();
    Duration moment = Duration.ofSeconds(29);

    assertThat(new DiskState(never, OptionalLong.empty()).isFull()).isFalse();
    assertThat(new DiskState(never, OptionalLong.empty()).isLow()).isFalse();
    assertThat(new DiskState(Optional.of(moment), OptionalLong.empty()).isFull()).isTrue();
    assertThat(new DiskState(Optional.of(moment.plusSeconds(1)), OptionalLong.empty()).isFull())
        .isFalse();
    assertThat(new DiskState(never, OptionalLong.of(15L << 20)).isFull()).isTrue();
    assertThat(new DiskState(never, OptionalLong.of(17L << 20)).isFull()).isFalse();
    assertThat(new DiskState(never, OptionalLong.of(1L << 29)).isLow()).isTrue();
    assertThat(new DiskState(never, OptionalLong.of(1L << 31)).isLow()).isFalse();
  }

  private static String rows(String id) throws SQLException {
    return Sql.value(
        pool,
        "SELECT min(sequence_number) || '..' || max(sequence_number)"
            + " FROM clawterm.event_journal WHERE persistence_id = '"
            + id
            + "'");
  }

  /** An actor system with one entity as its guardian. */
  private static final class Node implements AutoCloseable {

    private final String id;
    private final StorageSetup storage;
    private final ActorSystem<Store> system;

    Node(String id) {
      this(id, pool);
    }

    Node(String id, DataSource database) {
      this.id = id;
      storage = new StorageSetup(database, 8);
      var settings = BootstrapSetup.create(ConfigFactory.load("storage.conf"));
      var setup = ActorSystemSetup.create(settings, storage);
      system = ActorSystem.create(new Words(id), "storage-test", setup);
    }

    String store(String word) {
      return store(system, word);
    }

    String store(ActorRef<Store> entity, String word) {
      return AskPattern.<Store, String>askWithStatus(
              entity, replyTo -> new Store(word, replyTo), LIMIT, system.scheduler())
          .toCompletableFuture()
          .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
          .join();
    }

    ActorRef<Store> wake(String other) {
      return system.systemActorOf(new Words(other), other, Props.empty());
    }

    void storeInVain(String word) {
      system.tell(new Store(word, system.ignoreRef()));
    }

    DatabaseDisk disk() {
      return storage.disk();
    }

    List<Object> stored() {
      return PersistenceQuery.get(system)
          .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier())
          .currentEventsByPersistenceId(id, 0, Long.MAX_VALUE)
          .map(envelope -> envelope.event())
          .runWith(Sink.seq(), system)
          .toCompletableFuture()
          .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
          .join();
    }

    @Override
    public void close() {
      system.terminate();
      awaitEnd();
    }

    /** Which a failed write is, too. */
    void awaitEnd() {
      system
          .getWhenTerminated()
          .toCompletableFuture()
          .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
          .join();
    }
  }

  private record Store(String word, ActorRef<StatusReply<String>> replyTo) {}

  private static final class Words extends EventSourcedBehavior<Store, String, String> {

    Words(String id) {
      super(PersistenceId.ofUniqueId(id));
    }

    @Override
    public String emptyState() {
      return "";
    }

    @Override
    public CommandHandler<Store, String, String> commandHandler() {
      return (state, store) ->
          Effect()
              .persist(store.word())
              .thenReply(store.replyTo(), after -> StatusReply.success(after));
    }

    @Override
    public EventHandler<String, String> eventHandler() {
      return (state, word) -> state + word + ",";
    }

    @Override
    public RetentionCriteria retentionCriteria() {
      return RetentionCriteria.snapshotEvery(10, 2);
    }
  }
}
