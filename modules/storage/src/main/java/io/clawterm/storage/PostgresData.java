package io.clawterm.storage;

import io.clawterm.config.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;

/**
 * The files of the embedded server: its database cluster with configuration and password.
 *
 * <p>Made beside its place and renamed into it, so that a kill in the middle leaves nothing half.
 * The password lies inside, so that the two can't part.
 */
final class PostgresData {

  static final String USER = "clawterm";

  private static final String PASSWORD_FILE = "clawterm.password";
  private static final String CONFIGURATION_FILE = "postgresql.conf";
  private static final int PASSWORD_BYTES = 32;
  private static final Duration CREATION = Duration.ofMinutes(2);

  /**
   * The password is 256 random bits, which no dictionary holds: the usual 4,096 rounds would only
   * make each connection slower.
   */
  private static final int PASSWORD_ROUNDS = 1;

  private final Path folder;

  private PostgresData(Path folder) {
    this.folder = folder;
  }

  /** The data in {@code folder}, created if there is none. */
  static PostgresData in(
      Path folder, PostgresBinaries binaries, ServerAccount account, Consumer<String> progress)
      throws IOException {
    Folders.deleteAbandonedParts(folder);
    if (Files.notExists(folder)) {
      progress.accept("Creating the database in " + folder);
      create(folder, binaries, account);
    }
    requireMajorVersion(folder);
    account.own(folder);
    return new PostgresData(folder);
  }

  private static void create(Path folder, PostgresBinaries binaries, ServerAccount account)
      throws IOException {
    Path part = Folders.partOf(folder);
    Path password = Folders.partOf(folder.resolveSibling(PASSWORD_FILE));
    try {
      writePassword(password, account);
      createOwned(part, account);
      Command made = Command.run(initdb(part, password, binaries, account), folder(part), CREATION);
      if (!made.succeeded()) {
        throw failedToCreate(folder, made.output());
      }
      Files.writeString(part.resolve("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
      Files.move(password, part.resolve(PASSWORD_FILE));
      Folders.sync(part);
      Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
      Folders.sync(folder(folder));
    } finally {
      Folders.delete(password);
      Folders.delete(part);
    }
  }

  private static void writePassword(Path file, ServerAccount account) throws IOException {
    byte[] random = new byte[PASSWORD_BYTES];
    new SecureRandom().nextBytes(random);
    var onlyOwner =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    Files.createFile(file, onlyOwner);
    Files.writeString(file, HexFormat.of().formatHex(random));
    account.own(file);
  }

  private static void createOwned(Path folder, ServerAccount account) throws IOException {
    var onlyOwner =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    Files.createDirectory(folder, onlyOwner);
    account.own(folder);
  }

  private static List<String> initdb(
      Path folder, Path password, PostgresBinaries binaries, ServerAccount account) {
    return account.command(
        binaries.program("initdb"),
        "--pgdata=" + folder,
        "--username=" + USER,
        "--pwfile=" + password,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
        "--set",
        "scram_iterations=" + PASSWORD_ROUNDS);
  }

  private static StorageException failedToCreate(Path folder, String output) {
    if (output.contains("No space left on device")) {
      return Folders.unusable(folder, new IOException("No space left on device"));
    }
    return new StorageException("Can't create the database in " + folder + ": " + output);
  }

  private static void requireMajorVersion(Path folder) throws IOException {
    Path version = folder.resolve("PG_VERSION");
    if (Files.notExists(version)) {
      throw new StorageException(
          folder
              + " is not the data of a PostgreSQL server: PG_VERSION is missing. Restore it from a"
              + " backup, or move it away to begin with an empty database.");
    }
    String major = Files.readString(version).strip();
    if (!major.equals(PostgresBinaries.MAJOR)) {
      throw new StorageException(
          folder
              + " was written by PostgreSQL "
              + major
              + ", this node brings "
              + PostgresBinaries.MAJOR
              + ". Start it with the release that wrote it, dump the database there (pg_dump) and"
              + " restore it into an empty data folder of this one.");
    }
  }

  private static Path folder(Path path) {
    return path.resolveSibling(".").normalize();
  }

  Path folder() {
    return folder;
  }

  Secret password() throws IOException {
    Path file = folder.resolve(PASSWORD_FILE);
    if (Files.notExists(file)) {
      throw new StorageException(
          file + " is missing, without it nobody can log in. Restore it from a backup.");
    }
    return new Secret(Files.readString(file).strip());
  }

  /** Whether the server was last started with these settings, whatever its port. */
  boolean isConfigured(EmbeddedPostgresSettings settings) throws IOException {
    Path file = folder.resolve(CONFIGURATION_FILE);
    return Files.exists(file) && Files.readString(file).endsWith(configuration(settings));
  }

  /** Writes the configuration where it differs: on a full disk that would fail. */
  void configure(EmbeddedPostgresSettings settings, int port) throws IOException {
    String text = "port = " + port + "\n" + configuration(settings);
    Path file = folder.resolve(CONFIGURATION_FILE);
    if (Files.exists(file) && Files.readString(file).equals(text)) {
      return;
    }
    Path part = Folders.partOf(file);
    try {
      Files.writeString(part, text);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Folders.delete(part);
    }
  }

  /**
   * All that differs from the server's defaults. The log may hold neither statements nor values,
   * because they contain what people write: hence the two {@code log_} lines. Reads and writes stay
   * in the calling process, as three more processes gain nothing on a laptop.
   */
  private static String configuration(EmbeddedPostgresSettings settings) {
    return """
    # Written by ClawTerm at each start, for PostgreSQL %s.
    listen_addresses = '127.0.0.1'
    unix_socket_directories = ''
    cluster_name = 'clawterm'
    max_connections = %d
    shared_buffers = '%dMB'
    scram_iterations = %d
    fsync = on
    synchronous_commit = on
    min_wal_size = '64MB'
    max_wal_size = '512MB'
    io_method = sync
    jit = off
    log_error_verbosity = terse
    log_min_error_statement = panic
    log_checkpoints = off
    log_timezone = 'UTC'
    timezone = 'UTC'
    datestyle = 'iso, ymd'
    lc_messages = 'C'
    default_text_search_config = 'pg_catalog.simple'
    """
        .formatted(
            PostgresBinaries.VERSION,
            settings.maxConnections(),
            settings.sharedBuffersMegabytes(),
            PASSWORD_ROUNDS);
  }
}
