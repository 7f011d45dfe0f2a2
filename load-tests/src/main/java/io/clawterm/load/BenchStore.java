package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * What suspended sessions in the store cost a node that starts: time until it serves, and memory a
 * while later, with one session and with many copies of it.
 *
 * <p>Arguments: how many, and how many starts of each kind.
 */
final class BenchStore {

  private static final Duration READY = Duration.ofMinutes(5);
  private static final Duration STOP = Duration.ofMinutes(1);
  private static final long SETTLE_SECONDS = 15;
  private static final int PAIRS = 3;
  private static final double TARGET_RATIO = 1.1;

  private static final String COPY_EVENTS =
      """
      INSERT INTO clawterm.event_journal (persistence_id, sequence_number, deleted, writer,
        write_timestamp, adapter_manifest, event_ser_id, event_ser_manifest, event_payload)
      SELECT 'session|' || lpad(to_hex(copy + 16777216), 8, '0'), sequence_number, deleted, writer,
        write_timestamp, adapter_manifest, event_ser_id, event_ser_manifest, event_payload
      FROM generate_series(1, ?) copy, clawterm.event_journal WHERE persistence_id = ?
      ORDER BY copy, sequence_number
      """;

  private static final String COPY_SUMMARY =
      """
      INSERT INTO clawterm.session_summary
      SELECT lpad(to_hex(copy + 16777216), 8, '0'), position, tenant, owner, NULL, target, state,
        ended_reason, created_at, touched_at, expiry_seconds, expires_at, run_open, devices
      FROM generate_series(1, ?) copy, clawterm.session_summary WHERE session_id = ?
      """;

  private record Cost(double seconds, double mebibytes) {}

  private BenchStore() {}

  public static void main(String[] args) throws IOException, InterruptedException, SQLException {
    var unused = run(Integer.parseInt(args[0]), Integer.parseInt(args[1]));
  }

  /** Runs it; true where neither is more than a tenth above what one session costs. */
  static boolean run(int copies, int starts)
      throws IOException, InterruptedException, SQLException {
    Path folder = Files.createTempDirectory("clawterm-store");
    try (NodeProcess node =
        NodeProcess.on(folder.resolve("node"), new Random(), false, List.of())) {
      SessionId session = session(node);
      Cost few = starts(node, starts);
      copy(folder.resolve("node/postgres"), session, copies);
      Cost many = starts(node, starts);
      BenchReport.title("store: %,d suspended sessions".formatted(copies));
      boolean soon = report("ready", "s", few.seconds(), many.seconds());
      boolean small = report("resident memory", "MiB", few.mebibytes(), many.mebibytes());
      return soon && small;
    } finally {
      BenchFiles.delete(folder);
    }
  }

  /** One session that has been talked to and suspended; the node is stopped then. */
  private static SessionId session(NodeProcess node) throws IOException, InterruptedException {
    start(node);
    SessionId id;
    try (ClawTermClient client =
        ClawTermClient.builder().address(node.tcp()).credential(node.token()).build()) {
      ClientSession session =
          client.connect(ConnectOptions.target("agent:demo")).toCompletableFuture().join();
      for (int i = 0; i < PAIRS; i++) {
        session.send("count to 20 at 40 per second").toCompletableFuture().join();
      }
      TimeUnit.SECONDS.sleep(PAIRS);
      session.suspend().toCompletableFuture().join();
      id = session.id();
    }
    TimeUnit.SECONDS.sleep(2);
    node.stop(STOP);
    return id;
  }

  private static double start(NodeProcess node) throws IOException {
    long begin = System.nanoTime();
    node.start();
    if (!node.awaitReady(READY)) {
      throw new IOException("the node does not start: " + node.lastWords());
    }
    return (System.nanoTime() - begin) / 1e9;
  }

  private static Cost starts(NodeProcess node, int count) throws IOException, InterruptedException {
    double[] seconds = new double[count];
    double[] mebibytes = new double[count];
    for (int i = 0; i < count; i++) {
      seconds[i] = start(node);
      TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
      mebibytes[i] = node.residentBytes() / 1024.0 / 1024.0;
      node.stop(STOP);
    }
    return new Cost(BenchReport.median(seconds), BenchReport.median(mebibytes));
  }

  private static void copy(Path postgres, SessionId session, int copies) throws SQLException {
    try (EmbeddedPostgres server =
            EmbeddedPostgres.start(postgres, EmbeddedPostgresSettings.defaults());
        Connection connection =
            Databases.connect(server.target(), new DatabaseSettings(2, STOP, READY, false))
                .getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("SET clawterm.node = 'operator'");
      insert(connection, COPY_EVENTS, copies, "session|" + session);
      insert(connection, COPY_SUMMARY, copies, session.toString());
      statement.execute("ANALYZE");
    }
  }

  private static void insert(Connection connection, String sql, int copies, String of)
      throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement(sql)) {
      insert.setInt(1, copies);
      insert.setString(2, of);
      BenchReport.line("%,d rows copied".formatted(insert.executeLargeUpdate()));
    }
  }

  private static boolean report(String what, String unit, double few, double many) {
    double ratio = many / few;
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%s  with one %.2f %s  with all %.2f %s  ratio %.2f",
            what,
            few,
            unit,
            many,
            unit,
            ratio));
    BenchReport.target(what + " of a start", ratio, "<=", TARGET_RATIO, "times");
    return ratio <= TARGET_RATIO;
  }
}
