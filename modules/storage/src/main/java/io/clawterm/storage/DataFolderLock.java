package io.clawterm.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Holds a data folder for one node; a second node on the same folder is refused.
 *
 * <p>The operating system's lock on {@code NAME.lock} decides, so the death of the process, however
 * it comes, releases the folder. Who holds it stands beside it in {@code NAME.pid}: not in the
 * locked file itself, because with POSIX locks closing <em>any</em> channel on that file gives up
 * the lock of the whole process. For the same reason a second attempt within one process is
 * recognised by {@code NAME.pid}, before the locked file is opened.
 */
public final class DataFolderLock implements AutoCloseable {

  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Duration LOOK = Duration.ofMillis(10);

  private final FileChannel channel;
  private final Path holderFile;

  private DataFolderLock(FileChannel channel, Path holderFile) {
    this.channel = channel;
    this.holderFile = holderFile;
  }

  /**
   * Locks the data folder of a node, which is created when missing.
   *
   * @throws StorageException when another node holds it (the message names its process id), or when
   *     the folder can't be written
   */
  public static DataFolderLock acquire(Path dataFolder) {
    return acquire(dataFolder, "node");
  }

  /** Synchronized: between the look at the holder and the lock no other thread may come in. */
  static synchronized DataFolderLock acquire(Path folder, String name) {
    Path holderFile = folder.resolve(name + ".pid");
    try {
      Files.createDirectories(folder);
      if (isThisProcess(holderOf(holderFile))) {
        throw held(folder, holderFile, null);
      }
      return lock(folder, folder.resolve(name + ".lock"), holderFile);
    } catch (IOException e) {
      throw Folders.unusable(folder, e);
    }
  }

  private static DataFolderLock lock(Path folder, Path lockFile, Path holderFile)
      throws IOException {
    FileChannel channel =
        FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    boolean locked = false;
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw held(folder, holderFile, null);
      }
      Files.writeString(holderFile, thisProcess());
      locked = true;
      return new DataFolderLock(channel, holderFile);
    } catch (OverlappingFileLockException e) {
      throw held(folder, holderFile, e);
    } finally {
      if (!locked) {
        channel.close();
      }
    }
  }

  private static StorageException held(Path folder, Path holderFile, @Nullable Throwable cause) {
    String pid = awaitHolder(holderFile).split(" ", 2)[0];
    return new StorageException(
        folder
            + " is in use by another node (process "
            + (pid.isBlank() ? "unknown" : pid)
            + "). Stop that one first, or give this one a data folder of its own (--data).",
        cause);
  }

  /** Whoever has the lock writes its name a moment later. */
  private static String awaitHolder(Path holderFile) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    String holder = holderOf(holderFile);
    while (holder.isBlank() && System.nanoTime() < deadline) {
      LockSupport.parkNanos(LOOK.toNanos());
      holder = holderOf(holderFile);
    }
    return holder;
  }

  private static String holderOf(Path holderFile) {
    try {
      return Files.readString(holderFile).strip();
    } catch (NoSuchFileException e) {
      return "";
    } catch (IOException e) {
      throw Folders.unusable(holderFile, e);
    }
  }

  /** The start time tells apart two processes of one id, as in containers, where all are 1. */
  private static String thisProcess() {
    ProcessHandle self = ProcessHandle.current();
    Optional<Instant> started = self.info().startInstant();
    return self.pid() + " " + started.map(Instant::toString).orElse("");
  }

  private static boolean isThisProcess(String holder) {
    String self = thisProcess();
    return !self.endsWith(" ") && self.equals(holder);
  }

  /** Releases the folder; calling it again does nothing. */
  @Override
  public void close() {
    synchronized (DataFolderLock.class) {
      if (!channel.isOpen()) {
        return;
      }
      try {
        Files.deleteIfExists(holderFile);
        channel.close();
      } catch (IOException e) {
        throw Folders.unusable(holderFile, e);
      }
    }
  }
}
