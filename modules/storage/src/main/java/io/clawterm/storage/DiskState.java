package io.clawterm.storage;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Whether the database has room, as far as a node can tell.
 *
 * @param refused how long ago the database last refused a write of the journal for lack of room
 * @param freeBytes of the file system on which the embedded database lies; empty: the database is
 *     not this node's own, and only what it refuses tells
 */
public record DiskState(Optional<Duration> refused, OptionalLong freeBytes) {

  /** Below it a file system is nearly full; as the alert has it. */
  public static final long LOW_BYTES = 1L << 30;

  /** One file of PostgreSQL's write-ahead log: where there is no room for it, the server ends. */
  private static final long NONE_BYTES = 16L << 20;

  /**
   * Devices repeat what was refused at least that often. Small writes may fit into the last page of
   * a full disk, so one that succeeds means nothing.
   */
  private static final Duration RECENT = Duration.ofSeconds(30);

  /** Whether nothing can be stored. */
  public boolean isFull() {
    return isRefusing() || freeBytes.orElse(Long.MAX_VALUE) < NONE_BYTES;
  }

  boolean isRefusing() {
    return refused.filter(ago -> ago.compareTo(RECENT) < 0).isPresent();
  }

  /** Whether it soon will be full. */
  public boolean isLow() {
    return freeBytes.orElse(Long.MAX_VALUE) < LOW_BYTES;
  }
}
