package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.Sequence;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.SessionCommand;
import io.opentelemetry.api.trace.Span;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One session on one connection: its numbers in both directions, the credit of its output and its
 * deadlines. It decides nothing and sends nothing; {@link Opening} and {@link Circuits} do.
 *
 * <p>Times are those of the connection's {@link Alarm}.
 */
final class Circuit {

  private static final long NEVER = Alarm.NEVER;

  /** What an input frame costs beyond its payload, in each count of bytes on the way. */
  static final int INPUT_OVERHEAD_BYTES = 64;

  /** How far it is. */
  enum Phase {
    /** Others are served before it. */
    WAITING,
    /** A CONNECT for which a session id is looked up. */
    RESOLVING,
    /** The session has been asked. */
    OPENING,
    ATTACHED,
    /** The device has said good-bye; the session settles what it has. */
    LEAVING,
    /** Answered for the last time. */
    ENDED
  }

  /** {@code span} lasts until the input is durable. */
  private record Handed(long lastNumber, long bytes, long at, Span span) {}

  private record Sent(long number, long creditBytes, int payloadBytes) {}

  final Wish wish;
  Phase phase = Phase.WAITING;

  /** Among those that are opened at one time; given back once it is open, or over. */
  Admission.@Nullable Place place;

  @Nullable SessionId session;
  long attachment;
  int tries;

  /** Takes the commands once the device is attached. */
  @Nullable ActorRef<SessionCommand> entity;

  /** The device has sent nothing since it was given another token. */
  boolean unconfirmed;

  /** When the session is asked once more, while it is opened. */
  long askAgainAt = NEVER;

  /** Until when the session must have answered, in the phases in which it must. */
  long answerBy = NEVER;

  /** What waits because a CONNECT before this one has no answer yet: answers go in order. */
  final List<DeviceMessage> held = new ArrayList<>(0);

  @Nullable Refusal refusal;

  /** Set while a KEEPALIVE waits to be written; one is enough, however often it is asked for. */
  boolean keepaliveWaits;

  private long lastInput;
  private long durableInput;
  private long entryBytes;
  private final Deque<Handed> inFlight = new ArrayDeque<>(2);
  private long inFlightBytes;
  private long unacknowledgedBytes;
  private long acknowledgeBy = NEVER;
  private long askedFor = NEVER;

  private long sent;
  private long acknowledged;
  private long window;
  private long releasable;
  private final Deque<Sent> unread = new ArrayDeque<>(2);
  private long unreadBytes;
  private long ownWindow;

  /** Output that the device's own WINDOW has no room for yet. */
  final Deque<Outbox.Item> waiting = new ArrayDeque<>(2);

  private long writtenAt;
  private long keepaliveAfter;

  Circuit(Wish wish) {
    this.wish = wish;
    this.acknowledged = wish.lastNumber();
  }

  /** The session has taken the device. */
  void attached(DeviceMessage.Attached message) {
    phase = Phase.ATTACHED;
    entity = message.entity();
    unconfirmed = message.renewsToken();
    answerBy = NEVER;
    lastInput = message.lastInput();
    durableInput = message.lastInput();
    sent = message.firstNumber() - 1;
    acknowledged = Math.min(wish.lastNumber(), sent);
  }

  /** The 64-bit number of a DATA frame. */
  long inputNumber(Frame frame) {
    return Sequence.extend(lastInput + 1, frame.seq());
  }

  long lastInput() {
    return lastInput;
  }

  long durableInput() {
    return durableInput;
  }

  /** Takes the next frame of input; answers with the bytes that its entry has so far. */
  long received(int payloadBytes, boolean more) {
    lastInput++;
    long entry = entryBytes + payloadBytes;
    entryBytes = more ? entry : 0;
    return entry;
  }

  /** Input up to a number has been handed to the session. */
  void handed(long bytes, long upTo, long now, Span span) {
    inFlight.add(new Handed(upTo, bytes, now, span));
    inFlightBytes += bytes;
  }

  long inFlightBytes() {
    return inFlightBytes;
  }

  /** When the oldest input that was handed over must be durable. */
  long durableBy(Duration limit) {
    Handed oldest = inFlight.peek();
    return oldest == null ? NEVER : oldest.at + limit.toNanos();
  }

  /** Input is in the journal up to this number. */
  void durable(long upTo) {
    durableInput = Math.max(durableInput, upTo);
    for (Handed next = inFlight.peek(); next != null; next = inFlight.peek()) {
      if (next.lastNumber > durableInput) {
        return;
      }
      inFlight.remove();
      inFlightBytes -= next.bytes;
      unacknowledgedBytes += next.bytes;
      InputTrace.end(next.span, true);
    }
  }

