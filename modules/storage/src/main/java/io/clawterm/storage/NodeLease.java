package io.clawterm.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * A node's right to write, for one life of its process: a row with a number, and a lock that a
 * connection of its own holds as long as the process lives.
 *
 * <p>When that connection breaks, the lock is taken again under the same number; the database may
 * have been restarted. Where the number was fenced in the meantime the lease is lost for good, and
 * whoever holds it must end and start anew. A database that does not answer loses nothing: without
 * it nobody can write, and nobody can take over.
 */
public final class NodeLease implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(NodeLease.class);

  /** How soon a broken connection, a fence or a wrong clock shows. */
  private static final Duration BEAT = Duration.ofMillis(500);

  private static final int ANSWERS = 5;

  private static final Duration UNLIMITED = Duration.ofDays(36_500);

  private static final String REGISTER =
      """
      INSERT INTO clawterm.cluster_node (cluster, version) VALUES (?, ?) RETURNING number
      """;

  /** Rows of lives long past tell nobody anything, and a life without a row cannot write. */
  private static final String FORGET =
      """
      DELETE FROM clawterm.cluster_node WHERE fenced_at < now() - INTERVAL '7 days'
      """;

  /**
   * By these the server notices within 5 s that a machine is gone without a word, and frees the
   * lock. Its own defaults are two hours. On a Unix socket they mean nothing.
   */
  private static final String NOTICE_LOSS =
      """
      SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3;
      SET tcp_user_timeout = 4000
      """;

  private static final String LOCK =
      """
      SELECT pg_try_advisory_lock(?, ?)
      """;

  private static final String BEAT_SQL =
      """
      SELECT clock_timestamp(), fenced_at IS NULL, draining_at IS NOT NULL, ARRAY(
        SELECT address || ' ' || uid FROM clawterm.cluster_node
        WHERE draining_at IS NOT NULL AND fenced_at IS NULL AND address <> '')
      FROM clawterm.cluster_node WHERE number = ?
      """;

  private static final String DESCRIBE =
      """
      UPDATE clawterm.cluster_node SET address = ?, uid = ?, devices_at = ? WHERE number = ?
      """;

  private static final String LEAVE =
      """
      UPDATE clawterm.cluster_node SET fenced_at = now(), fenced_by = number
      WHERE number = ? AND fenced_at IS NULL
      """;

  private final DataSource database;
  private final InstantSource clock;
  private final int number;
  private final Thread watch;
  private volatile Duration skew;
  private final Deque<Duration> lastAnswers = new ArrayDeque<>();
  private volatile Duration roundTrip = Duration.ZERO;
  private volatile Duration maxSkew = UNLIMITED;
  private volatile Confirmed confirmed;
  private volatile boolean held = true;
  private boolean clockWasRight = true;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile Runnable whenLost = () -> {};
  private volatile Set<String> draining = Set.of();
  private volatile boolean drains;
  private volatile Consumer<Boolean> whenDrains = drains -> {};

  /**
   * When the question was sent that the database has answered with yes, by two clocks: the one goes
   * on while the process is stopped, the other while the machine is.
   */
  private record Confirmed(long nanos, Instant at) {

    static Confirmed now(InstantSource clock) {
      return new Confirmed(System.nanoTime(), clock.instant());
    }

    /** How long ago; a wall clock that was set forward makes it longer until the next beat. */
    Duration age(InstantSource clock) {
      Duration running = Duration.ofNanos(System.nanoTime() - nanos);
      Duration passed = Duration.between(at, clock.instant());
      return running.compareTo(passed) >= 0 ? running : passed;
    }
  }

  private NodeLease(
      DataSource database, InstantSource clock, int number, Connection connection, Duration skew) {
    this.database = database;
    this.clock = clock;
    this.number = number;
    this.skew = skew;
    this.confirmed = Confirmed.now(clock);
    this.watch =
        Thread.ofPlatform().name("clawterm-lease").daemon().unstarted(() -> watch(connection));
  }

  /**
   * Registers a life and takes its lock.
   *
   * @param database each lease keeps one of its connections
   * @throws StorageException when the database does not answer
   */
  public static NodeLease acquire(
      DataSource database, InstantSource clock, String cluster, String version) {
    try {
      Connection connection = connect(database);
      try {
        int number = register(connection, cluster, version);
        if (!lock(connection, number)) {
          throw new StorageException("The lock of node " + number + " is somebody else's");
        }
        var lease = new NodeLease(database, clock, number, connection, Duration.ZERO);
        lease.beat(connection);
        lease.watch.start();
        return lease;
      } catch (SQLException | RuntimeException e) {
        discard(connection);
        throw e;
      }
    } catch (SQLException e) {
      throw new StorageException("Can't register with the database: " + e.getMessage(), e);
    }
  }

  private static Connection connect(DataSource database) throws SQLException {
    Connection connection = database.getConnection();
    try (Statement statement = connection.createStatement()) {
      connection.setAutoCommit(true); // a host's data source may say otherwise
      statement.execute(NOTICE_LOSS);
      return connection;
    } catch (SQLException e) {
      discard(connection);
      throw e;
    }
  }

  private static int register(Connection connection, String cluster, String version)
      throws SQLException {
    try (PreparedStatement forget = connection.prepareStatement(FORGET)) {
      forget.executeUpdate();
    }
    try (PreparedStatement insert = connection.prepareStatement(REGISTER)) {
      insert.setString(1, cluster);
      insert.setString(2, version);
      try (ResultSet row = insert.executeQuery()) {
        row.next();
        return row.getInt(1);
      }
    }
  }

  private static boolean lock(Connection connection, int number) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(LOCK)) {
      query.setInt(1, ClusterNodes.LIFE);
      query.setInt(2, number);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  /** The number of this life. */
  public int number() {
    return number;
  }

  /** Whether this life may still write, as far as is known. */
  public boolean isHeld() {
    return held;
  }

  /** By how much this machine's clock is ahead of the database's; negative: behind. */
  public Duration skew() {
    return skew;
  }

  /** How the right to write stands now. */
  public LeaseState state() {
    return new LeaseState(number, held, confirmed.age(clock), roundTrip, skew, maxSkew);
  }

  /** From now on a warning is logged whenever the clock goes wrong by more than this. */
  public void watchClock(Duration limit) {
    maxSkew = limit;
  }

  /** Runs this, on a thread of the lease, when the right to write is lost. Set once. */
  public void whenLost(Runnable action) {
    whenLost = action;
    if (!held) {
      action.run();
    }
  }

  /** All nodes that drain, {@code host:port uid}, as of the last beat. */
  public Set<String> draining() {
    return draining;
  }

  /**
   * Runs this, on the thread of the lease, when somebody wants this node to drain, and when he
   * wants it no more. It must not wait for anything. Set once.
   */
  public void whenDrains(Consumer<Boolean> action) {
    whenDrains = action;
    if (drains) {
      action.accept(true);
    }
  }

  /**
   * Tells the others where this node is.
   *
   * @param uid tells its actor system from others at the address
   * @param devicesAt empty where no device can reach it
   */
  public void describe(String address, long uid, String devicesAt) {
    try (Connection connection = database.getConnection();
        PreparedStatement update = connection.prepareStatement(DESCRIBE)) {
      update.setString(1, address);
      update.setLong(2, uid);
      update.setString(3, devicesAt);
      update.setInt(4, number);
      update.executeUpdate();
    } catch (SQLException e) {
      throw new StorageException("Can't register the address: " + e.getMessage(), e);
    }
  }

  private void watch(Connection first) {
    Connection connection = first;
    try {
      while (!closed.await(BEAT.toMillis(), TimeUnit.MILLISECONDS)) {
        try {
          if (connection.isClosed()) {
            connection = again();
          }
          if (!beat(connection)) {
            lost();
            return;
          }
        } catch (SQLException | RuntimeException e) {
          LOG.atWarn()
              .addKeyValue("node", number)
              .addKeyValue("failure", e.getMessage())
              .log("the lease is not confirmed: the database does not answer");
          discard(connection);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      discard(connection);
    }
  }

  private Connection again() throws SQLException {
    Connection connection = connect(database);
    Confirmed before = confirmed;
    try {
      if (beat(connection) && !lock(connection, number)) {
        // Whoever fences holds it for a moment: the next beat tells, and this one says nothing.
        confirmed = before;
        throw new SQLException("the lock of node " + number + " is taken");
      }
      return connection;
    } catch (SQLException | RuntimeException e) {
      discard(connection);
      throw e;
    }
  }

  /** Whether the life is not fenced. */
  private boolean beat(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(BEAT_SQL)) {
      query.setInt(1, number);
      // The answer holds for when it was asked: the process may be stopped before it is read.
      Confirmed asked = Confirmed.now(clock);
      Instant before = asked.at();
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          return false;
        }
        Instant theirs = row.getTimestamp(1).toInstant();
        Instant after = clock.instant();
        // Half of the way there and back belongs to each; a beat is only as good as its length.
        Duration way = Duration.between(before, after).dividedBy(2);
        skew = Duration.between(theirs, before.plus(way));
        checkClock(skew.abs().minus(way.abs()));
        answered(Duration.ofNanos(System.nanoTime() - asked.nanos()));
        boolean mayWrite = row.getBoolean(2);
        if (mayWrite) {
          confirmed = asked;
        }
        draining(
            row.getBoolean(3), Set.copyOf(Arrays.asList((String[]) row.getArray(4).getArray())));
        return mayWrite;
      }
    }
  }

  /** One answer that takes long may be this process's own pause; that all do is the database. */
  private void answered(Duration within) {
    if (lastAnswers.size() == ANSWERS) {
      lastAnswers.removeFirst();
    }
    lastAnswers.addLast(within);
    roundTrip = Collections.min(lastAnswers);
  }

  private void draining(boolean mine, Set<String> all) {
    draining = all;
    if (mine != drains) {
      drains = mine;
      whenDrains.accept(mine);
    }
  }

  /**
   * A clock may go wrong long after the start.
   *
   * @param atLeast by how much it is wrong, however the time of the beat was spent
   */
  private void checkClock(Duration atLeast) {
    boolean right = atLeast.compareTo(maxSkew) <= 0;
    if (right != clockWasRight) {
      LOG.atLevel(right ? Level.INFO : Level.WARN)
          .addKeyValue("node", number)
          .addKeyValue("skewSeconds", skew.toSeconds())
          .log(
              right
                  ? "the clock of this machine agrees with the database's again"
                  : "the clock of this machine is wrong, or the database's is: sessions and tokens"
                      + " expire at the wrong time");
    }
    clockWasRight = right;
  }

  private void lost() {
    held = false;
    LOG.atError()
        .addKeyValue("node", number)
        .log("another node has taken over: this one may write nothing any more and ends");
    whenLost.run();
  }

  /** A pooled connection must not go back with the lock on it: it is cut. */
  private static void discard(Connection connection) {
    try {
      if (!connection.isClosed()) {
        connection.abort(Runnable::run);
      }
      connection.close();
    } catch (SQLException e) {
      LOG.atDebug().setCause(e).log("a broken connection could not be closed");
    }
  }

  /** Ends this life: it writes nothing any more, and the others need not wait for it. */
  @Override
  public void close() {
    if (closed.getCount() == 0) {
      return;
    }
    closed.countDown();
    if (held) {
      try (Connection connection = database.getConnection();
          PreparedStatement leave = connection.prepareStatement(LEAVE)) {
        leave.setInt(1, number);
        leave.executeUpdate();
      } catch (SQLException e) {
        LOG.atWarn()
            .addKeyValue("node", number)
            .setCause(e)
            .log("the end of this node could not be registered; its lock goes with its connection");
      }
    }
    held = false;
    try {
      watch.join(BEAT.multipliedBy(4));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
