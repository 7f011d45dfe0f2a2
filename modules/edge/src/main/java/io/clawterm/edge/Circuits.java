package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.stream.stage.GraphStageLogic.StageActor;
import io.clawterm.edge.Circuit.Phase;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one connection, from the answer to their CONNECT or RESUME to their end: input
 * and output, acknowledgements, keepalives. How they are opened is {@link Opening}'s business.
 *
 * <p>The rules are those of the protocol, sections "Sequence numbers" and "Life of a session".
 */
final class Circuits {

  private static final int MAX_ENDED = 1_024;

  private final Line line;
  private final EdgeSettings settings;
  private final Outbox outbox;
  private final Alarm alarm;
  private final ConnectOrder connects;
  private final Supplier<StageActor> actor;
  private final InputBatch input;

  /** Those whose session is known, by its id. */
  private final Map<Integer, Circuit> byId = new HashMap<>(4);

  /** Sessions that were here: frames that had been sent before the client knew are no errors. */
  private final Set<Integer> ended = new LinkedHashSet<>(2);

  /** Those of them whose devices were told to ask again, on this connection if they like. */
  private final Set<Integer> returning = new HashSet<>(2);

  private long returnBy;

  Circuits(Line line, ConnectOrder connects, Supplier<StageActor> actor) {
    this.line = line;
    this.settings = line.settings();
    this.outbox = line.outbox();
    this.alarm = line.alarm();
    this.connects = connects;
    this.actor = actor;
    this.input = new InputBatch(line);
  }

  boolean isEmpty() {
    return byId.isEmpty();
  }

  int size() {
    return byId.size();
  }

  /** Those whose session is known, as they are now. */
  List<Circuit> all() {
    return List.copyOf(byId.values());
  }

  @Nullable Circuit get(int session) {
    return byId.get(session);
  }

  boolean contains(int session) {
    return byId.containsKey(session);
  }

  /** The session of this one is known. */
  void put(Circuit circuit) {
    byId.put(circuit.id(), circuit);
  }

  /** The session of this one is taken: it looks for another. */
  void remove(Circuit circuit) {
    byId.remove(circuit.id());
    circuit.session = null;
  }

  /** The session is asked for: what was known of it here is over. */
  void begins(Circuit circuit) {
    put(circuit);
    ended.remove(circuit.id());
    returning.remove(circuit.id());
  }

  /** Whether a device may come back on this connection although none is here. */
  boolean mayReturn() {
    return !returning.isEmpty() && alarm.now() < returnBy;
  }

  /** Whether more input is on its way than is read ahead. */
  boolean anyOverfull() {
    long limit = settings.maxInputInFlightBytes();
    for (Circuit circuit : byId.values()) {
      if (circuit.inFlightBytes() > limit) {
        return true;
      }
    }
    return false;
  }

  // ---- frames from the client

  /** A frame of a session that was opened before. */
  void receive(Frame frame) {
    Circuit circuit = byId.get(frame.sessionId());
    if (circuit == null) {
      if (frame.type() == FrameType.DISCONNECT || ended.contains(frame.sessionId())) {
        return;
      }
      throw new ProtocolViolation(Code.PROTOCOL_ERROR, "this session is not on this connection");
    }
    switch (circuit.phase) {
      // What comes before RESUMED would void the token before one that the device has not got.
      case WAITING, RESOLVING, OPENING ->
          throw new ProtocolViolation(Code.PROTOCOL_ERROR, "wait for RESUMED before you go on");
      case ATTACHED -> attached(circuit, frame);
      case LEAVING, ENDED -> {}
    }
  }

  private void attached(Circuit circuit, Frame frame) {
    if (frame.type() == FrameType.DATA) {
      data(circuit, frame);
      return;
    }
    flushInput();
    Fields fields = frame.fields();
    if (!circuit.acknowledge(frame)) {
      throw new ProtocolViolation(Code.PROTOCOL_ERROR, "output acknowledged that was not sent");
    }
    switch (frame.type()) {
      case KEEPALIVE -> keepalive(circuit, frame, fields);
      case SUSPEND ->
          leave(
              circuit,
              new SessionCommand.Suspend(
                  circuit.attachment, circuit.acknowledged(), Wish.expiry(fields)));
      case DISCONNECT ->
          leave(circuit, new SessionCommand.Disconnect(circuit.attachment, circuit.acknowledged()));
      case CONNECT, ACCEPT, RESUME, RESUMED, DATA ->
          throw new IllegalStateException(frame.type() + " is handled before");
    }
  }

