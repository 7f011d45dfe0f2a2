package io.clawterm.storage;

import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a node learns of the room that its database has: from the writes of the journal that are
 * refused, and from the folder of the embedded one. A query would not tell, because a database
 * answers those on a full disk too.
 */
public final class DatabaseDisk {

  private static final Logger LOG = LoggerFactory.getLogger(DatabaseDisk.class);

  private static final String DISK_FULL = "53100";

  private final AtomicLong refusals = new AtomicLong();
  private volatile Optional<Long> lastNanos = Optional.empty();
  private volatile Optional<Path> folder = Optional.empty();

  /** The database is the embedded one, in this folder. */
  public void isIn(Path own) {
    folder = Optional.of(own);
  }

  /** How it is now. */
  public DiskState state() {
    return new DiskState(
        lastNanos.map(last -> Duration.ofNanos(System.nanoTime() - last)), freeBytes());
  }

  private OptionalLong freeBytes() {
    return folder.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(folder.get().toFile().getUsableSpace());
  }

  /** How many commits, each of a batch, were refused for lack of room. */
  public long refusals() {
    return refusals.get();
  }

  /** Hears of each failed write, whatever its cause. */
  void failed(Throwable failure) {
    if (!isForLackOfRoom(failure)) {
      return;
    }
    if (!state().isRefusing()) {
      LOG.atError().log("the database's disk is full: input is refused until there is room");
    }
    lastNanos = Optional.of(System.nanoTime());
    refusals.incrementAndGet();
  }

  private static boolean isForLackOfRoom(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException refusal && DISK_FULL.equals(refusal.getSQLState())) {
        return true;
      }
    }
    return false;
  }
}
