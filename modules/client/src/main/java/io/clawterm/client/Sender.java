package io.clawterm.client;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.Sequence;
import io.clawterm.protocol.TerminalSize;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The writing side of a session: input within its window, acknowledgements of output, keepalives,
 * and the frame with which the application lets go. One thread for each connection writes.
 *
 * <p>An input is in the store under its number before it is sent. What comes while one is stored
 * goes into the next storing, all of it at once: group commit without a timer.
 */
final class Sender {
  private static final Logger LOG = LoggerFactory.getLogger(Sender.class);
  private static final int BATCH_BYTES = 65_536;
  private static final int ACKNOWLEDGE_BYTES = 65_536;
  private static final long ACKNOWLEDGE_NANOS = Duration.ofMillis(200).toNanos();
  private static final long AFTER_GOAL_NANOS = Duration.ofSeconds(1).toNanos();
  private static final double SILENT_INTERVALS = 2.5;
  private static final long DEFAULT_KEEPALIVE_MS = 30_000;
  private static final long UNKNOWN = -1;

  /** What the slowest of links has carried by then, so that silence means something. */
  private static final long PROBE_BYTES = 8_192;

  private final Standing standing;
  private final SessionRecord session;
  private final InputLog inputs;
  private final OutputQueue output;
  private final RandomGenerator random;
  private final Executor callbacks;
  private final Duration answerTimeout;

  // Guarded by the lock of the standing.
  private Optional<TerminalSize> size;
  private boolean sizeChanged;
  private boolean acknowledgeNow;
  private boolean goalSent;
  private long acknowledgedBytes;
  private long owedSince = UNKNOWN;
  private long awaitedSince = UNKNOWN;
  private @Nullable ClientException failure;
  private long keepaliveMs = DEFAULT_KEEPALIVE_MS;

  Sender(
      Standing standing,
      SessionRecord session,
      InputLog inputs,
      OutputQueue output,
      RandomGenerator random,
      Executor callbacks,
      Duration answerTimeout,
      Optional<TerminalSize> size) {
    this.standing = standing;
    this.session = session;
    this.inputs = inputs;
    this.output = output;
    this.random = random;
    this.callbacks = callbacks;
    this.answerTimeout = answerTimeout;
    this.size = size;
  }

  /** Takes an entry of input; waits while the window is full. */
  CompletableFuture<Long> send(byte[] entry, int flags) {
    if (session.mode() == Mode.WATCH) {
      return CompletableFuture.failedFuture(new ClientException.Watching());
    }
    standing.lock.lock();
    try {
      while (standing.isOpen() && !inputs.hasRoom()) {
        if (output.isDelivering()) {
          return CompletableFuture.failedFuture(new ClientException.WindowFull());
        }
        standing.room.await();
      }
      if (!standing.isOpen()) {
        return CompletableFuture.failedFuture(standing.notSent());
      }
      CompletableFuture<Long> done = inputs.append(session.id().value(), flags, entry);
      standing.work.signalAll();
      return done;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return CompletableFuture.failedFuture(
          new ClientException.Ended("interrupted while the unacknowledged window was full"));
    } finally {
      standing.lock.unlock();
    }
  }

  void resize(TerminalSize next) {
    standing.lock.lock();
    try {
      if (!size.equals(Optional.of(next))) {
        size = Optional.of(next);
        sizeChanged = true;
        standing.work.signalAll();
      }
    } finally {
      standing.lock.unlock();
    }
  }

  /** The terminal's size, which a greeting tells. */
  Optional<TerminalSize> sizeToTell() {
    standing.lock.lock();
    try {
      sizeChanged = false;
      return size;
    } finally {
      standing.lock.unlock();
    }
  }

  /** Begins an attachment with what the server has granted; under the lock. */
  void begin(Fields granted) {
    keepaliveMs = Math.max(1, granted.keepaliveMs().orElse(DEFAULT_KEEPALIVE_MS));
    goalSent = false;
    acknowledgeNow = false;
    acknowledgedBytes = output.handledBytes();
    owedSince = UNKNOWN;
    awaitedSince = UNKNOWN;
  }