  private void data(Circuit circuit, Frame frame) {
    if (circuit.wish.mode() == Mode.WATCH) {
      end(circuit, new Refusal(Code.FORBIDDEN, "this device watches, it cannot write"));
      return;
    }
    long number = circuit.inputNumber(frame);
    if (number > circuit.lastInput() + 1) {
      String text = "got " + number + " after " + circuit.lastInput();
      end(circuit, new Refusal(Code.SEQUENCE_GAP, text));
      return;
    }
    if (number <= circuit.lastInput()) {
      line.metrics().repeatedInput.increment();
      outbox.keepalive(circuit);
      return;
    }
    if (circuit.received(frame.payloadLength(), frame.has(Flags.MORE)) > settings.maxEntryBytes()) {
      String text = "an entry has at most " + settings.maxEntryBytes() + " bytes";
      end(circuit, new Refusal(Code.TOO_LARGE, text));
      return;
    }
    input.add(circuit, number, frame);
    if (frame.has(Flags.ACK_NOW)) {
      circuit.askFor(number);
      outbox.keepalive(circuit);
    }
  }

  /** Hands over the input of the frames so far. */
  void flushInput() {
    input.flush();
  }

  private void keepalive(Circuit circuit, Frame frame, Fields fields) {
    if (circuit.unconfirmed) {
      // Its first frame: the tokens before are void. Input and SUSPEND say so alone.
      circuit.unconfirmed = false;
      line.tell(circuit, new SessionCommand.Confirm(circuit.attachment));
    }
    fields
        .terminalSize()
        .ifPresent(size ->
            line.tell(
                circuit,
                new SessionCommand.Resize(
                    circuit.attachment, new Attachment.WindowSize(size.columns(), size.rows()))));
    fields.window().ifPresent(bytes -> circuit.ownWindow(bytes, settings.windowBytes()));
    sendWaiting(circuit);
    release(circuit);
    if (frame.has(Flags.ACK_NOW)) {
      outbox.keepalive(circuit);
    }
  }

  private void leave(Circuit circuit, SessionCommand command) {
    circuit.phase = Phase.LEAVING;
    circuit.answerBy = alarm.now() + settings.sessionTimeout().toNanos();
    alarm.wakeAt(circuit.answerBy);
    line.tell(circuit, command);
  }

  // ---- what sessions say

  /** Output: goes out as far as the device has room for it. */
  void output(Circuit circuit, DeviceMessage.Output message) {
    if (circuit.phase != Phase.ATTACHED && circuit.phase != Phase.LEAVING) {
      return;
    }
    if (message.firstNumber() > circuit.sent() + 1) {
      // Messages between nodes can be lost; the log has them all.
      String text = "output " + (circuit.sent() + 1) + " was lost on its way, resume";
      end(circuit, new Refusal(Code.SEQUENCE_GAP, text));
      return;
    }
    long number = message.firstNumber();
    for (Entry entry : message.entries()) {
      if (number > circuit.sent()) {
        circuit.sent(number);
        Frame frame =
            Entries.frame(
                message.session(), number, entry, circuit.wish.events(), message.replay());
        circuit.waiting.add(new Outbox.Item(frame, circuit, number, entry.size()));
      } else {
        circuit.release(entry.size());
      }
      number++;
    }
    sendWaiting(circuit);
  }

  /** Moves on what the device's own WINDOW allows: all, where it has stated none. */
  private void sendWaiting(Circuit circuit) {
    for (Outbox.Item next = circuit.waiting.peek();
        next != null && circuit.takes(next.frame().payloadLength());
        next = circuit.waiting.peek()) {
      circuit.waiting.remove();
      if (circuit.hasOwnWindow()) {
        // Its credit comes back with the acknowledgement, not when it is written.
        circuit.underWay(next.number(), next.creditBytes(), next.frame().payloadLength());
        outbox.output(new Outbox.Item(next.frame(), circuit, next.number(), 0));
      } else {
        outbox.output(next);
      }
    }
  }

  /** Input up to a number is in the journal: it is acknowledged now, or with what follows. */
  void durable(Circuit circuit, long upTo) {
    circuit.durable(upTo);
    if (circuit.askedForIsDurable() || circuit.unacknowledgedBytes() >= settings.ackAfterBytes()) {
      outbox.keepalive(circuit);
    } else {
      circuit.acknowledgeBy(alarm.now() + settings.ackDelay().toNanos());
      alarm.wakeAt(circuit.acknowledgeBy());
    }
  }

  void detached(Circuit circuit, DeviceMessage.Detached message) {
    finish(
        circuit,
        message.code() == Code.MOVED
            ? moved(message.text())
            : new Refusal(message.code(), message.text()));
  }

  /** The session's node has died, or its entity was stopped: whoever is next has the journal. */
  void entityGone(akka.actor.ActorRef gone) {
    for (Circuit circuit : all()) {
      if (circuit.entity != null && Adapter.toClassic(circuit.entity).equals(gone)) {
        circuit.entity = null;
        finish(circuit, moved("the session is taken up again elsewhere"));
      }
    }
  }

  /** The device may ask for its session at once: sharding keeps that until it is there again. */
  private static Refusal moved(String text) {
    return new Refusal(Code.MOVED, text, Optional.empty(), Optional.of(Duration.ZERO));
  }

