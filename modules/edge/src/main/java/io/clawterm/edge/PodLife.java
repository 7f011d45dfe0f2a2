package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Signal;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.Sequence;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand.Emit;
import io.clawterm.session.SessionCommand.Finish;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetCommand.TargetInput;
import io.clawterm.session.TargetContext;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One life of a session's connection to its pod, in the role of a client (docs/reference/protocol,
 * "Life of a session"). Each input reaches the pod once and each output the log once, whatever is
 * lost in between. What makes it so:
 *
 * <ul>
 *   <li>The memo counts what is in the log, and both are stored in one emission. One emission is
 *       unconfirmed at a time; {@code durable} is the memo of the last confirmed one.
 *   <li>Only what is durable is acknowledged to the pod, and a connection begins only when nothing
 *       is unconfirmed, so that its RESUME says what is durable.
 *   <li>Nothing is sent after ACCEPT or RESUMED until its token is durable. Until then the token
 *       before is still good.
 *   <li>An input's number on the wire is made of its number with the session, so that it is the
 *       same in every life; the pod drops what it already has.
 * </ul>
 *
 * <p>A crash of this node, or the loss of the connection, at each point:
 *
 * <ol>
 *   <li>Before the nonce is durable: nothing was sent. The next life draws another.
 *   <li>Between CONNECT and the durable ACCEPT: CONNECT goes out again with the same nonce, and the
 *       pod answers with the same session. The lost connection may have carried output, so that the
 *       session is then resumed from number 0.
 *   <li>Between RESUMED and its durable token: nothing was sent on it, and the next life resumes
 *       with the token before. If it had become durable just so, the new one is as good.
 *   <li>After the first frame on the new token: it is durable.
 *   <li>Between an output's arrival and its emission being durable: it was not acknowledged, and
 *       RESUME asks for it again.
 *   <li>Between an output being durable and its acknowledgement: RESUME asks for what comes after.
 *   <li>Between sending an input and its acknowledgement: the session delivers it again, RESUMED
 *       tells whether the pod has it.
 *   <li>Between an acknowledgement and its emission being durable: likewise.
 *   <li>Between the pod's CLOSED and the session's end: the end is stored in the memo first.
 * </ol>
 */
final class PodLife extends AbstractOnMessageBehavior<TargetCommand> {

  private static final Logger log = LoggerFactory.getLogger(PodLife.class);
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int VERSION = 1;
  private static final int NONCE_BYTES = 16;
  private static final int ACKNOWLEDGE_BYTES = 64 * 1024;
  private static final long MAX_RETRY_AFTER_MS = 60_000;
  private static final int MAX_SAID_CHARS = 500;
  private static final long MIN_KEEPALIVE_MS = 100;
  private static final long MAX_KEEPALIVE_MS = 600_000;

  /** Silence for 2.5 intervals is the end (protocol, "Life of a session"). */
  private static final double DEAD_INTERVALS = 2.5;

  /** Where the way to the pod stands. */
  private enum Phase {
    /** Waits for the next attempt, or for what is unconfirmed. */
    APART,
    /** The socket is being connected. */
    CONNECTING,
    /** CONNECT or RESUME is out. */
    ASKING,
    /** ACCEPT or RESUMED is here, its token not yet durable: nothing may be sent. */
    STORING,
    ATTACHED,
    /** The pod doesn't want us: the next input tries again. */
    PARKED
  }

  /** From the connection, the registry and the timers. */
  private sealed interface Event extends TargetCommand.Own {
    record Opened(PodConnection connection) implements Event {}

    record Received(PodConnection connection, List<Frame> frames) implements Event {}

    record Written(PodConnection connection) implements Event {}

    record Lost(PodConnection connection, String reason) implements Event {}

    record PodsChanged(Set<String> names) implements Event {}

    record Retry() implements Event {}

    record Absent() implements Event {}

    record HandshakeOver(PodConnection connection) implements Event {}

    record Acknowledge() implements Event {}

    record Tick() implements Event {}
  }

  /** The pod broke the protocol. */
  private static final class ViolationException extends RuntimeException {
    ViolationException(String message) {
      super(message);
    }
  }

