package io.clawterm.storage;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How the embedded server is set up.
 *
 * @param binariesFolder where the unpacked binaries are kept; several data folders may share it.
 *     Empty: {@code bin-VERSION} in the data folder
 * @param sharedBuffersMegabytes size of the server's own cache
 * @param maxConnections connections that the server accepts; the pool of a node needs 8
 * @param startTimeout bound of a start, recovery after a crash included
 * @param stopTimeout bound of an orderly stop; after it the server is ended without a checkpoint,
 *     which costs a recovery at the next start and loses nothing
 * @param progress told, in a few words for people, what takes time at a first start
 */
public record EmbeddedPostgresSettings(
    Optional<Path> binariesFolder,
    int sharedBuffersMegabytes,
    int maxConnections,
    Duration startTimeout,
    Duration stopTimeout,
    Consumer<String> progress) {

  public EmbeddedPostgresSettings {
    if (sharedBuffersMegabytes < 1) {
      throw new IllegalArgumentException(
          "shared buffers must be at least 1 MB, are " + sharedBuffersMegabytes);
    }
    if (maxConnections < 10) {
      throw new IllegalArgumentException(
          "max connections must be at least 10, are " + maxConnections);
    }
    if (!startTimeout.isPositive() || !stopTimeout.isPositive()) {
      throw new IllegalArgumentException(
          "time-outs must be above 0, are " + startTimeout + " and " + stopTimeout);
    }
  }

  /** Settings for a laptop. */
  public static EmbeddedPostgresSettings defaults() {
    return new EmbeddedPostgresSettings(
        Optional.empty(), 128, 60, Duration.ofMinutes(2), Duration.ofSeconds(20), step -> {});
  }

  /**
   * Settings for tests: the defaults, with binaries that are unpacked once a machine and user, into
   * the folder for temporary files.
   */
  public static EmbeddedPostgresSettings forTests() {
    String folder =
        "clawterm-postgres-" + PostgresBinaries.VERSION + "-" + System.getProperty("user.name");
    return defaults().withBinariesFolder(Path.of(System.getProperty("java.io.tmpdir"), folder));
  }

  /** The same settings with another folder for the binaries. */
  public EmbeddedPostgresSettings withBinariesFolder(Path folder) {
    return new EmbeddedPostgresSettings(
        Optional.of(folder),
        sharedBuffersMegabytes,
        maxConnections,
        startTimeout,
        stopTimeout,
        progress);
  }

  /** The same settings with another listener for progress. */
  public EmbeddedPostgresSettings withProgress(Consumer<String> listener) {
    return new EmbeddedPostgresSettings(
        binariesFolder,
        sharedBuffersMegabytes,
        maxConnections,
        startTimeout,
        stopTimeout,
        listener);
  }
}