  // ---- ends

  /** Ends a circuit of which the session does not know that it ends. */
  void end(Circuit circuit, Refusal refusal) {
    if (circuit.phase == Phase.ENDED) {
      return;
    }
    flushInput();
    if (circuit.session != null && circuit.phase != Phase.WAITING) {
      tellDetach(circuit);
    }
    finish(circuit, refusal);
  }

  /** Ends a circuit with an answer: in its turn, where it is one to a CONNECT. */
  void finish(Circuit circuit, Refusal refusal) {
    if (circuit.phase == Phase.ENDED) {
      return;
    }
    boolean opening = circuit.isOpening();
    unwatch(circuit);
    if (circuit.session != null) {
      byId.remove(circuit.id());
      remember(circuit.id());
    }
    if (opening && !circuit.wish.resume()) {
      connects.refuse(circuit, refusal); // which names no session that it could come again with
      return;
    }
    refusal.comesAgain(settings.retryAfter()).ifPresent(after -> expect(circuit.id(), after));
    circuit.ended();
    if (refusal.code() == Code.CLOSED) {
      // There is no later at which it could be had.
      circuit.waiting.forEach(outbox::output);
    }
    outbox.refuse(circuit.id(), circuit.sequence(), refusal);
  }

  /** The device was told when to ask again; a client takes up to half as long more. */
  private void expect(int session, Duration after) {
    returning.add(session);
    Duration latest = after.multipliedBy(3).dividedBy(2).plus(settings.firstFrameTimeout());
    returnBy = Math.max(returnBy, alarm.now() + latest.toNanos());
    alarm.wakeAt(returnBy);
  }

  private void unwatch(Circuit circuit) {
    ActorRef<SessionCommand> entity = circuit.entity;
    if (entity != null) {
      actor.get().unwatch(Adapter.toClassic(entity));
      circuit.entity = null;
    }
  }

  private void remember(int session) {
    ended.add(session);
    if (ended.size() > MAX_ENDED) {
      int oldest = ended.iterator().next();
      ended.remove(oldest);
      returning.remove(oldest);
    }
  }

  /** Lets go of all sessions, and of those that were to come, without a word to the client. */
  void detachAll() {
    for (Circuit circuit : byId.values()) {
      boolean known = circuit.phase != Phase.WAITING;
      circuit.ended();
      if (known) {
        tellDetach(circuit);
      }
    }
    byId.clear();
    connects.clear();
  }

  private void tellDetach(Circuit circuit) {
    line.tell(circuit, new SessionCommand.Detach(circuit.attachment, circuit.acknowledged()));
  }

  // ---- what was written

  /** These frames have been given to the socket. */
  void written(Outbox.Batch batch, long now) {
    for (Circuit circuit : batch.keepalives()) {
      circuit.acknowledgedToClient();
      drawKeepalive(circuit);
    }
    for (Outbox.Item item : batch.output()) {
      Circuit circuit = item.circuit();
      if (circuit != null) {
        circuit.release(item.creditBytes());
        circuit.writtenAt(now);
        release(circuit);
      }
    }
  }

  private void release(Circuit circuit) {
    if (circuit.phase == Phase.ATTACHED) {
      long bytes = circuit.takeRelease();
      if (bytes > 0) {
        line.tell(
            circuit, new SessionCommand.Release(circuit.attachment, bytes, circuit.acknowledged()));
      }
    }
  }

  /** Draws when the next KEEPALIVE is due, if nothing else is written. */
  void drawKeepalive(Circuit circuit) {
    double shift = 1 + settings.keepaliveJitter() * ThreadLocalRandom.current().nextDouble(-1, 1);
    circuit.keepalive(alarm.now(), (long) (settings.keepaliveInterval().toNanos() * shift));
    alarm.wakeAt(circuit.keepaliveAt());
  }

  // ---- time

  /** Does what is due of those that are open. */
  void onDeadline(long now) {
    for (Circuit circuit : all()) {
      if (circuit.isOpening()) {
        continue;
      }
      if (now >= circuit.answerBy) {
        end(circuit, new Refusal(Code.OVERLOADED, "the session does not answer"));
      } else if (now >= circuit.durableBy(settings.durableTimeout())) {
        end(circuit, new Refusal(Code.OVERLOADED, "input could not be stored in time"));
      } else if (now >= circuit.acknowledgeBy() || now >= circuit.keepaliveAt()) {
        outbox.keepalive(circuit);
      }
    }
  }

  /** States all deadlines again. */
  void nextDeadlines() {
    if (mayReturn()) {
      alarm.wakeAt(returnBy);
    }
    nextDeadlines(connects.all());
    nextDeadlines(byId.values());
  }

  private void nextDeadlines(Collection<Circuit> circuits) {
    for (Circuit circuit : circuits) {
      alarm.wakeAt(circuit.nextDeadline(settings.durableTimeout()));
    }
  }
}