  private final String name;
  private final PodTarget.Factory pods;
  private final PodSettings settings;
  private final TargetContext life;
  private final TimerScheduler<TargetCommand> timers;
  private final PodRegistry.Registration registration;
  private final Semaphore credit;

  private final List<Entry> pending = new ArrayList<>();
  private int pendingCredit;
  private PodMemo memo;
  private PodMemo durable;
  private boolean changed;
  private long emitted;
  private long confirmed;
  private int unconfirmedCredit;
  private PodMemo unconfirmed;
  private boolean finished;

  private final Deque<TargetInput> unsent = new ArrayDeque<>();
  private final Deque<TargetInput> unacknowledged = new ArrayDeque<>();
  private long delivered;
  private long sent;
  private long podHas;
  private long unacknowledgedBytes;
  private OptionalLong window = OptionalLong.empty();

  private Phase phase = Phase.APART;
  private @Nullable PodConnection connection;
  private boolean due = true;
  private boolean socketIsNew;
  private boolean connectWasSent;
  private boolean thisConnectIsRepeated;
  private boolean absenceTold;
  private Duration backoff;
  private Duration keepalive;
  private long lastSentNanos;
  private long acknowledgedToPod;
  private int storedSinceAcknowledged;
  private Optional<WindowSize> size;

  /** The behaviour of a life. */
  static Behavior<TargetCommand> create(String name, PodTarget.Factory pods, TargetContext life) {
    return Behaviors.setup(context ->
        Behaviors.withTimers(timers -> {
          var running = new PodLife(context, timers, name, pods, life);
          running.begin();
          return running;
        }));
  }

  private PodLife(
      ActorContext<TargetCommand> context,
      TimerScheduler<TargetCommand> timers,
      String name,
      PodTarget.Factory pods,
      TargetContext life) {
    super(context);
    this.name = name;
    this.pods = pods;
    this.settings = pods.settings.get();
    this.life = life;
    this.timers = timers;
    this.credit = new Semaphore(settings.outputBufferBytes());
    this.memo =
        life.memo()
            .map(stored -> PodMemo.from(stored, pods.seal, life.id()))
            .orElseGet(() -> freshMemo(0));
    this.durable = memo;
    this.unconfirmed = memo;
    this.changed = life.memo().isEmpty();
    this.connectWasSent = life.memo().isPresent();
    this.delivered = memo.acknowledged();
    this.podHas = memo.acknowledged();
    this.backoff = settings.minBackoff();
    this.keepalive = settings.keepaliveInterval();
    this.size = life.size();
    ActorRef<TargetCommand> self = context.getSelf();
    this.registration = pods.registry.onChange(names -> self.tell(new Event.PodsChanged(names)));
  }

  private static PodMemo freshMemo(long acknowledged) {
    byte[] nonce = new byte[NONCE_BYTES];
    new SecureRandom().nextBytes(nonce);
    return PodMemo.beginning(nonce, acknowledged);
  }

  private void begin() {
    if (memo.isLocked() && memo.end().isEmpty()) {
      beginAnew("what opens the session with pod " + name + " can't be read; a new one begins");
    }
    timers.startSingleTimer("absent", new Event.Absent(), settings.absenceNoticeAfter());
    proceed();
  }

  @Override
  public Behavior<TargetCommand> onMessage(TargetCommand message) {
    switch (message) {
      case TargetCommand.Deliver deliver -> deliver(deliver.inputs());
      case TargetCommand.Resized resized -> resize(resized.size());
      case TargetCommand.Emitted done -> confirmed(done.count());
      case TargetCommand.Stop ignored -> {
        return endPodsSession();
      }
      case Event event -> on(event);
      case TargetCommand.Own ignored -> {
        return Behaviors.unhandled();
      }
    }
    proceed();
    return this;
  }

  /** The session is over for good, and the pod's with it, if the pod can be told in time. */
  private Behavior<TargetCommand> endPodsSession() {
    PodConnection last = connection;
    if (last != null && (phase == Phase.STORING || phase == Phase.ATTACHED)) {
      Fields reason = Fields.reason(Code.CLOSED, "the session is over");
      int number = Sequence.wire(durable.received());
      last.closeAfter(
          Frame.of(memo.session(), number, FrameType.DISCONNECT, 0, reason),
          settings.handshakeTimeout());
      connection = null;
    }
    return Behaviors.stopped();
  }

