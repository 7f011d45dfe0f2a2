package io.clawterm.edge;

import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to a pod: bytes to frames and back, on two virtual threads.
 *
 * <p>Output takes credit before it is handed on, {@link #cost} of each DATA frame; whoever has
 * stored the frame gives the credit back. Without credit nothing is read: the pod has to wait. All
 * methods may be called from any thread and none blocks.
 */
final class PodConnection {

  private static final Logger log = LoggerFactory.getLogger(PodConnection.class);
  private static final int READ_BYTES = 16 * 1024;
  private static final int WRITE_BYTES = 16 * 1024;

  /** What an entry needs beyond its bytes, so that many small ones don't count as nothing. */
  private static final int ENTRY_COST = 100;

  /** Told from the connection's threads. */
  interface Listener {

    void opened(PodConnection connection);

    void received(PodConnection connection, List<Frame> frames);

    /** There is room for more frames to send. */
    void written(PodConnection connection);

    /** The connection is over; told once, after all that it received. */
    void lost(PodConnection connection, String reason);
  }

  private final PodRoute route;
  private final Semaphore credit;
  private final BooleanSupplier mayAct;
  private final Listener listener;
  private final Thread reader;
  private final Thread writer;
  private final LinkedBlockingQueue<Frame> outgoing = new LinkedBlockingQueue<>();
  private final AtomicInteger unwrittenBytes = new AtomicInteger();
  private final AtomicBoolean lost = new AtomicBoolean();
  private final Object lock = new Object();

  private volatile long lastReadNanos = System.nanoTime();
  private volatile boolean waitsForCredit;
  private volatile boolean ending;
  private boolean closed;
  private PodRoute.@Nullable Pipe pipe;

  /**
   * A connection that is yet to be opened.
   *
   * @param name for its threads
   * @param mayAct asked before each write; where it is false the connection is lost
   */
  PodConnection(
      PodRoute route, Semaphore credit, String name, BooleanSupplier mayAct, Listener listener) {
    this.route = route;
    this.credit = credit;
    this.mayAct = mayAct;
    this.listener = listener;
    this.reader = Thread.ofVirtual().name("clawterm-pod-read-" + name).unstarted(this::run);
    this.writer = Thread.ofVirtual().name("clawterm-pod-write-" + name).unstarted(this::write);
  }

  /** The credit that a frame takes. */
  static int cost(Frame frame) {
    return frame.type() == FrameType.DATA ? frame.length() + ENTRY_COST : 0;
  }

  /** Begins to connect. */
  void open() {
    reader.start();
  }

  /** Puts a frame behind those that wait to be written. */
  void send(Frame frame) {
    unwrittenBytes.addAndGet(frame.length());
    outgoing.add(frame);
  }

  int unwrittenBytes() {
    return unwrittenBytes.get();
  }

  /** For how long the pod has been silent, in nanoseconds; 0 while it is we who don't read. */
  long silenceNanos() {
    return waitsForCredit ? 0 : System.nanoTime() - lastReadNanos;
  }

  /**
   * Closes the connection, which must be open, once all that waits and this DISCONNECT are written
   * and the pod has closed its side; neither is waited for longer than this time. What the pod
   * still says is dropped: a connection that is closed while it writes might keep it from reading
   * on.
   */
  void closeAfter(Frame frame, Duration limit) {
    ending = true;
    send(frame);
    Thread.ofVirtual()
        .name("clawterm-pod-end-" + reader.getName())
        .start(() -> {
          try {
            boolean heard = writer.join(limit) && reader.join(limit);
            log.atDebug().addKeyValue("heard", heard).log("a pod's session was ended");
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          close();
        });
  }

  /** Closes the connection at once. What waits to be written is dropped. */
  void close() {
    PodRoute.Pipe open;
    synchronized (lock) {
      closed = true;
      open = pipe;
    }
    reader.interrupt();
    writer.interrupt();
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        // The descriptor is gone whatever the close said; the threads report the loss.
        lose(e);
      }
    }
  }

  private void run() {
    try (PodRoute.Pipe opened = route.open()) {
      synchronized (lock) {
        if (closed) {
          return;
        }
        pipe = opened;
      }
      lastReadNanos = System.nanoTime();
      writer.start();
      listener.opened(this);
      read(opened.input());
      lose("the pod closed the connection");
    } catch (IOException | MalformedFrameException | UnsupportedOperationException e) {
      lose(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      lose(e);
    } finally {
      writer.interrupt();
    }
  }

  private void read(InputStream from) throws IOException, InterruptedException {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    byte[] buffer = new byte[READ_BYTES];
    for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
      lastReadNanos = System.nanoTime();
      // A frame is a view of the chunk that it came in.
      byte[] chunk = Arrays.copyOf(buffer, count);
      decoder.feed(chunk, 0, chunk.length);
      List<Frame> frames = new ArrayList<>();
      int cost = 0;
      for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
        frames.add(frame);
        cost += cost(frame);
      }
      if (!frames.isEmpty() && !ending) {
        awaitCredit(cost);
        listener.received(this, frames);
      }
    }
  }

  private void awaitCredit(int cost) throws InterruptedException {
    if (!credit.tryAcquire(cost)) {
      waitsForCredit = true;
      credit.acquire(cost);
      lastReadNanos = System.nanoTime();
      waitsForCredit = false;
    }
  }

  private void write() {
    try {
      PodRoute.Pipe open;
      synchronized (lock) {
        open = pipe;
      }
      if (open != null) {
        write(open.output());
      }
    } catch (IOException e) {
      // The reader finds out as well, once it has read what the pod sent before, such as a reason.
      log.atDebug().setCause(e).log("a pod takes no more frames");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void write(OutputStream to) throws IOException, InterruptedException {
    try (to) {
      ByteBuffer buffer = ByteBuffer.allocate(WRITE_BYTES + Frame.OVERHEAD + Frame.MAX_PAYLOAD);
      boolean isLast = false;
      while (!isLast) {
        Frame next = outgoing.take();
        while (next != null) {
          next.writeTo(buffer);
          isLast = next.type() == FrameType.DISCONNECT; // of a client, nothing can follow it
          next = isLast || buffer.position() >= WRITE_BYTES ? null : outgoing.poll();
        }
        int count = buffer.position();
        for (int at = 0; at < count; at += WRITE_BYTES) {
          requireRight();
          to.write(buffer.array(), at, Math.min(WRITE_BYTES, count - at));
        }
        buffer.clear();
        unwrittenBytes.addAndGet(-count);
        listener.written(this);
      }
    }
  }

  /** What waits here is durable, but may be another node's to deliver by now. */
  private void requireRight() throws IOException {
    if (!mayAct.getAsBoolean()) {
      close();
      throw new IOException("this node does not know whether it may act");
    }
  }

  private void lose(Exception e) {
    lose(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
  }

  private void lose(String reason) {
    if (lost.compareAndSet(false, true)) {
      listener.lost(this, reason);
    }
  }
}
