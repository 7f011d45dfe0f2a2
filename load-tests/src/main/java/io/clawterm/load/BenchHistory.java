package io.clawterm.load;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import akka.serialization.Serializer;
import akka.serialization.Serializers;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Received;
import io.clawterm.client.ResumeOptions;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionEvent;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/**
 * One session with a very long journal: how long it takes to wake it, with its snapshot and without
 * one, and to get a page from anywhere in its log.
 *
 * <p>A real node opens the session; events as its target would emit them, in the form that the
 * project's own serializer gives them, are copied behind what it has stored; the node takes the
 * snapshot itself. Each waking is that of a node that has just started and has woken a few small
 * sessions before; the first pages of its log that a node reads are told apart from later ones.
 * Arguments: how many events, and how many starts.
 */
final class BenchHistory {

  private static final Duration READY = Duration.ofMinutes(5);
  private static final Duration STOP = Duration.ofMinutes(1);
  private static final int WAIT_SECONDS = 180;
  private static final int PAGE = 500;
  private static final int PAGES = 8;

  /** Those that are read before the last ones are measured. */
  private static final int PAGES_BETWEEN = 100;

  private static final int SMALL = 5;
  private static final int SMALL_WAKINGS = 20;
  private static final double TARGET_WAKING_SECONDS = 2;
  private static final double TARGET_PAGE_MILLIS = 100;

  /** As {@code clawterm.session.snapshot-every} is delivered. */
  private static final long SNAPSHOT_EVERY = 500;

  private final NodeProcess node;
  private final Path folder;
  private final Random random = new Random(30);
  private final List<Double> firstPages = new ArrayList<>();
  private final List<Double> nextPages = new ArrayList<>();
  private final List<Double> lastPages = new ArrayList<>();

  private BenchHistory(NodeProcess node, Path folder) {
    this.node = node;
    this.folder = folder;
  }

  /**
   * What came out, at the median.
   *
   * @param wakingSeconds with a snapshot
   * @param pageMillis on a node that has read some
   */
  record Figures(double wakingSeconds, double pageMillis) {

    boolean areGood() {
      return wakingSeconds <= TARGET_WAKING_SECONDS && pageMillis <= TARGET_PAGE_MILLIS;
    }
  }

  public static void main(String[] args) throws Exception {
    var unused = run(Long.parseLong(args[0]), Integer.parseInt(args[1]));
  }

  static Figures run(long about, int starts) throws Exception {
    long events = about / SNAPSHOT_EVERY * SNAPSHOT_EVERY;
    Path folder = Files.createTempDirectory("clawterm-history");
    try (NodeProcess node =
        NodeProcess.on(folder.resolve("node"), new Random(), false, List.of())) {
      return new BenchHistory(node, folder).measure(events, starts);
    } finally {
      BenchFiles.delete(folder);
    }
  }