  /** No DISCONNECT here: it would end the pod's session, which the next life goes on with. */
  @Override
  public Behavior<TargetCommand> onSignal(Signal signal) {
    if (signal instanceof PostStop) {
      registration.close();
      if (connection != null) {
        connection.close();
      }
    }
    return this;
  }

  private void on(Event event) {
    switch (event) {
      case Event.Opened opened -> {
        if (opened.connection() == connection) {
          ask(opened.connection());
        }
      }
      case Event.Received received -> received(received);
      case Event.Written ignored -> {
        // There is room: proceed() sends more.
      }
      case Event.Lost lost -> {
        if (lost.connection() == connection) {
          log.atDebug().addKeyValue("pod", name).log("the connection to a pod is over");
          part(nextBackoff());
        }
      }
      case Event.PodsChanged podsChanged -> podsChanged(podsChanged.names());
      case Event.Retry ignored -> due = true;
      case Event.Absent ignored -> tellAbsence();
      case Event.HandshakeOver over -> {
        if (over.connection() == connection) {
          part(nextBackoff());
        }
      }
      case Event.Acknowledge ignored -> acknowledge();
      case Event.Tick ignored -> tick();
    }
  }

  /** Does all that has become possible: one place, so that no message can forget a step. */
  private void proceed() {
    emitNext();
    if (emitted == confirmed && !changed && pending.isEmpty()) {
      if (phase == Phase.APART && due && memo.end().isEmpty()) {
        connect();
      }
    }
    if (phase == Phase.STORING && durable.token().equals(memo.token())) {
      tokenIsDurable();
    }
    sendInputs();
    emitNext();
  }

  // To the session

  private void emitNext() {
    if (emitted > confirmed || finished) {
      return;
    }
    if (!changed && pending.isEmpty()) {
      memo.end().ifPresent(this::finish);
      return;
    }
    emitted++;
    unconfirmed = memo;
    unconfirmedCredit = pendingCredit;
    OptionalLong consumedUpTo =
        memo.acknowledged() > 0 ? OptionalLong.of(memo.acknowledged()) : OptionalLong.empty();
    life.session()
        .tell(
            new Emit(
                life.epoch(),
                pending,
                consumedUpTo,
                Optional.of(memo.toMemo(pods.seal, life.id()))));
    pending.clear();
    pendingCredit = 0;
    changed = false;
  }

  private void confirmed(long count) {
    confirmed = count;
    if (confirmed < emitted) {
      return;
    }
    durable = unconfirmed;
    credit.release(unconfirmedCredit);
    storedSinceAcknowledged += unconfirmedCredit;
    unconfirmedCredit = 0;
    if (phase != Phase.ATTACHED || durable.received() == acknowledgedToPod) {
      return;
    }
    if (storedSinceAcknowledged >= ACKNOWLEDGE_BYTES) {
      acknowledge();
    } else if (!timers.isTimerActive("acknowledge")) {
      timers.startSingleTimer("acknowledge", new Event.Acknowledge(), settings.acknowledgeAfter());
    }
  }

  private void tell(String text) {
    pending.add(TargetNotice.of(text));
  }

  private void end(String text) {
    memo = memo.ended(text);
    changed = true;
    part(Duration.ZERO);
    due = false;
    timers.cancel("absent");
  }

  private void finish(String text) {
    finished = true;
    life.session().tell(new Finish(life.epoch(), text));
  }

  // To the pod

  private void connect() {
    due = false;
    socketIsNew = false;
    Optional<Path> socket = pods.registry.find(name);
    if (socket.isEmpty()) {
      scheduleRetry(nextBackoff());
      return;
    }
    ActorRef<TargetCommand> self = getContext().getSelf();
    var listener =
        new PodConnection.Listener() {
          @Override
          public void opened(PodConnection which) {
            self.tell(new Event.Opened(which));
          }

          @Override
          public void received(PodConnection which, List<Frame> frames) {
            self.tell(new Event.Received(which, frames));
          }

          @Override
          public void written(PodConnection which) {
            self.tell(new Event.Written(which));
          }

          @Override
          public void lost(PodConnection which, String reason) {
            self.tell(new Event.Lost(which, reason));
          }
        };
    var next = new PodConnection(socket.get(), credit, life.id().toString(), listener);
    connection = next;
    phase = Phase.CONNECTING;
    pods.connections.increment();
    timers.startSingleTimer(
        "handshake", new Event.HandshakeOver(next), settings.handshakeTimeout());
    next.open();
  }

