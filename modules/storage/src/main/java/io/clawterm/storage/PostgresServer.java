package io.clawterm.storage;

import io.clawterm.config.Secret;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.util.PSQLState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server process of a data folder: taken over, started, stopped.
 *
 * <p>Only {@link #startAgain} and {@link #close} may be called from two threads at once.
 */
final class PostgresServer {

  private static final Logger LOG = LoggerFactory.getLogger(PostgresServer.class);

  private static final Duration POLL = Duration.ofMillis(3);

  /** How long what is left of a killed server may take to end: its processes, its memory. */
  private static final Duration LEFT_OVER = Duration.ofSeconds(15);

  private static final Duration IMMEDIATE_STOP = Duration.ofSeconds(10);
  private static final Duration COMMAND = Duration.ofSeconds(10);
  private static final int CONNECT_SECONDS = 5;
  private static final int PORT_ATTEMPTS = 5;

  private static final List<String> PORT_TAKEN =
      List.of("could not bind", "Address already in use");
  private static final List<String> STILL_IN_USE =
      List.of("pre-existing shared memory block", "lock file \"postmaster.pid\" already exists");

  private final PostgresBinaries binaries;
  private final ServerAccount account;
  private final PostgresData data;
  private final PostgresLog log;
  private final EmbeddedPostgresSettings settings;
  private final ReentrantLock life = new ReentrantLock();
  private volatile boolean closing;
  private Optional<PostmasterFile> seen = Optional.empty();

  PostgresServer(
      PostgresBinaries binaries,
      ServerAccount account,
      PostgresData data,
      PostgresLog log,
      EmbeddedPostgresSettings settings) {
    this.binaries = binaries;
    this.account = account;
    this.data = data;
    this.log = log;
    this.settings = settings;
  }

  /** Takes over the server that runs on the folder, or starts one; returns its port. */
  int adoptOrStart(Secret password) throws IOException {
    Optional<PostmasterFile> left = PostmasterFile.in(data.folder());
    if (left.isPresent() && left.get().isRunning()) {
      Optional<Integer> adopted =
          data.isConfigured(settings) ? adopt(left.get().pid(), password) : Optional.empty();
      if (adopted.isPresent()) {
        LOG.atInfo().addKeyValue("port", adopted.get()).log("Took over the database server");
        return adopted.get();
      }
      LOG.info("Stopping the database server that an earlier node left");
      stop();
    }
    boolean started = false;
    try {
      int port = startServer(OptionalInt.empty());
      started = true;
      return port;
    } finally {
      if (!started) {
        stopEvenIfInterrupted();
      }
    }
  }

  /**
   * Starts the server on the port that it had, unless it runs or was closed. A server that can't
   * finish its start in time is left at it: a long recovery must not begin anew.
   *
   * @return whether it was started
   */
  boolean startAgain(int port) throws IOException {
    life.lock();
    try {
      if (closing || isAlive()) {
        return false;
      }
      startServer(OptionalInt.of(port));
      return true;
    } finally {
      life.unlock();
    }
  }

  /** The port of the running server, once it lets us in; empty if it doesn't. */
  private Optional<Integer> adopt(long pid, Secret password) throws IOException {
    long deadline = System.nanoTime() + settings.startTimeout().toNanos();
    while (System.nanoTime() < deadline) {
      Optional<PostmasterFile> server =
          PostmasterFile.in(data.folder()).filter(file -> file.pid() == pid && file.isRunning());
      if (server.isEmpty() || server.get().state().equals("stopping")) {
        return Optional.empty();
      }
      if (server.get().isReady()) {
        int port = server.get().port();
        return isOurs(port, password) ? Optional.of(port) : Optional.empty();
      }
      pause();
    }
    return Optional.empty();
  }

  private boolean isOurs(int port, Secret password) throws IOException {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(url(port));
    source.setUser(PostgresData.USER);
    source.setPassword(password.value());
    source.setLoginTimeout(CONNECT_SECONDS);
    source.setSocketTimeout(CONNECT_SECONDS);
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("SELECT current_setting('data_directory')")) {
      return result.next() && Files.isSameFile(Path.of(result.getString(1)), data.folder());
    } catch (SQLException e) {
      LOG.atWarn()
          .addKeyValue("sqlState", String.valueOf(e.getSQLState()))
          .addKeyValue("connection", PSQLState.isConnectionError(e.getSQLState()))
          .log("The database server that an earlier node left does not answer");
      return false;
    }
  }

  /**
   * Starts the server on this port, or on a free one. Somebody else may have taken a free port
   * before the server got it; a port that clients know already can only be waited for.
   */
  private int startServer(OptionalInt known) throws IOException {
    long deadline = System.nanoTime() + LEFT_OVER.toNanos();
    int portAttempts = 0;
    while (true) {
      int port = known.isPresent() ? known.getAsInt() : freePort();
      data.configure(settings, port);
      deleteStaleFile();
      long position = log.size();
      if (runsAfter(startCommand())) {
        return port;
      }
      if (known.isEmpty() && log.says(position, PORT_TAKEN) && ++portAttempts < PORT_ATTEMPTS) {
        continue;
      }
      if (!log.says(position, STILL_IN_USE) || System.nanoTime() > deadline) {
        throw failedToStart(log.since(position));
      }
      pauseStart();
    }
  }

  /** PostgreSQL itself would refuse to start if some other process had that id by now. */
  private void deleteStaleFile() throws IOException {
    if (!isRunning()) {
      Files.deleteIfExists(data.folder().resolve(PostmasterFile.NAME));
    }
  }

  private Process startCommand() throws IOException {
    String seconds = String.valueOf(settings.startTimeout().toSeconds());
    return Command.start(
        pgCtl("start", "--wait", "--timeout=" + seconds, "--log=" + log.file()), data.folder());
  }

  /**
   * Waits until the server accepts connections, or pg_ctl has given up. The state is read from the
   * server's file every few milliseconds, as pg_ctl looks only ten times a second; but it is pg_ctl
   * that learns when the server ends early.
   */
  private boolean runsAfter(Process starting) throws IOException {
    boolean settled = false;
    try {
      while (starting.isAlive()) {
        if (PostmasterFile.in(data.folder()).filter(PostmasterFile::isReady).isPresent()) {
          settled = true;
          return true;
        }
        pauseStart();
      }
      settled = true;
      return starting.exitValue() == 0;
    } finally {
      if (!settled) {
        stopStarting(starting);
      }
    }
  }

  /** Ends a start that is given up. The server can't be stopped before it has written its file. */
  private void stopStarting(Process starting) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (starting.isAlive() && !isRunning()) {
        LockSupport.parkNanos(POLL.toNanos());
      }
      stop();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private StorageException failedToStart(String logged) {
    if (logged.contains("No space left on device")) {
      return Folders.unusable(data.folder(), new IOException("No space left on device"));
    }
    return new StorageException(
        "The embedded PostgreSQL does not start on "
            + data.folder()
            + ". Its log ("
            + log.file()
            + ") says: "
            + logged);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  static String url(int port) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/postgres";
  }

  private void pauseStart() {
    pause();
    if (closing) {
      throw new StorageException("The embedded PostgreSQL was closed while it started");
    }
  }

  private static void pause() {
    LockSupport.parkNanos(POLL.toNanos());
    if (Thread.currentThread().isInterrupted()) {
      throw new StorageException("Interrupted while waiting for the embedded PostgreSQL");
    }
  }

  /** Stops the server for good; a start that is under way is given up. */
  void close() throws IOException {
    closing = true;
    life.lock();
    try {
      stopEvenIfInterrupted();
    } finally {
      life.unlock();
    }
  }

  /** An interrupted thread must not leave the server behind. */
  private void stopEvenIfInterrupted() throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      stop();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void stop() throws IOException {
    Optional<PostmasterFile> server =
        PostmasterFile.in(data.folder()).filter(PostmasterFile::isRunning);
    if (server.isPresent()
        && !stops(server.get(), "fast", settings.stopTimeout())
        && !stops(server.get(), "immediate", IMMEDIATE_STOP)) {
      throw new StorageException(
          "The embedded PostgreSQL of " + data.folder() + " does not end; see " + log.file());
    }
  }

  /** The server removes its file before it ends, so it is the process that is waited for. */
  private boolean stops(PostmasterFile server, String mode, Duration limit) throws IOException {
    Command.run(pgCtl("stop", "--no-wait", "--mode=" + mode), data.folder(), COMMAND);
    long deadline = System.nanoTime() + limit.toNanos();
    while (server.isRunning() && System.nanoTime() < deadline) {
      pause();
    }
    return !server.isRunning();
  }

  /** Also a server that is paused, or whose file somebody has deleted, is not dead. */
  private boolean isAlive() throws IOException {
    if (seen.filter(PostmasterFile::isRunning).isEmpty()) {
      seen = PostmasterFile.in(data.folder()).filter(PostmasterFile::isRunning);
    }
    return seen.isPresent();
  }

  private boolean isRunning() throws IOException {
    return PostmasterFile.in(data.folder()).filter(PostmasterFile::isRunning).isPresent();
  }

  private List<String> pgCtl(String verb, String... options) {
    List<String> command =
        account.command(binaries.program("pg_ctl"), verb, "--silent", "--pgdata=" + data.folder());
    command.addAll(List.of(options));
    return command;
  }
}
