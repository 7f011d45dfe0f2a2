package io.clawterm.client;

import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One link with frames on it, ended by a watch when nothing has come for too long. One thread
 * reads, one writes.
 */
final class Connection implements AutoCloseable {
  private static final int CHUNK_BYTES = 16_384;
  private static final int CHECKS_PER_LIMIT = 10;

  private final Link link;
  private final ScheduledExecutorService scheduler;
  private final FrameDecoder decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
  private final byte[] chunk = new byte[CHUNK_BYTES];

  private volatile long lastReadAt = System.nanoTime();
  private volatile long lastWriteAt = lastReadAt;
  private volatile boolean readingHeld;
  private volatile boolean silent;
  private volatile boolean closed;
  private @Nullable ScheduledFuture<?> watch;

  Connection(Link link, ScheduledExecutorService scheduler, Duration silenceLimit) {
    this.link = link;
    this.scheduler = scheduler;
    watch(silenceLimit);
  }

  /** Sets how long nothing may come, from now on. */
  synchronized void watch(Duration silenceLimit) {
    lastReadAt = System.nanoTime();
    if (watch != null) {
      watch.cancel(false);
    }
    long every = Math.max(1, silenceLimit.toMillis() / CHECKS_PER_LIMIT);
    watch =
        scheduler.scheduleWithFixedDelay(
            () -> check(silenceLimit), every, every, TimeUnit.MILLISECONDS);
  }

  private void check(Duration silenceLimit) {
    // Who doesn't read can't hear.
    if (!readingHeld && System.nanoTime() - lastReadAt > silenceLimit.toNanos()) {
      silent = true;
      close();
    }
  }

  /** Ends it where nothing at all comes within so long: an answer has been asked for. */
  void expectAnswer(Duration limit) {
    long asked = System.nanoTime();
    var unused =
        scheduler.schedule(
            () -> {
              if (!readingHeld && lastReadAt - asked < 0) {
                silent = true;
                close();
              }
            },
            limit.toNanos(),
            TimeUnit.NANOSECONDS);
  }

  /** The next frame, or null at the end of the stream. */
  @Nullable Frame read() throws IOException {
    Frame frame = decoder.next();
    while (frame == null) {
      int count = link.read(chunk);
      if (count < 0) {
        return null;
      }
      lastReadAt = System.nanoTime();
      // A copy, because frames are views of what the decoder is fed.
      decoder.feed(Arrays.copyOf(chunk, count), 0, count);
      frame = decoder.next();
    }
    return frame;
  }

  /** While held, silence is our own doing. */
  void holdReading(boolean held) {
    lastReadAt = System.nanoTime();
    readingHeld = held;
  }

  void write(List<Frame> frames) throws IOException {
    var batch = new ByteArrayOutputStream();
    for (Frame frame : frames) {
      batch.writeBytes(frame.toBytes());
    }
    link.write(batch.toByteArray());
    lastWriteAt = System.nanoTime();
  }

  long lastReadAt() {
    return lastReadAt;
  }

  long lastWriteAt() {
    return lastWriteAt;
  }

  boolean isClosed() {
    return closed;
  }

  /** Whether the watch has ended it. */
  boolean wasSilent() {
    return silent;
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (watch != null) {
      watch.cancel(false);
    }
    try {
      link.close();
    } catch (IOException e) {
      // Whatever closing failed at, nothing more is read or written here.
      org.slf4j.LoggerFactory.getLogger(Connection.class)
          .atDebug()
          .setCause(e)
          .log("closing a connection failed");
    }
  }
}