  private void ask(PodConnection to) {
    Fields.Builder fields =
        Fields.builder()
            .version(VERSION)
            .device("clawterm-" + life.id())
            .mode(Mode.TAKE_OVER)
            .events(true);
    size.ifPresent(window -> fields.terminalSize(window.columns(), window.rows()));
    phase = Phase.ASKING;
    if (memo.session() == 0) {
      thisConnectIsRepeated = connectWasSent;
      connectWasSent = true;
      fields.nonce(memo.nonceBytes());
      send(to, Frame.of(0, 0, FrameType.CONNECT, 0, fields.build()));
    } else {
      thisConnectIsRepeated = false;
      fields.resumeToken(memo.tokenBytes()).lastSeq(durable.received());
      send(
          to,
          Frame.of(
              memo.session(),
              Sequence.wire(durable.received()),
              FrameType.RESUME,
              0,
              fields.build()));
    }
  }

  private void send(PodConnection to, Frame frame) {
    to.send(frame);
    lastSentNanos = System.nanoTime();
  }

  /** Closes the connection, if there is one, and tries again after this time. */
  private void part(Duration retryAfter) {
    if (connection != null) {
      connection.close();
      connection = null;
      pods.losses.increment();
    }
    if (phase == Phase.ATTACHED) {
      absenceTold = false;
      timers.startSingleTimer("absent", new Event.Absent(), settings.absenceNoticeAfter());
    }
    phase = Phase.APART;
    window = OptionalLong.empty();
    timers.cancel("handshake");
    timers.cancel("acknowledge");
    timers.cancel("tick");
    // What is not acknowledged goes out again, in front of what has not been sent.
    while (!unacknowledged.isEmpty()) {
      unsent.addFirst(unacknowledged.removeLast());
    }
    unacknowledgedBytes = 0;
    scheduleRetry(retryAfter);
  }

  private void scheduleRetry(Duration after) {
    due = socketIsNew;
    if (!due) {
      timers.startSingleTimer("retry", new Event.Retry(), after);
    }
  }

