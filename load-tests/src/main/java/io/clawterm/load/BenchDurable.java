package io.clawterm.load;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Behaviors;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.postgresql.PGConnection;

/**
 * Input frames that 1,000 sessions make durable, beside as many rows of the same size that one
 * client inserts on the same server, by multi-row INSERT and by COPY, 400 rows a transaction. No
 * sockets: each device is an actor that keeps some frames on their way.
 *
 * <p>Arguments: rounds, seconds of each.
 */
final class BenchDurable {

  private static final int SESSIONS = 1_000;
  private static final int PAYLOAD = 100;
  private static final int BATCH = 400;
  private static final double TARGET = 0.5;

  private BenchDurable() {}

  public static void main(String[] args) throws Exception {
    int rounds = Integer.parseInt(args[0]);
    long millis = Long.parseLong(args[1]) * 1_000;
    Path folder = Files.createTempDirectory("clawterm-bench");
    try (BenchNode node = BenchNode.start(Optional.of(folder.resolve("pg")), "", new Drain())) {
      Load load = Load.attach(node);
      try (Table table = Table.create(node.database())) {
        BenchReport.title("durable: " + SESSIONS + " sessions, frames of 100 bytes, PostgreSQL");
        load.run(8, millis);
        table.insert(2_000, 300);
        table.copy(2_000, 300);
        for (int window : new int[] {8, 1}) {
          compare(load, table, window, rounds, millis);
        }
      }
    } finally {
      BenchFiles.delete(folder);
    }
    System.exit(0);
  }

