package io.clawterm.storage;

import io.clawterm.config.Secret;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A private PostgreSQL server in a folder, for nodes that were given none.
 *
 * <p>It listens on a free port of the loopback address and lets in only who knows the password in
 * its folder. It runs in a session of its own, so that Ctrl-C in the terminal reaches the node
 * alone, which then closes it. When the node is killed, the server stays, and the next start on the
 * folder takes it over. When the server dies and the node lives, it is started again on the same
 * port. At any time one process at most uses the folder.
 *
 * <p>The folder holds {@code data} (the database), {@code log}, {@code bin-VERSION} (the programs)
 * and the lock.
 */
public final class EmbeddedPostgres implements AutoCloseable {

  /** Of the programs that come along. */
  public static final String VERSION = PostgresBinaries.VERSION;

  private final DataFolderLock lock;
  private final PostgresData data;
  private final PostgresServer server;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final PostgresWatch watch;
  private final JdbcTarget target;

  private EmbeddedPostgres(
      DataFolderLock lock, Path folder, EmbeddedPostgresSettings settings, ServerAccount account)
      throws IOException {
    this.lock = lock;
    Path binariesFolder = settings.binariesFolder().orElse(folder.resolve("bin-" + VERSION));
    PostgresBinaries binaries =
        PostgresBinaries.in(binariesFolder.toAbsolutePath(), settings.progress());
    if (account.owner() != ServerAccount.currentUser()) {
      account.requireAccess(folder);
      account.requireAccess(binaries.program("."));
    }
    data = PostgresData.in(folder.resolve("data"), binaries, account, settings.progress());
    PostgresLog log = new PostgresLog(folder.resolve("log").resolve("postgres.log"));
    log.prepare(account);
    Secret password = data.password();
    server = new PostgresServer(binaries, account, data, log, settings);
    int port = server.adoptOrStart(password);
    target = new JdbcTarget(PostgresServer.url(port), PostgresData.USER, password);
    watch = new PostgresWatch(server, port, log);
  }

  /**
   * Starts the server of a folder, or takes over the one that a killed node left; returns when it
   * accepts connections. An empty or missing folder is set up first.
   *
   * @param dataFolder the folder of the server alone, such as {@code DATA/postgres}
   * @throws StorageException when it can't run; the message says what to do
   */
  public static EmbeddedPostgres start(Path dataFolder, EmbeddedPostgresSettings settings) {
    return start(dataFolder, settings, ServerAccount.ofThisProcess());
  }

  static EmbeddedPostgres start(
      Path dataFolder, EmbeddedPostgresSettings settings, ServerAccount account) {
    Path folder = dataFolder.toAbsolutePath().normalize();
    refuseShellCharacters(folder);
    DataFolderLock lock = DataFolderLock.acquire(folder, "postgres");
    boolean started = false;
    try {
      EmbeddedPostgres server = new EmbeddedPostgres(lock, folder, settings, account);
      started = true;
      return server;
    } catch (IOException e) {
      throw Folders.unusable(folder, e);
    } finally {
      if (!started) {
        lock.close();
      }
    }
  }

  /** pg_ctl hands the path to a shell in double quotes, without escaping it. */
  private static void refuseShellCharacters(Path folder) {
    if (folder.toString().chars().anyMatch(c -> "\"$`\\\n".indexOf(c) >= 0)) {
      throw new StorageException(
          "The path "
              + folder
              + " has a character that PostgreSQL can't be started with (one of"
              + " \" $ ` \\). Choose another data folder (--data).");
    }
  }

  /** Where it is, and how to log in. */
  public JdbcTarget target() {
    return target;
  }

  /** How often the server had died and was started again, since this node has it. */
  public long restarts() {
    return watch.restarts();
  }

  /**
   * Stops the server, and returns when it has ended. Open connections are cut. Calling it again
   * does nothing.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    watch.close();
    try {
      server.close();
    } catch (IOException e) {
      throw Folders.unusable(data.folder(), e);
    } finally {
      lock.close();
    }
  }
}
