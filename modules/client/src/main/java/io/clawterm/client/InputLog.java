package io.clawterm.client;

import io.clawterm.client.StoredSession.StoredInput;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Sequence;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of a session that the server has not acknowledged, in order and without a hole.
 * Guarded by the lock of its session.
 */
final class InputLog {
  private final int maxFrames;
  private final long maxBytes;
  private final ArrayDeque<Pending> unacknowledged = new ArrayDeque<>();

  private long bytes;

  /** The highest number given out. */
  private long last;

  /** The highest number that the server says is durable. */
  private long acknowledged;

  /** The highest number written to the present connection. */
  private long sent;

  /** The highest number that is in the store. */
  private long persisted;

  InputLog(int maxFrames, long maxBytes) {
    this.maxFrames = maxFrames;
    this.maxBytes = maxBytes;
  }

  /** An input under its number; the stage is that of the last frame of an entry. */
  record Pending(long number, Frame frame, @Nullable CompletableFuture<Long> done) {}

  /** Goes on where a store has left off. */
  void restore(int sessionId, StoredSession stored) {
    last = stored.lastInput();
    persisted = last;
    acknowledged = last - stored.unacknowledged().size();
    long expected = acknowledged;
    for (StoredInput input : stored.unacknowledged()) {
      expected++;
      if (input.number() != expected) {
        throw new ClientException.StoreFailed(
            "the token file has input " + input.number() + " where " + expected + " belongs", null);
      }
      byte[] payload = Base64.getDecoder().decode(input.payload());
      add(
          new Pending(
              input.number(),
              frame(sessionId, input.number(), input.flags(), payload, 0, payload.length),
              null));
    }
    sent = acknowledged;
  }

  /** Whether one more entry may come: the first beyond the window is the last one. */
  boolean hasRoom() {
    return unacknowledged.size() < maxFrames && bytes < maxBytes;
  }

  /** Takes an entry, as several frames where it is too long for one. */
  CompletableFuture<Long> append(int sessionId, int flags, byte[] entry) {
    var done = new CompletableFuture<Long>();
    int at = 0;
    do {
      int length = cut(entry, at);
      boolean more = at + length < entry.length;
      last++;
      Frame frame = frame(sessionId, last, more ? flags | Flags.MORE : flags, entry, at, length);
      add(new Pending(last, frame, more ? null : done));
      at += length;
    } while (at < entry.length);
    return done;
  }

  /** The length of the next part; the server reads each as text, so no character is divided. */
  private static int cut(byte[] entry, int at) {
    int length = Math.min(Frame.MAX_PAYLOAD, entry.length - at);
    int back = 0;
    while (at + length < entry.length && back < 3 && (entry[at + length - back] & 0xC0) == 0x80) {
      back++;
    }
    return length - back;
  }

  /**
   * Begins a connection: all after {@code durable} is to be sent on it.
   *
   * @param durable what the server has, from ACCEPT or RESUMED
   * @return what is acknowledged by that
   */
  List<Pending> begin(long durable) {
    if (durable < acknowledged) {
      throw new ClientException.HistoryLost(
          "the server has input up to %d, but has acknowledged it up to %d"
              .formatted(durable, acknowledged));
    }
    // Another process may have used numbers of this device that this one has never seen.
    if (durable > last) {
      last = durable;
      persisted = Math.max(persisted, durable);
    }
    List<Pending> done = acknowledge(durable);
    sent = durable;
    return done;
  }

  /** Notes what is durable and answers with the inputs that have just become so. */
  List<Pending> acknowledge(long number) {
    if (number > last) {
      throw new ClientException.ProtocolViolation(
          "the server acknowledges input " + number + " of " + last, null);
    }
    List<Pending> done = new ArrayList<>();
    while (!unacknowledged.isEmpty() && unacknowledged.getFirst().number() <= number) {
      Pending first = unacknowledged.removeFirst();
      bytes -= first.frame().length();
      done.add(first);
    }
    acknowledged = Math.max(acknowledged, number);
    return done;
  }

  /** Gives up on all that is left, and answers with it. */
  List<Pending> clear() {
    List<Pending> left = new ArrayList<>(unacknowledged);
    unacknowledged.clear();
    bytes = 0;
    return left;
  }

  /** What may be written next, about this many bytes of it at most. */
  List<Pending> unsent(int batchBytes) {
    List<Pending> batch = new ArrayList<>();
    int total = 0;
    for (Pending pending : unacknowledged) {
      if (pending.number() > sent
          && (total == 0 || total + pending.frame().length() <= batchBytes)) {
        batch.add(pending);
        total += pending.frame().length();
      } else if (pending.number() > sent) {
        break;
      }
    }
    return batch;
  }

  boolean allSent() {
    return sent >= last;
  }

  /** Whether the server has acknowledged all that was written to the present connection. */
  boolean allAcknowledged() {
    return acknowledged >= sent;
  }

  /** Of all frames that the server has not acknowledged, those among them that were not sent. */
  long unacknowledgedBytes() {
    return bytes;
  }

  void sent(long number) {
    sent = Math.max(sent, number);
  }

  void persisted(long number) {
    persisted = Math.max(persisted, number);
  }

  boolean isPersisted(long number) {
    return number <= persisted;
  }

  long last() {
    return last;
  }

  long acknowledged() {
    return acknowledged;
  }

  List<StoredInput> toStored() {
    return unacknowledged.stream()
        .map(pending ->
            new StoredInput(
                pending.number(),
                pending.frame().flags(),
                Base64.getEncoder().encodeToString(pending.frame().payload())))
        .toList();
  }

  private void add(Pending pending) {
    unacknowledged.addLast(pending);
    bytes += pending.frame().length();
  }

  private static Frame frame(
      int sessionId, long number, int flags, byte[] bytes, int at, int length) {
    return Frame.of(sessionId, Sequence.wire(number), FrameType.DATA, flags, bytes, at, length);
  }
}