  private Duration nextBackoff() {
    Duration now = backoff;
    Duration doubled = backoff.multipliedBy(2);
    backoff = doubled.compareTo(settings.maxBackoff()) > 0 ? settings.maxBackoff() : doubled;
    // Spread over the upper half, so that many sessions don't come back to a pod in step.
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(now.toNanos() / 2, now.toNanos()));
  }

  private void progress() {
    backoff = settings.minBackoff();
  }

  private void podsChanged(Set<String> names) {
    if (!names.contains(name) || pods.registry.find(name).isEmpty()) {
      return;
    }
    progress();
    if (phase == Phase.APART) {
      timers.cancel("retry");
      due = true;
    } else {
      // The end of the connection to the socket before may be known only after this.
      socketIsNew = true;
    }
  }

  private void tellAbsence() {
    if (phase != Phase.ATTACHED && phase != Phase.PARKED && !absenceTold && memo.end().isEmpty()) {
      absenceTold = true;
      tell("pod " + name + " can't be reached; there are " + pods.registry.names() + "; waiting");
    }
  }

  private void park(String text) {
    tell(text + "; the next input tries again");
    part(Duration.ZERO);
    timers.cancel("retry");
    timers.cancel("absent");
    due = false;
    phase = Phase.PARKED;
  }

  // Input

  private void deliver(List<TargetInput> inputs) {
    for (TargetInput input : inputs) {
      delivered = input.number();
      if (input.number() > podHas) {
        unsent.add(input);
      }
    }
    noteAcknowledged();
    if (phase == Phase.PARKED) {
      phase = Phase.APART;
      due = true;
    }
  }

  private void sendInputs() {
    while (phase == Phase.ATTACHED && connection != null && !unsent.isEmpty()) {
      TargetInput input = unsent.element();
      int length = input.body().length();
      if (connection.unwrittenBytes() >= settings.inputBufferBytes() || !fitsWindow(length)) {
        return;
      }
      unacknowledged.add(unsent.remove());
      unacknowledgedBytes += length;
      sent = input.number();
      int flags = (input.more() ? Flags.MORE : 0) | (input.event() ? Flags.EVENT : 0);
      send(
          connection,
          Frame.of(
              memo.session(),
              Sequence.wire(input.number() - memo.base()),
              FrameType.DATA,
              flags,
              input.body().unsafeArray()));
    }
  }

  /** A frame larger than the whole window may go alone, else it would wait for ever. */
  private boolean fitsWindow(int length) {
    if (window.isEmpty()) {
      return true;
    }
    long size = window.getAsLong();
    return unacknowledgedBytes + length <= size || (unacknowledgedBytes == 0 && size > 0);
  }

  private void acknowledgedByPod(long number) {
    if (number > sent) {
      throw new ViolationException("acknowledges input that it was not sent");
    }
    if (number > podHas) {
      podHas = number;
      progress();
    }
    while (!unacknowledged.isEmpty() && unacknowledged.element().number() <= podHas) {
      unacknowledgedBytes -= unacknowledged.remove().body().length();
    }
    noteAcknowledged();
  }

  private void noteAcknowledged() {
    long both = Math.min(podHas, delivered);
    if (both > memo.acknowledged()) {
      memo = memo.acknowledged(both);
      changed = true;
    }
  }

  private void resize(WindowSize newSize) {
    size = Optional.of(newSize);
    if (phase == Phase.ATTACHED && connection != null) {
      sendKeepalive(
          connection, Fields.builder().terminalSize(newSize.columns(), newSize.rows()).build());
    }
  }

  // From the pod

  private void received(Event.Received received) {
    int at = 0;
    List<Frame> frames = received.frames();
    try {
      while (at < frames.size() && received.connection() == connection) {
        Frame frame = frames.get(at);
        at++;
        on(frame);
      }
    } catch (ViolationException | MalformedFrameException e) {
      pods.violations.increment();
      log.atWarn()
          .addKeyValue("pod", name)
          .addKeyValue("session", life.id())
          .addKeyValue("problem", e.getMessage())
          .log("a pod broke the protocol");
      part(nextBackoff());
    }
    // Frames of a connection that has been given up are asked for again on the next.
    for (; at < frames.size(); at++) {
      credit.release(PodConnection.cost(frames.get(at)));
    }
  }

  private void on(Frame frame) {
    FrameType type = frame.type();
    boolean mayDiffer =
        type == FrameType.ACCEPT || (type == FrameType.DISCONNECT && frame.sessionId() == 0);
    if (!mayDiffer && frame.sessionId() != memo.session()) {
      credit.release(PodConnection.cost(frame));
      throw new ViolationException(type + " of another session");
    }
    switch (type) {
      case ACCEPT -> accepted(frame);
      case RESUMED -> resumed(frame);
      case DATA -> data(frame);
      case KEEPALIVE -> keptAlive(frame);
      case DISCONNECT -> disconnected(frame);
      case CONNECT, RESUME, SUSPEND -> throw new ViolationException(type + " is for clients");
    }
  }

  private void accepted(Frame frame) {
    if (phase != Phase.ASKING || memo.session() != 0) {
      throw new ViolationException("ACCEPT without CONNECT");
    }
    Fields fields = frame.fields();
    byte[] token =
        fields.resumeToken().orElseThrow(() -> new ViolationException("ACCEPT without a token"));
    if (frame.sessionId() == 0) {
      throw new ViolationException("ACCEPT with session 0");
    }
    memo = memo.attached(frame.sessionId(), token);
    stored(frame, fields);
  }

  private void resumed(Frame frame) {
    if (phase != Phase.ASKING) {
      throw new ViolationException("RESUMED without RESUME");
    }
    Fields fields = frame.fields();
    byte[] token =
        fields.resumeToken().orElseThrow(() -> new ViolationException("RESUMED without a token"));
    memo = memo.attached(memo.session(), token);
    long first = fields.firstSeq().orElse(memo.received() + 1);
    if (first > memo.received() + 1) {
      tell(
          "pod %s no longer has its output %d to %d"
              .formatted(name, memo.received() + 1, first - 1));
      memo = memo.received(first - 1);
    }
    stored(frame, fields);
  }

  private void stored(Frame frame, Fields fields) {
    phase = Phase.STORING;
    changed = true;
    timers.cancel("handshake");
    fields.keepaliveMs().ifPresent(this::keepaliveEach);
    window = fields.window();
    long last = memo.base() + fields.lastSeq().orElseGet(() -> extended(frame.seq()) - memo.base());
    if (last < memo.acknowledged()) {
      tell("pod " + name + " has lost input that it had acknowledged");
      end("pod " + name + " has lost input that it had acknowledged");
      return;
    }
    podHas = last;
    sent = last;
    unsent.removeIf(input -> input.number() <= last);
    noteAcknowledged();
  }

  private long extended(int seq) {
    return memo.base() + Sequence.extend(podHas - memo.base(), seq);
  }

  private void keepaliveEach(long milliseconds) {
    if (milliseconds > 0) {
      keepalive = Duration.ofMillis(Math.clamp(milliseconds, MIN_KEEPALIVE_MS, MAX_KEEPALIVE_MS));
    }
  }

  private void tokenIsDurable() {
    if (thisConnectIsRepeated) {
      // What the pod has sent on the connection of the first CONNECT is asked for by RESUME.
      part(Duration.ZERO);
      return;
    }
    phase = Phase.ATTACHED;
    absenceTold = false;
    acknowledgedToPod = durable.received();
    timers.cancel("absent");
    timers.startTimerAtFixedRate("tick", new Event.Tick(), keepalive.dividedBy(5));
    if (connection != null) {
      // The first frame on the new token makes it the only one, and acknowledges the replay.
      sendKeepalive(connection, Fields.none());
    }
  }

  private void data(Frame frame) {
    int cost = PodConnection.cost(frame);
    if (phase != Phase.STORING && phase != Phase.ATTACHED) {
      credit.release(cost);
      throw new ViolationException("DATA before ACCEPT or RESUMED");
    }
    long number = Sequence.extend(memo.received(), frame.seq());
    if (number <= memo.received()) {
      credit.release(cost);
      return;
    }
    if (number > memo.received() + 1) {
      credit.release(cost);
      log.atWarn().addKeyValue("pod", name).log("a pod left out output; it is asked for again");
      part(nextBackoff());
      return;
    }
    pending.add(entry(frame));
    pendingCredit += cost;
    memo = memo.received(number);
    changed = true;
    progress();
    if (frame.has(Flags.ACK_NOW)) {
      acknowledgeNow();
    }
  }

  /** The entry as the pod sent it; a broken structured one is kept as the bytes that it is. */
  private static Entry entry(Frame frame) {
    byte[] payload = frame.payload();
    boolean more = frame.has(Flags.MORE);
    if (frame.has(Flags.EVENT) && !more) {
      Optional<String> plain = plainOf(payload);
      if (plain.isPresent()) {
        return new Entry(Entry.Kind.EVENT, Bytes.wrap(payload), Bytes.of(plain.get()), false);
      }
    }
    return Entry.bytes(Bytes.wrap(payload), more);
  }

  /** What a plain terminal shows of a structured entry; empty where it is no JSON object. */
  private static Optional<String> plainOf(byte[] json) {
    try {
      JsonNode object = JSON.readTree(Bytes.wrap(json).utf8());
      if (object == null || !object.isObject()) {
        return Optional.empty();
      }
      boolean isText = object.path("type").asText().equals("text");
      return Optional.of(isText ? object.path("text").asText() : "");
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  private void keptAlive(Frame frame) {
    if (phase != Phase.STORING && phase != Phase.ATTACHED) {
      throw new ViolationException("KEEPALIVE before ACCEPT or RESUMED");
    }
    Fields fields = frame.fields();
    if (fields.window().isPresent()) {
      window = fields.window();
    }
    acknowledgedByPod(extended(frame.seq()));
    if (frame.has(Flags.ACK_NOW)) {
      acknowledgeNow();
    }
  }

  private void disconnected(Frame frame) {
    Fields fields = frame.fields();
    boolean ours = frame.sessionId() == memo.session() && memo.session() != 0;
    if (ours && (phase == Phase.STORING || phase == Phase.ATTACHED)) {
      acknowledgedByPod(extended(frame.seq()));
    }
    String said = fields.text().map(text -> ": " + shortened(text)).orElse("");
    Code code = fields.code().orElse(Code.OK);
    log.atDebug().addKeyValue("pod", name).addKeyValue("code", code).log("a pod disconnected");
    switch (code) {
      case CLOSED -> end("pod " + name + " closed the session" + said);
      case TAKEN_OVER -> park("another client has taken the session with pod " + name);
      case MOVED, SHUTTING_DOWN, OVERLOADED -> part(retryAfter(fields));
      case NO_SUCH_SESSION -> noSuchSession();
      case UNSUPPORTED_VERSION, UNAUTHENTICATED, FORBIDDEN, NO_SUCH_TARGET -> {
        String text = "pod " + name + " refuses the session (" + code + ")" + said;
        if (memo.session() == 0) {
          tell(text);
          end(text);
        } else {
          park(text);
        }
      }
      case TOO_LARGE -> {
        // Its number can't be given to anything else, and nothing can come before the next.
        String text = "pod " + name + " takes no input of this size";
        tell(text);
        end(text);
      }
      case OK, SUSPENDED, PROTOCOL_ERROR, BAD_CHECKSUM, SEQUENCE_GAP, INTERNAL ->
          part(nextBackoff());
    }
  }

  /** It goes into the memo and the log, which both have their bounds. */
  private static String shortened(String text) {
    return text.length() <= MAX_SAID_CHARS ? text : text.substring(0, MAX_SAID_CHARS) + "…";
  }

  private Duration retryAfter(Fields fields) {
    Duration own = nextBackoff();
    return fields.retryAfterMs().isPresent()
        ? Duration.ofMillis(Math.min(fields.retryAfterMs().getAsLong(), MAX_RETRY_AFTER_MS))
        : own;
  }

  /** The pod has forgotten us: a new session with it, for what it has not acknowledged. */
  private void noSuchSession() {
    if (memo.session() != 0) {
      beginAnew("pod " + name + " no longer has this session; a new one begins");
    }
    part(nextBackoff());
  }

  private void beginAnew(String why) {
    tell(why);
    memo = freshMemo(memo.acknowledged());
    podHas = memo.acknowledged();
    connectWasSent = false;
    changed = true;
  }

  // Signs of life

  private void tick() {
    if (phase != Phase.ATTACHED || connection == null) {
      return;
    }
    if (connection.silenceNanos() > DEAD_INTERVALS * keepalive.toNanos()) {
      log.atDebug().addKeyValue("pod", name).log("a pod is silent for too long");
      part(nextBackoff());
      return;
    }
    // With ticks at each fifth of the interval, a sign goes out after 80 to 100 % of it.
    if (System.nanoTime() - lastSentNanos >= 0.7 * keepalive.toNanos()) {
      sendKeepalive(connection, Fields.none());
    }
  }

  private void acknowledge() {
    if (phase == Phase.ATTACHED && connection != null && durable.received() != acknowledgedToPod) {
      sendKeepalive(connection, Fields.none());
    }
  }

  /** Answers ACK_NOW, unless nothing may be sent yet: then the first frame is the answer. */
  private void acknowledgeNow() {
    if (phase == Phase.ATTACHED && connection != null) {
      sendKeepalive(connection, Fields.none());
    }
  }

  private void sendKeepalive(PodConnection to, Fields fields) {
    acknowledgedToPod = durable.received();
    storedSinceAcknowledged = 0;
    timers.cancel("acknowledge");
    send(
        to,
        Frame.of(
            memo.session(), Sequence.wire(durable.received()), FrameType.KEEPALIVE, 0, fields));
  }
}