  /** How long nothing may come before the connection counts as lost. */
  Duration silenceLimit() {
    return Duration.ofMillis((long) (keepaliveMs * SILENT_INTERVALS));
  }

  /** Why no more can be written, if so. */
  @Nullable ClientException failure() {
    standing.lock.lock();
    try {
      return failure;
    } finally {
      standing.lock.unlock();
    }
  }

  /** Takes the acknowledgement that each frame of the server carries; whether it is news. */
  boolean acknowledged(Frame frame) {
    List<InputLog.Pending> done;
    standing.lock.lock();
    try {
      done = inputs.acknowledge(Sequence.extend(inputs.acknowledged(), frame.seq()));
      if (inputs.allAcknowledged()) {
        awaitedSince = UNKNOWN;
      }
    } finally {
      standing.lock.unlock();
    }
    complete(done);
    return !done.isEmpty();
  }

  /** Tells the application of inputs that are in the server's journal. */
  void complete(List<InputLog.Pending> done) {
    if (done.isEmpty()) {
      return;
    }
    standing.lock.lock();
    try {
      standing.room.signalAll();
    } finally {
      standing.lock.unlock();
    }
    for (InputLog.Pending input : done) {
      if (input.done() != null) {
        // Elsewhere: what an application does then must not hold up the reading of
        // acknowledgements.
        input.done().completeAsync(input::number, callbacks);
      }
    }
  }

  /** Gives up on all that is unacknowledged. */
  void abandon() {
    ClientException reason = standing.notSent();
    List<InputLog.Pending> left;
    standing.lock.lock();
    try {
      left = inputs.clear();
    } finally {
      standing.lock.unlock();
    }
    for (InputLog.Pending input : left) {
      if (input.done() != null) {
        input.done().completeExceptionally(reason);
      }
    }
  }

  void acknowledgeNow() {
    standing.lock.lock();
    try {
      acknowledgeNow = true;
      standing.work.signalAll();
    } finally {
      standing.lock.unlock();
    }
  }

  /** Called by the thread that delivers, after each entry. */
  void outputHandled() {
    long bytes = output.handledBytes();
    standing.lock.lock();
    try {
      boolean first = owedSince == UNKNOWN;
      if (first) {
        owedSince = System.nanoTime();
      }
      if (first || bytes - acknowledgedBytes >= ACKNOWLEDGE_BYTES) {
        standing.work.signalAll();
      }
    } finally {
      standing.lock.unlock();
    }
  }

  /** The writer's thread: until its attachment is over. */
  void write(Connection connection) {
    try {
      while (true) {
        Batch batch = nextBatch(connection);
        if (batch == null) {
          // Not closed: the session may be resumed on this connection.
          return;
        }
        if (batch.persistFirst() && !session.persist()) {
          throw CodeTable.takenByOther();
        }
        if (!batch.frames().isEmpty()) {
          connection.write(batch.frames());
        }
      }
    } catch (IOException e) {
      LOG.atDebug().setCause(e).log("writing to a connection failed");
      connection.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      connection.close();
    } catch (ClientException e) {
      standing.lock.lock();
      try {
        failure = e;
      } finally {
        standing.lock.unlock();
      }
      connection.close();
    } catch (RuntimeException e) {
      LOG.atError().setCause(e).log("the writer of a session failed");
      connection.close();
    }
  }

  /** What is written at once, and whether the store must have it before. */
  private record Batch(List<Frame> frames, boolean persistFirst) {}

  /** Waits for something to write; null where the attachment is over. */
  private @Nullable Batch nextBatch(Connection connection) throws InterruptedException {
    long silence = (long) (keepaliveMs * 1_000_000.0 * (0.8 + 0.2 * random.nextDouble()));
    standing.lock.lockInterruptibly();
    try {
      while (standing.isOn(connection)) {
        long now = System.nanoTime();
        long quietUntil = connection.lastWriteAt() + silence;
        List<InputLog.Pending> batch = goalSent ? List.of() : inputs.unsent(BATCH_BYTES);
        if (!batch.isEmpty()) {
          return dataBatch(batch);
        }
        if (goalDue()) {
          return goalBatch();
        }
        if (probeDue(connection, now)) {
          awaitedSince = now;
          connection.expectAnswer(answerTimeout.dividedBy(2));
          return new Batch(List.of(keepalive(Flags.ACK_NOW)), false);
        }
        OptionalLong cursorDueAt = session.cursorDueAt();
        boolean cursorDue = cursorDueAt.isPresent() && now - cursorDueAt.getAsLong() >= 0;
        boolean frameDue = !goalSent && (acknowledgementDue(now) || now >= quietUntil);
        if (frameDue || cursorDue) {
          return new Batch(frameDue ? List.of(keepalive(0)) : List.of(), cursorDue);
        }
        standing.work.awaitNanos(untilDue(connection, now, quietUntil, cursorDueAt));
      }
      return null;
    } finally {
      standing.lock.unlock();
    }
  }

