package io.clawterm.storage;

import java.time.Duration;

/**
 * How a node uses its database.
 *
 * @param connections size of the pool, which is always full
 * @param connectTimeout bound of one attempt to connect, and of the wait for a free connection
 * @param answerTimeout how long one statement may take before the connection counts as dead; for
 *     migrations see {@link Migrations#run}
 * @param allowUnsafe accepts a server with {@code fsync=off}, which forgets acknowledged events
 *     when its machine stops
 */
public record DatabaseSettings(
    int connections, Duration connectTimeout, Duration answerTimeout, boolean allowUnsafe) {

  public DatabaseSettings {
    if (connections < 2) {
      throw new IllegalArgumentException("connections must be at least 2, are " + connections);
    }
    if (connectTimeout.toSeconds() < 1 || answerTimeout.toSeconds() < 1) {
      throw new IllegalArgumentException(
          "time-outs must be at least 1 s, are " + connectTimeout + " and " + answerTimeout);
    }
  }

  /**
   * 8 connections for the journal, half of them for commits. The time-outs go with those in {@code
   * storage.conf}: after 10 s without an answer the write has been reported as failed, and a
   * connection whose other end is gone must not keep one of the 8 places.
   */
  public static DatabaseSettings defaults() {
    return new DatabaseSettings(8, Duration.ofSeconds(5), Duration.ofSeconds(10), false);
  }
}
