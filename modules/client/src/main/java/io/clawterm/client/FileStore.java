package io.clawterm.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.clawterm.client.StoredSession.Owner;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The token file: one JSON document of mode 0600, replaced as a whole. Processes take turns by a
 * lock on a file beside it, so a change never overwrites another's; readers need no lock, because
 * the file under its name is always a whole one.
 */
final class FileStore extends DocumentStore {
  private static final Duration LOCK_LIMIT = Duration.ofSeconds(10);
  private static final long LOCK_POLL_NANOS = Duration.ofMillis(2).toNanos();

  private final JsonMapper json = JsonMapper.builder().build();
  private final ReentrantLock mine = new ReentrantLock();
  private final Path file;

  /**
   * Held open as long as this store: closing any channel of a file drops the whole process's locks
   * on it, also those of another client in this process.
   */
  private @Nullable FileChannel lockFile;

  FileStore(Path file, Owner me) {
    super(me);
    this.file = file.toAbsolutePath();
  }

  @Override
  StoredSessions read() {
    try {
      return json.readValue(Files.readAllBytes(file), StoredSessions.class);
    } catch (NoSuchFileException e) {
      return StoredSessions.none();
    } catch (JsonProcessingException e) {
      // Without the parser's message: it quotes what may be a token.
      throw new ClientException.StoreFailed(
          "%s is no token file: line %d, column %d"
              .formatted(file, e.getLocation().getLineNr(), e.getLocation().getColumnNr()),
          null);
    } catch (IOException e) {
      throw new ClientException.StoreFailed("can't read " + file, e);
    }
  }

  @Override
  void update(UnaryOperator<StoredSessions> step) {
    mine.lock();
    try (FileLock lock = lock()) {
      StoredSessions before = read();
      StoredSessions after = step.apply(before);
      if (!after.equals(before) && lock.isValid()) {
        PrivateFiles.replace(file, json.writeValueAsBytes(after));
      }
    } catch (IOException e) {
      throw new ClientException.StoreFailed("can't write " + file, e);
    } finally {
      mine.unlock();
    }
  }

  private FileLock lock() throws IOException {
    FileChannel channel = lockFile;
    if (channel == null || !channel.isOpen()) {
      channel = PrivateFiles.openLock(file.resolveSibling(file.getFileName() + ".lock"));
      lockFile = channel;
    }
    long deadline = System.nanoTime() + LOCK_LIMIT.toNanos();
    while (System.nanoTime() < deadline) {
      FileLock lock = tryLock(channel);
      if (lock != null) {
        return lock;
      }
      LockSupport.parkNanos(LOCK_POLL_NANOS);
    }
    throw new IOException("another process has held the lock for " + LOCK_LIMIT);
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // Another client in this process is at it.
      return null;
    }
  }

  @Override
  public void close() {
    mine.lock();
    try {
      FileChannel channel = lockFile;
      if (channel == null || !channel.isOpen()) {
        return;
      }
      // Under the lock nobody else in this process holds one that closing could drop; closing
      // gives this one back.
      FileLock lock = lock();
      if (lock.isValid()) {
        channel.close();
      }
    } catch (IOException e) {
      throw new ClientException.StoreFailed("can't close the lock of " + file, e);
    } finally {
      mine.unlock();
    }
  }
}