  private Batch dataBatch(List<InputLog.Pending> batch) {
    long last = batch.getLast().number();
    boolean persistFirst = !inputs.isPersisted(last);
    inputs.sent(last);
    if (awaitedSince == UNKNOWN) {
      awaitedSince = System.nanoTime();
    }
    return new Batch(batch.stream().map(InputLog.Pending::frame).toList(), persistFirst);
  }

  private boolean goalDue() {
    return !goalSent
        && switch (standing.goal()) {
          case SUSPEND, DISCONNECT -> inputs.allSent();
          case STAY, LEAVE -> false;
        };
  }

  private Batch goalBatch() {
    goalSent = true;
    awaitedSince = UNKNOWN;
    boolean suspend = standing.goal() == Standing.Goal.SUSPEND;
    FrameType type = suspend ? FrameType.SUSPEND : FrameType.DISCONNECT;
    Fields fields = suspend ? Fields.none() : Fields.reason(Code.CLOSED, "");
    return new Batch(List.of(frame(type, 0, fields)), false);
  }

  private boolean acknowledgementDue(long now) {
    return acknowledgeNow
        || sizeChanged
        || output.handledBytes() - acknowledgedBytes >= ACKNOWLEDGE_BYTES
        || (owedSince != UNKNOWN && now - owedSince >= ACKNOWLEDGE_NANOS);
  }

  /**
   * Whether an input has waited so long, without a word, that the server is asked for one: a node
   * that stands still is left much sooner than by its missing keepalives. Not behind so much that
   * the question may still be on its way, or a server that is slow with it may have stopped
   * reading.
   */
  private boolean probeDue(Connection connection, long now) {
    return mayProbe() && now - probeDueAt(connection) >= 0;
  }

  private boolean mayProbe() {
    return awaitedSince != UNKNOWN && inputs.unacknowledgedBytes() <= PROBE_BYTES;
  }

  private long probeDueAt(Connection connection) {
    long heardAfter = Math.max(0, connection.lastReadAt() - awaitedSince);
    return awaitedSince + heardAfter + answerTimeout.toNanos() / 2;
  }

  private Frame keepalive(int flags) {
    Fields fields =
        sizeChanged && size.isPresent()
            ? Fields.builder().terminalSize(size.get()).build()
            : Fields.none();
    acknowledgeNow = false;
    sizeChanged = false;
    owedSince = UNKNOWN;
    acknowledgedBytes = output.handledBytes();
    return frame(FrameType.KEEPALIVE, flags, fields);
  }

  private Frame frame(FrameType type, int flags, Fields fields) {
    return Frame.of(session.id().value(), Sequence.wire(output.handled()), type, flags, fields);
  }

  private long untilDue(
      Connection connection, long now, long quietUntil, OptionalLong cursorDueAt) {
    long wait = goalSent ? AFTER_GOAL_NANOS : quietUntil - now;
    // After SUSPEND or DISCONNECT no acknowledgement follows: waiting for its time would be no
    // wait.
    if (!goalSent && owedSince != UNKNOWN) {
      wait = Math.min(wait, owedSince + ACKNOWLEDGE_NANOS - now);
    }
    if (mayProbe()) {
      wait = Math.min(wait, probeDueAt(connection) - now);
    }
    if (cursorDueAt.isPresent()) {
      wait = Math.min(wait, cursorDueAt.getAsLong() - now);
    }
    return Math.max(wait, 1);
  }
}
