package io.clawterm.load;

import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The rig's PostgreSQL, and what happens to it: it is killed, its connections run out, it is
 * replaced by a replica. For use by one thread.
 */
final class RigDatabase implements AutoCloseable {

  private static final Duration REPLICA = Duration.ofSeconds(60);
  private static final Duration WAIT_FOR_REPLICA = Duration.ofSeconds(3);
  private static final String TOO_MANY_CONNECTIONS = "53300";
  private static final EmbeddedPostgresSettings SETTINGS = EmbeddedPostgresSettings.forTests();

  private final Path folder;
  private final List<Connection> crowd = new ArrayList<>();
  private Path at;
  private @Nullable Path former;
  private EmbeddedPostgres server;
  private int servers = 1;

  RigDatabase(Path folder) {
    this.folder = folder;
    this.at = folder.resolve("postgres");
    this.server = EmbeddedPostgres.start(at, SETTINGS);
  }

  JdbcTarget target() {
    return server.target();
  }

  int port() {
    return URI.create(target().url().substring("jdbc:".length())).getPort();
  }

  String database() {
    return target().url().substring(target().url().lastIndexOf('/') + 1);
  }

  /** Kills the server as kill -9 does; it is started again at once. */
  void kill() throws IOException {
    long pid =
        Long.parseLong(Files.readAllLines(at.resolve("data/postmaster.pid")).getFirst().strip());
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  private Connection connect() throws SQLException {
    JdbcTarget to = target();
    return DriverManager.getConnection(to.url(), to.user(), to.password().value());
  }

  // ---- a replica takes over

  /** A copy that is acknowledged to only once it has a commit as well. */
  record Replica(Path at, EmbeddedPostgres server) {}

  /** Makes a synchronous replica; from here on no commit is acknowledged that it has not got. */
  Replica replicate() throws IOException, InterruptedException {
    servers++;
    Path copy = folder.resolve("postgres" + servers);
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      Files.writeString(
          at.resolve("data/pg_hba.conf"),
          "host replication all 127.0.0.1/32 scram-sha-256\n",
          StandardOpenOption.APPEND);
      statement.execute("ALTER SYSTEM SET wal_keep_size = '512MB'");
      statement.execute("SELECT pg_reload_conf()");
      statement.execute("SELECT pg_backup_start('replica', true)");
      Files.createDirectories(copy);
      run("cp", "-a", at.resolve("data").toString(), copy.toString());
      String label;
      try (ResultSet stopped = statement.executeQuery("SELECT labelfile FROM pg_backup_stop()")) {
        stopped.next();
        label = stopped.getString(1);
      }
      var replica = new Replica(copy, standby(copy, label));
      statement.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
      statement.execute("SELECT pg_reload_conf()");
      awaitTrue(
          statement, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
      return replica;
    } catch (SQLException e) {
      throw new IOException("no replica", e);
    }
  }

  private EmbeddedPostgres standby(Path copy, String label) throws IOException {
    Path data = copy.resolve("data");
    Files.delete(data.resolve("postmaster.pid"));
    Files.writeString(data.resolve("backup_label"), label);
    Files.createFile(data.resolve("standby.signal"));
    Files.writeString(
        data.resolve("postgresql.auto.conf"),
        "primary_conninfo = 'host=127.0.0.1 port=%d user=%s password=%s'%n"
            .formatted(port(), target().user(), target().password().value()),
        StandardOpenOption.APPEND);
    run("chown", "-R", "--reference=" + data.resolve("PG_VERSION"), data.toString());
    return EmbeddedPostgres.start(copy, SETTINGS);
  }

  /** Kills the server for good; the replica takes its place. */
  void failOver(Replica to) throws IOException, InterruptedException {
    kill();
    server.close();
    former = at;
    at = to.at();
    server = to.server();
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute("SELECT pg_promote(true, 60)");
      awaitTrue(statement, "SELECT NOT pg_is_in_recovery()");
    } catch (SQLException e) {
      throw new IOException("the replica was not promoted", e);
    }
  }

  /**
   * Whether the server that a replica has replaced acknowledges anything once it runs again. It
   * commits with its replica or not at all, and that one is its own master now.
   */
  boolean formerAcknowledges() throws IOException {
    try (EmbeddedPostgres back =
            EmbeddedPostgres.start(
                Objects.requireNonNull(former, "nobody was replaced"), SETTINGS);
        Connection connection =
            DriverManager.getConnection(
                back.target().url() + "?socketTimeout=" + WAIT_FOR_REPLICA.toSeconds(),
                back.target().user(),
                back.target().password().value());
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE too_late (number integer)");
      return true;
    } catch (SQLException e) {
      if (e.getCause() instanceof SocketTimeoutException) {
        return false;
      }
      throw new IOException("the server that was replaced could not be asked", e);
    }
  }

  private static void awaitTrue(Statement statement, String question)
      throws IOException, InterruptedException {
    if (!Swarm.becomes(() -> isTrue(statement, question), REPLICA)) {
      throw new IOException("never true: " + question);
    }
  }

  private static boolean isTrue(Statement statement, String question) {
    try (ResultSet answer = statement.executeQuery(question)) {
      return answer.next() && answer.getBoolean(1);
    } catch (SQLException e) {
      throw new IllegalStateException(question, e);
    }
  }

  /** Files that vanish while they are copied are none that a backup needs. */
  private static void run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (process.onExit().join().exitValue() != 0 && !said.contains("No such file")) {
      throw new IOException(String.join(" ", command) + ": " + said);
    }
  }

  // ---- connections run out

  /** Takes the connections that the server has left, and most of those that the nodes have. */
  void crowd() throws IOException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (int round = 0; round < 3; round++) {
        takeAll();
        // Not those whose lock says that a node lives.
        statement.execute(
            """
            SELECT pg_terminate_backend(pid) FROM
              (SELECT pid FROM pg_stat_activity a WHERE application_name = 'clawterm'
                 AND NOT EXISTS (SELECT FROM pg_locks l
                                 WHERE l.pid = a.pid AND l.locktype = 'advisory')
               ORDER BY random() LIMIT 10) AS unlucky
            """);
      }
      takeAll();
    } catch (SQLException e) {
      throw new IOException("the server was not crowded", e);
    }
  }

  private void takeAll() throws SQLException {
    while (true) {
      try {
        crowd.add(connect());
      } catch (SQLException e) {
        if (TOO_MANY_CONNECTIONS.equals(e.getSQLState())) {
          return;
        }
        throw e;
      }
    }
  }

  /** Gives them back. */
  void relieve() throws IOException {
    try {
      for (Connection connection : crowd) {
        connection.close();
      }
    } catch (SQLException e) {
      throw new IOException("a connection was not given back", e);
    } finally {
      crowd.clear();
    }
  }

  @Override
  public void close() throws IOException {
    relieve();
    server.close();
  }
}