  private Figures measure(long events, int starts) throws Exception {
    BenchReport.title("history: one session with %,d events".formatted(events));
    start();
    SessionId session = open("long.json", 1).getFirst();
    open("small.json", SMALL);
    node.stop(STOP);
    long head = fill(session, events - 1);

    // Its first commit is number `events`, at which it takes a snapshot.
    double without = waking(session, head);
    requireSnapshot(session, events);
    double[] with = new double[starts];
    for (int i = 0; i < starts; i++) {
      with[i] = waking(session, head);
    }
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "woken without a snapshot: %.2f s; with one: %.3f s (longest %.3f)",
            without,
            BenchReport.median(with),
            BenchReport.percentile(100, with)));
    double first = report("the first %d of each start".formatted(PAGES), firstPages);
    double next = report("the next %d".formatted(PAGES), nextPages);
    double last = report("after %d more".formatted(PAGES_BETWEEN), lastPages);
    BenchReport.target(
        "waking with a snapshot", BenchReport.median(with), "<=", TARGET_WAKING_SECONDS, "s");
    BenchReport.target("a page, the first ones", first, "<=", TARGET_PAGE_MILLIS, "ms");
    BenchReport.target("a page, the next ones", next, "<=", TARGET_PAGE_MILLIS, "ms");
    BenchReport.target("a page, later ones", last, "<=", TARGET_PAGE_MILLIS, "ms");
    return new Figures(BenchReport.median(with), last);
  }

  private static double report(String which, List<Double> millis) {
    double[] each = millis.stream().mapToDouble(Double::doubleValue).toArray();
    double median = BenchReport.median(each);
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%d pages of %d entries from anywhere, %s: p50 %.1f ms, longest %.1f ms",
            each.length,
            PAGE,
            which,
            median,
            BenchReport.percentile(100, each)));
    return median;
  }

  private void start() throws IOException {
    node.start();
    if (!node.awaitReady(READY)) {
      throw new IOException("the node does not start: " + node.lastWords());
    }
  }

  private ClawTermClient client(String tokens) throws IOException {
    return ClawTermClient.builder()
        .address(node.tcp())
        .credential(node.token())
        .device("bench")
        .tokenFile(folder.resolve(tokens))
        .patience(Duration.ofSeconds(WAIT_SECONDS)) // the whole journal takes its time
        .build();
  }

  /** Sessions that nobody has said anything in, each suspended. */
  private List<SessionId> open(String tokens, int count) throws IOException {
    List<SessionId> ids = new ArrayList<>();
    try (ClawTermClient client = client(tokens)) {
      for (int i = 0; i < count; i++) {
        ClientSession session =
            client.connect(ConnectOptions.target("agent:demo")).toCompletableFuture().join();
        ids.add(session.id());
        session.suspend().toCompletableFuture().join();
      }
    }
    return ids;
  }

  /**
   * Starts the node, wakes the session and, from the second time on, reads pages of its log.
   *
   * @return the seconds from RESUME to RESUMED
   */
  private double waking(SessionId session, long head) throws Exception {
    start();
    wakeSmallOnes();
    double seconds;
    try (ClawTermClient client = client("long.json")) {
      long begin = System.nanoTime();
      ClientSession woken =
          client
              .resume(session, ResumeOptions.asBefore().withAfter(head))
              .toCompletableFuture()
              .get(WAIT_SECONDS, TimeUnit.SECONDS);
      seconds = (System.nanoTime() - begin) / 1e9;
      woken.suspend().toCompletableFuture().join();
      pages(PAGES, firstPages, client, session, head);
      pages(PAGES, nextPages, client, session, head);
      pages(PAGES_BETWEEN, new ArrayList<>(), client, session, head);
      pages(2 * PAGES, lastPages, client, session, head);
    }
    node.stop(STOP);
    return seconds;
  }

  private void pages(
      int count, List<Double> millis, ClawTermClient client, SessionId session, long head)
      throws Exception {
    for (int i = 0; i < count; i++) {
      millis.add(page(client, session, random.nextLong(head - PAGE)));
    }
  }

  private void wakeSmallOnes() throws Exception {
    try (ClawTermClient client = client("small.json")) {
      List<SessionId> small = client.sessions().stream().map(known -> known.id()).toList();
      for (int i = 0; i < SMALL_WAKINGS; i++) {
        ClientSession session =
            client
                .resume(small.get(i % small.size()))
                .toCompletableFuture()
                .get(WAIT_SECONDS, TimeUnit.SECONDS);
        session.suspend().toCompletableFuture().join();
      }
    }
  }

  /** The milliseconds from RESUME, with what follows a number, to the end of the first page. */
  private double page(ClawTermClient client, SessionId session, long after) throws Exception {
    var whole = new CountDownLatch(PAGE);
    long begin = System.nanoTime();
    ClientSession reader =
        client
            .resume(session, ResumeOptions.asBefore().withAfter(after))
            .toCompletableFuture()
            .get(WAIT_SECONDS, TimeUnit.SECONDS);
    var trouble = new ArrayList<String>();
    reader.onOutput(received -> {
      if (received instanceof Received.Entry entry && whole.getCount() > 0) {
        if (entry.number() != after + 1 + PAGE - whole.getCount()) {
          trouble.add("entry " + entry.number() + " came " + whole.getCount() + " before the end");
        }
        whole.countDown();
      }
    });
    if (!whole.await(WAIT_SECONDS, TimeUnit.SECONDS) || !trouble.isEmpty()) {
      throw new IOException("no page after " + after + ": " + trouble);
    }
    double millis = (System.nanoTime() - begin) / 1e6;
    reader.suspend().toCompletableFuture().join();
    return millis;
  }

  /** Copies events behind those that are there, up to a number; the log's newest number then. */
  private long fill(SessionId session, long upTo) throws Exception {
    String persistenceId = "session|" + session;
    try (EmbeddedPostgres server = postgres();
        Connection connection = connect(server);
        Statement statement = connection.createStatement();
        Events events = new Events()) {
      statement.execute("SET clawterm.node = 'operator'");
      long stored =
          number(
              statement,
              "SELECT max(sequence_number) FROM clawterm.event_journal WHERE persistence_id = '"
                  + persistenceId
                  + "'");
      CopyIn copy =
          connection
              .unwrap(PGConnection.class)
              .getCopyAPI()
              .copyIn(
                  "COPY clawterm.event_journal (persistence_id, sequence_number, writer,"
                      + " write_timestamp, adapter_manifest, event_ser_id, event_ser_manifest,"
                      + " event_payload) FROM STDIN");
      long head = 0; // nothing was said yet
      for (long number = stored + 1; number <= upTo; number++) {
        byte[] row = events.row(persistenceId, number, head++);
        copy.writeToCopy(row, 0, row.length);
      }
      BenchReport.line("%,d events copied".formatted(copy.endCopy()));
      statement.execute("ANALYZE");
      return head;
    }
  }

  private void requireSnapshot(SessionId session, long number) throws SQLException {
    try (EmbeddedPostgres server = postgres();
        Connection connection = connect(server);
        Statement statement = connection.createStatement()) {
      long newest =
          number(
              statement,
              "SELECT coalesce(max(sequence_number), 0) FROM clawterm.snapshot"
                  + " WHERE persistence_id = 'session|"
                  + session
                  + "'");
      if (newest != number) {
        throw new IllegalStateException(
            "the session's newest snapshot is of " + newest + ", not of " + number);
      }
    }
  }

  private EmbeddedPostgres postgres() {
    return EmbeddedPostgres.start(
        folder.resolve("node/postgres"), EmbeddedPostgresSettings.defaults());
  }

  private static Connection connect(EmbeddedPostgres server) throws SQLException {
    return Databases.connect(server.target(), new DatabaseSettings(2, STOP, READY, false))
        .getConnection();
  }

  private static long number(Statement statement, String sql) throws SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Rows of the journal, as text for COPY. */
  private static final class Events implements AutoCloseable {
    private final ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(),
            "history",
            ConfigFactory.parseString("akka.loglevel = WARNING")
                .withFallback(ConfigFactory.load()));
    private final Serialization serialization = SerializationExtension.get(system);
    private final HexFormat hex = HexFormat.of();
    private final Instant at = Instant.now();

    /** One word of an answer. */
    byte[] row(String persistenceId, long number, long head) {
      var emitted =
          new SessionEvent.Emitted(
              List.of(Entry.text("word " + head + " ")), OptionalLong.empty(), Optional.empty());
      var event = new SessionEvent(at, head, List.of(emitted), Optional.empty());
      Serializer serializer = serialization.findSerializerFor(event);
      return String.join(
              "\t",
              persistenceId,
              Long.toString(number),
              "bench",
              Long.toString(at.toEpochMilli()),
              "",
              Integer.toString(serializer.identifier()),
              Serializers.manifestFor(serializer, event),
              "\\\\x" + hex.formatHex(serializer.toBinary(event)) + "\n")
          .getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    }
  }
}