  private static void compare(Load load, Table table, int window, int rounds, long millis)
      throws Exception {
    double[] byInsert = new double[rounds];
    double[] byCopy = new double[rounds];
    double[] rowsByInsert = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      Journal before = table.journal();
      Rate frames = load.run(window, millis);
      Journal grown = table.journal().since(before);
      int rows = Math.toIntExact(grown.rows());
      int bytes = Math.toIntExact(grown.bytes() / Math.max(1, rows));
      double rowsPerSecond = rows / frames.seconds;
      double insert = rows / table.insert(rows, bytes);
      double copy = rows / table.copy(rows, bytes);
      byInsert[i] = frames.perSecond() / insert;
      byCopy[i] = frames.perSecond() / copy;
      rowsByInsert[i] = rowsPerSecond / insert;
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "window %d  %,7.0f frames/s in %,7.0f rows/s of %,d bytes  INSERT %,7.0f rows/s  COPY"
                  + " %,7.0f rows/s  frames/INSERT %.2f  frames/COPY %.2f  rows/INSERT %.2f",
              window,
              frames.perSecond(),
              rowsPerSecond,
              bytes,
              insert,
              copy,
              byInsert[i],
              byCopy[i],
              rowsByInsert[i]));
    }
    String what = "durable, window " + window;
    BenchReport.target(
        what + ", by INSERT", BenchReport.median(byInsert), ">=", TARGET, "frames a row");
    BenchReport.target(
        what + ", by COPY", BenchReport.median(byCopy), ">=", TARGET, "frames a row");
    BenchReport.target(
        what + ", rows", BenchReport.median(rowsByInsert), ">=", TARGET, "rows a row (INSERT)");
  }

  private record Rate(long frames, double seconds) {
    double perSecond() {
      return frames / seconds;
    }
  }

  // ---- the sessions

  /** Takes input and says nothing. */
  private static final class Drain implements Target {
    @Override
    public InputStyle inputStyle() {
      return InputStyle.VOLATILE;
    }

    @Override
    public Behavior<TargetCommand> start(TargetContext context) {
      return Behaviors.ignore();
    }
  }

  /** Starts the frames of a round. */
  private record Go(int window) {}

  /** All devices, and what they have achieved together. */
  private static final class Load {
    private final Bytes body = Bytes.wrap(new byte[PAYLOAD]);
    private final List<ActorRef<Object>> devices = new ArrayList<>();
    private final AtomicLong durable = new AtomicLong();
    private final AtomicLong underWay = new AtomicLong();
    private final CountDownLatch attached = new CountDownLatch(SESSIONS);
    private final AtomicLong detached = new AtomicLong();
    private volatile boolean going;

    static Load attach(BenchNode node) throws InterruptedException {
      var load = new Load();
      for (int i = 1; i <= SESSIONS; i++) {
        ActorRef<Object> device =
            node.system.systemActorOf(load.device(), "device-" + i, Props.empty());
        load.devices.add(device);
        var attachment =
            new Attachment(i, "bench", device.narrow(), Mode.TAKE_OVER, 262_144, Optional.empty());
        node.sessions.tell(
            new SessionId(i),
            new SessionCommand.Connect(
                Principal.LOCAL, "agent:main", Optional.empty(), Optional.empty(), attachment));
      }
      if (!load.attached.await(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException(load.attached.getCount() + " sessions are not attached");
      }
      return load;
    }

    /** One round: until the time is over and the last frame is durable. */
    Rate run(int window, long millis) throws InterruptedException {
      long before = durable.get();
      long started = System.nanoTime();
      going = true;
      underWay.set((long) window * SESSIONS);
      devices.forEach(device -> device.tell(new Go(window)));
      TimeUnit.MILLISECONDS.sleep(millis);
      going = false;
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (underWay.get() > 0) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException(
              underWay.get() + " frames are not durable, devices lost: " + detached.get());
        }
        TimeUnit.MILLISECONDS.sleep(1);
      }
      return new Rate(durable.get() - before, (System.nanoTime() - started) / 1e9);
    }

    private Behavior<Object> device() {
      return Behaviors.setup(context -> {
        var device = new Device(this);
        return Behaviors.receiveMessage(message -> {
          device.on(message);
          return Behaviors.same();
        });
      });
    }
  }

  /** A device that sends as many frames as have become durable. */
  private static final class Device {
    private final Load load;
    private Optional<ActorRef<SessionCommand>> session = Optional.empty();
    private long attachment;
    private long sent;
    private long durable;

    Device(Load load) {
      this.load = load;
    }

    void on(Object message) {
      switch (message) {
        case DeviceMessage.Attached attached -> {
          session = Optional.of(attached.entity());
          attachment = attached.attachment();
          load.attached.countDown();
        }
        case Go go -> send(go.window());
        case DeviceMessage.InputDurable input -> {
          int count = Math.toIntExact(input.upTo() - durable);
          durable = input.upTo();
          load.durable.addAndGet(count);
          if (load.going) {
            send(count);
          } else {
            load.underWay.addAndGet(-count);
          }
        }
        case DeviceMessage.Detached detached -> load.detached.incrementAndGet();
        default -> throw new IllegalStateException("not expected: " + message);
      }
    }

    private void send(int count) {
      var frame = new SessionCommand.InputFrame(load.body, false, false);
      session
          .orElseThrow()
          .tell(new SessionCommand.Input(attachment, sent + 1, Collections.nCopies(count, frame)));
      sent += count;
    }
  }

  // ---- the same rows by hand

  private record Journal(long rows, long bytes) {
    Journal since(Journal before) {
      return new Journal(rows - before.rows, bytes - before.bytes);
    }
  }

  /** A table with the columns and indexes of the journal. */
  private static final class Table implements AutoCloseable {
    private static final String CREATE =
        "CREATE TABLE clawterm.bench_journal (LIKE clawterm.event_journal INCLUDING ALL)";
    private static final String COLUMNS =
        """
        clawterm.bench_journal (persistence_id, sequence_number, deleted, writer, write_timestamp,
          adapter_manifest, event_ser_id, event_ser_manifest, event_payload)
        """;
    private static final String INSERT =
        "INSERT INTO " + COLUMNS + " VALUES (?, ?, false, ?, ?, '', 33, ?, ?)";
    private static final String SIZE =
        "SELECT count(*), coalesce(sum(length(event_payload)), 0) FROM clawterm.event_journal";
    private static final String WRITER = "0c1d7d1e-1c7a-4a9b-9d0e-5b6f7c8d9e0f";
    private static final String MANIFEST = "io.clawterm.session.SessionEvent";

    private final Connection connection;
    private final Random random = new Random(1);
    private long next;

    private Table(Connection connection) {
      this.connection = connection;
    }

    static Table create(HikariDataSource database) throws SQLException {
      Connection connection = database.getConnection();
      try (Statement statement = connection.createStatement()) {
        statement.execute(CREATE);
      }
      connection.setAutoCommit(false);
      return new Table(connection);
    }

    Journal journal() throws SQLException {
      try (Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery(SIZE)) {
        row.next();
        var journal = new Journal(row.getLong(1), row.getLong(2));
        connection.commit();
        return journal;
      }
    }

    /** The seconds that it takes. */
    double insert(int rows, int bytes) throws SQLException {
      byte[] payload = payload(bytes);
      long started = System.nanoTime();
      try (PreparedStatement statement = connection.prepareStatement(INSERT)) {
        for (int done = 0; done < rows; done += BATCH) {
          for (int i = done; i < Math.min(rows, done + BATCH); i++) {
            statement.setString(1, session());
            statement.setLong(2, next++ / SESSIONS + 1);
            statement.setString(3, WRITER);
            statement.setLong(4, started);
            statement.setString(5, MANIFEST);
            statement.setBytes(6, payload);
            statement.addBatch();
          }
          statement.executeBatch();
          connection.commit();
        }
      }
      return (System.nanoTime() - started) / 1e9;
    }

    /** The same by COPY. */
    double copy(int rows, int bytes) throws SQLException, IOException {
      String payload = HexFormat.of().formatHex(payload(bytes));
      long started = System.nanoTime();
      var copy = connection.unwrap(PGConnection.class).getCopyAPI();
      for (int done = 0; done < rows; done += BATCH) {
        var text = new StringBuilder();
        for (int i = done; i < Math.min(rows, done + BATCH); i++) {
          String session = session();
          text.append(session).append('\t').append(next++ / SESSIONS + 1);
          text.append("\tf\t").append(WRITER).append('\t').append(started);
          text.append("\t\t33\t").append(MANIFEST).append("\t\\\\x").append(payload);
          text.append('\n');
        }
        copy.copyIn("COPY " + COLUMNS + " FROM STDIN", new StringReader(text.toString()));
        connection.commit();
      }
      return (System.nanoTime() - started) / 1e9;
    }

    private String session() {
      return String.format(Locale.ROOT, "session|%08x", next % SESSIONS);
    }

    private byte[] payload(int bytes) {
      byte[] payload = new byte[bytes];
      random.nextBytes(payload);
      return payload;
    }

    @Override
    public void close() throws SQLException {
      connection.close();
    }
  }
}