  /** Whether it has no answer to its CONNECT or RESUME yet. */
  boolean isOpening() {
    return switch (phase) {
      case WAITING, RESOLVING, OPENING -> true;
      case ATTACHED, LEAVING, ENDED -> false;
    };
  }

  /** Gives its place to the next, if it has one. */
  void leavePlace(boolean served) {
    Admission.Place left = place;
    if (left != null) {
      place = null;
      left.leave(served);
    }
  }

  /** Nothing more is heard of what was handed over: the device sends it again. */
  void ended() {
    phase = Phase.ENDED;
    leavePlace(false);
    held.clear();
    inFlight.forEach(left -> InputTrace.end(left.span, false));
    inFlight.clear();
    inFlightBytes = 0;
  }

  long unacknowledgedBytes() {
    return unacknowledgedBytes;
  }

  long acknowledgeBy() {
    return acknowledgeBy;
  }

  void acknowledgeBy(long at) {
    acknowledgeBy = Math.min(acknowledgeBy, at);
  }

  /** A DATA frame has asked for an acknowledgement: due once it is durable. */
  void askFor(long number) {
    askedFor = Math.min(askedFor, number);
  }

  boolean askedForIsDurable() {
    return askedFor <= durableInput;
  }

  /** A frame that carries {@link #durableInput} has been written. */
  void acknowledgedToClient() {
    acknowledgeBy = NEVER;
    unacknowledgedBytes = 0;
    if (askedForIsDurable()) {
      askedFor = NEVER;
    }
  }

  /** The highest output number that was given to the connection. */
  long sent() {
    return sent;
  }

  void sent(long number) {
    sent = number;
  }

  /** The highest output number that the client has. */
  long acknowledged() {
    return acknowledged;
  }

  long window() {
    return window;
  }

  /** Grants the session this many bytes; of them the device itself takes at most its WINDOW. */
  void window(long bytes) {
    window = bytes;
    ownWindow = wish.window().orElse(NEVER);
  }

  boolean hasOwnWindow() {
    return ownWindow != NEVER;
  }

  /** The device states another WINDOW; a smaller one takes effect as output is acknowledged. */
  void ownWindow(long bytes, long maxBytes) {
    long granted = Math.min(bytes, maxBytes);
    releasable += granted - window;
    window = granted;
    ownWindow = bytes;
  }

  /** Whether the device can take a frame: there is room, or nothing that could make room. */
  boolean takes(int payloadBytes) {
    return !hasOwnWindow() || unread.isEmpty() || unreadBytes + payloadBytes <= ownWindow;
  }

  /** A frame has been put on its way to a device with a WINDOW of its own. */
  void underWay(long number, long creditBytes, int payloadBytes) {
    unread.add(new Sent(number, creditBytes, payloadBytes));
    unreadBytes += payloadBytes;
  }

  /** Credit that the session may have again. */
  void release(long bytes) {
    releasable += bytes;
  }

  /** What to release now: nothing until it is worth a message. */
  long takeRelease() {
    if (releasable < Math.max(1, window / 4)) {
      return 0;
    }
    long bytes = releasable;
    releasable = 0;
    return bytes;
  }

  /**
   * Takes the acknowledgement of a frame other than DATA.
   *
   * @return false if the client acknowledges what it was never sent
   */
  boolean acknowledge(Frame frame) {
    long number = Sequence.extend(sent, frame.seq());
    if (number > sent) {
      return false;
    }
    acknowledged = Math.max(acknowledged, number);
    for (Sent next = unread.peek(); next != null; next = unread.peek()) {
      if (next.number > acknowledged) {
        break;
      }
      unread.remove();
      unreadBytes -= next.payloadBytes;
      releasable += next.creditBytes;
    }
    return true;
  }

  /** When this side has been silent for long enough. */
  long keepaliveAt() {
    return phase == Phase.ATTACHED ? writtenAt + keepaliveAfter : NEVER;
  }

  /** Something has been written now, and the next KEEPALIVE follows after this much silence. */
  void keepalive(long now, long after) {
    writtenAt = now;
    keepaliveAfter = after;
  }

  void writtenAt(long now) {
    writtenAt = now;
  }

  /** When the next thing is due. */
  long nextDeadline(Duration durableLimit) {
    if (!held.isEmpty()) {
      return NEVER; // it has its answer, and waits for its turn to give it
    }
    long due = Math.min(answerBy, durableBy(durableLimit));
    if (phase == Phase.OPENING) {
      due = Math.min(due, askAgainAt);
    }
    return keepaliveWaits ? due : Math.min(due, Math.min(acknowledgeBy, keepaliveAt()));
  }

  /** The number that frames other than DATA carry. */
  int sequence() {
    return Sequence.wire(durableInput);
  }

  int id() {
    return session == null ? 0 : session.value();
  }
}
