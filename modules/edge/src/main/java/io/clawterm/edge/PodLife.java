package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Signal;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import io.clawterm.protocol.Sequence;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetCommand.TargetInput;
import io.clawterm.session.TargetContext;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
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
  private static final int ACKNOWLEDGE_BYTES = 64 * 1024;
  private static final long MIN_KEEPALIVE_MS = 100;
  private static final long MAX_KEEPALIVE_MS = 600_000;

  /** Silence for 2.5 intervals is the end (protocol, "Life of a session"). */
  private static final double DEAD_INTERVALS = 2.5;

  private final String name;
  private final PodTarget.Factory pods;
  private final PodSettings settings;
  private final TargetContext life;
  private final TimerScheduler<TargetCommand> timers;
  private final Pods.Registration registration;
  private final Semaphore credit;
  private final PodEmissions emissions;
  private final PodInput input;
  private final Backoff backoff;

  private PodPhase phase = new PodPhase.Apart();
  private boolean due = true;
  private boolean socketIsNew;
  private boolean connectWasSent;
  private boolean absenceTold;
  private Duration keepalive;
  private long lastSentNanos;
  private long acknowledgedToPod;
  private long creditAtAcknowledgement;
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
    this.emissions = new PodEmissions(life, pods.seal, credit);
    this.input = new PodInput(emissions.memo().acknowledged());
    this.connectWasSent = life.memo().isPresent();
    this.backoff = new Backoff(settings.minBackoff(), settings.maxBackoff());
    this.keepalive = settings.keepaliveInterval();
    this.size = life.size();
    ActorRef<TargetCommand> self = context.getSelf();
    this.registration = pods.all.onChange(names -> self.tell(new PodEvent.PodsChanged(names)));
  }

  private void begin() {
    if (memo().isLocked() && memo().end().isEmpty()) {
      beginAnew("what opens the session with pod " + name + " can't be read; a new one begins");
    }
    timers.startSingleTimer("absent", new PodEvent.Absent(), settings.absenceNoticeAfter());
    proceed();
  }

  private PodMemo memo() {
    return emissions.memo();
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
      case PodEvent event -> on(event);
      case TargetCommand.Own ignored -> {
        return Behaviors.unhandled();
      }
    }
    proceed();
    return this;
  }

  /** The session is over for good, and the pod's with it, if the pod can be told in time. */
  private Behavior<TargetCommand> endPodsSession() {
    if (phase.isAccepted()) {
      Frame last = PodFrames.disconnect(memo().session(), emissions.durable().received());
      phase.connection().orElseThrow().closeAfter(last, settings.handshakeTimeout());
      phase = new PodPhase.Apart();
    }
    return Behaviors.stopped();
  }

  /** No DISCONNECT here: it would end the pod's session, which the next life goes on with. */
  @Override
  public Behavior<TargetCommand> onSignal(Signal signal) {
    if (signal instanceof PostStop) {
      registration.close();
      phase.connection().ifPresent(PodConnection::close);
    }
    return this;
  }

  private void on(PodEvent event) {
    switch (event) {
      case PodEvent.Opened opened -> {
        if (isCurrent(opened.connection())) {
          ask(opened.connection());
        }
      }
      case PodEvent.Received received -> received(received);
      case PodEvent.Written ignored -> {
        // There is room: proceed() sends more.
      }
      case PodEvent.Lost lost -> {
        if (isCurrent(lost.connection())) {
          log.atDebug().addKeyValue("pod", name).log("the connection to a pod is over");
          part(backoff.next());
        }
      }
      case PodEvent.PodsChanged podsChanged -> podsChanged(podsChanged.names());
      case PodEvent.Retry ignored -> due = true;
      case PodEvent.Absent ignored -> tellAbsence();
      case PodEvent.HandshakeOver over -> {
        if (isCurrent(over.connection())) {
          part(backoff.next());
        }
      }
      case PodEvent.Acknowledge ignored -> acknowledge();
      case PodEvent.Tick ignored -> tick();
    }
  }

  /** What a connection says that was given up before does not count. */
  private boolean isCurrent(PodConnection which) {
    return phase.connection().filter(current -> current == which).isPresent();
  }

  /** Does all that has become possible: one place, so that no message can forget a step. */
  private void proceed() {
    emissions.emitNext();
    if (emissions.areDurable()
        && phase instanceof PodPhase.Apart
        && due
        && memo().end().isEmpty()) {
      connect();
    }
    if (phase instanceof PodPhase.Storing storing
        && emissions.durable().token().equals(memo().token())) {
      tokenIsDurable(storing);
    }
    sendInputs();
    emissions.emitNext();
  }

  // To the session

  private void confirmed(long count) {
    if (!emissions.confirmed(count)
        || !(phase instanceof PodPhase.Attached)
        || emissions.durable().received() == acknowledgedToPod) {
      return;
    }
    if (emissions.storedCredit() - creditAtAcknowledgement >= ACKNOWLEDGE_BYTES) {
      acknowledge();
    } else if (!timers.isTimerActive("acknowledge")) {
      timers.startSingleTimer(
          "acknowledge", new PodEvent.Acknowledge(), settings.acknowledgeAfter());
    }
  }

  private void end(String text) {
    emissions.remember(memo().ended(text));
    part(Duration.ZERO);
    due = false;
    timers.cancel("absent");
  }

  // The way to the pod

  private void connect() {
    if (!life.mayAct().getAsBoolean()) {
      // Not the pod's fault: it is neither told of, nor waited for longer each time.
      due = false;
      timers.startSingleTimer("retry", new PodEvent.Retry(), TargetContext.ASK_AGAIN);
      return;
    }
    due = false;
    socketIsNew = false;
    Optional<PodRoute> route = pods.all.route(name);
    if (route.isEmpty()) {
      scheduleRetry(backoff.next());
      return;
    }
    var next =
        new PodConnection(
            route.get(),
            credit,
            life.id().toString(),
            life.mayAct(),
            PodEvent.toldTo(getContext().getSelf()));
    phase = new PodPhase.Connecting(next);
    pods.connections.increment();
    timers.startSingleTimer(
        "handshake", new PodEvent.HandshakeOver(next), settings.handshakeTimeout());
    next.open();
  }

  private void ask(PodConnection to) {
    if (memo().session() == 0) {
      phase = new PodPhase.Asking(to, connectWasSent);
      connectWasSent = true;
      send(to, PodFrames.connect(memo(), life.id(), size));
    } else {
      phase = new PodPhase.Asking(to, false);
      send(to, PodFrames.resume(memo(), emissions.durable().received(), life.id(), size));
    }
  }

  private void send(PodConnection to, Frame frame) {
    to.send(frame);
    lastSentNanos = System.nanoTime();
  }

  /** Closes the connection, if there is one, and tries again after this time. */
  private void part(Duration retryAfter) {
    phase
        .connection()
        .ifPresent(connection -> {
          connection.close();
          pods.losses.increment();
        });
    if (phase instanceof PodPhase.Attached) {
      absenceTold = false;
      timers.startSingleTimer("absent", new PodEvent.Absent(), settings.absenceNoticeAfter());
    }
    phase = new PodPhase.Apart();
    timers.cancel("handshake");
    timers.cancel("acknowledge");
    timers.cancel("tick");
    input.takeBack();
    scheduleRetry(retryAfter);
  }

  private void scheduleRetry(Duration after) {
    due = socketIsNew;
    if (!due) {
      timers.startSingleTimer("retry", new PodEvent.Retry(), after);
    }
  }

  private void podsChanged(Set<String> names) {
    if (!names.contains(name) || pods.all.route(name).isEmpty()) {
      return;
    }
    backoff.reset();
    if (phase instanceof PodPhase.Apart) {
      timers.cancel("retry");
      due = true;
    } else {
      // The end of the connection to the socket before may be known only after this.
      socketIsNew = true;
    }
  }

  private void tellAbsence() {
    boolean apart = !(phase instanceof PodPhase.Attached || phase instanceof PodPhase.Parked);
    if (apart && !life.mayAct().getAsBoolean()) {
      timers.startSingleTimer("absent", new PodEvent.Absent(), settings.absenceNoticeAfter());
      return;
    }
    if (apart && !absenceTold && memo().end().isEmpty()) {
      absenceTold = true;
      emissions.tell(
          "pod " + name + " can't be reached; there are " + pods.all.names() + "; waiting");
    }
  }

  private void park(String text) {
    emissions.tell(text + "; the next input tries again");
    part(Duration.ZERO);
    timers.cancel("retry");
    timers.cancel("absent");
    due = false;
    phase = new PodPhase.Parked();
  }

  // Input

  private void deliver(List<TargetInput> inputs) {
    input.deliver(inputs);
    noteAcknowledged();
    if (phase instanceof PodPhase.Parked) {
      phase = new PodPhase.Apart();
      due = true;
    }
  }

  private void sendInputs() {
    while (phase instanceof PodPhase.Attached attached
        && attached.to().unwrittenBytes() < settings.inputBufferBytes()) {
      Optional<TargetInput> next = input.takeNext();
      if (next.isEmpty()) {
        return;
      }
      send(attached.to(), PodFrames.data(memo(), next.get()));
    }
  }

  private void acknowledgedByPod(int seq) {
    if (input.acknowledge(extended(seq))) {
      backoff.reset();
    }
    noteAcknowledged();
  }

  private void noteAcknowledged() {
    if (input.settled() > memo().acknowledged()) {
      emissions.remember(memo().acknowledged(input.settled()));
    }
  }

  private void resize(WindowSize newSize) {
    size = Optional.of(newSize);
    sendKeepalive(Fields.builder().terminalSize(newSize.columns(), newSize.rows()).build());
  }

  // From the pod

  private void received(PodEvent.Received received) {
    int at = 0;
    List<Frame> frames = received.frames();
    try {
      while (at < frames.size() && isCurrent(received.connection())) {
        Frame frame = frames.get(at);
        at++;
        on(frame);
      }
    } catch (PodViolationException | MalformedFrameException e) {
      pods.violations.increment();
      log.atWarn()
          .addKeyValue("pod", name)
          .addKeyValue("session", life.id())
          .addKeyValue("problem", e.getMessage())
          .log("a pod broke the protocol");
      part(backoff.next());
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
    if (!mayDiffer && frame.sessionId() != memo().session()) {
      credit.release(PodConnection.cost(frame));
      throw new PodViolationException(type + " of another session");
    }
    switch (type) {
      case ACCEPT -> accepted(frame);
      case RESUMED -> resumed(frame);
      case DATA -> data(frame);
      case KEEPALIVE -> keptAlive(frame);
      case DISCONNECT -> disconnected(frame);
      case CONNECT, RESUME, SUSPEND -> throw new PodViolationException(type + " is for clients");
    }
  }

  private void accepted(Frame frame) {
    if (!(phase instanceof PodPhase.Asking asking) || memo().session() != 0) {
      throw new PodViolationException("ACCEPT without CONNECT");
    }
    byte[] token = token(frame);
    if (frame.sessionId() == 0) {
      throw new PodViolationException("ACCEPT with session 0");
    }
    emissions.remember(memo().attached(frame.sessionId(), token));
    store(asking, frame);
  }

  private void resumed(Frame frame) {
    if (!(phase instanceof PodPhase.Asking asking)) {
      throw new PodViolationException("RESUMED without RESUME");
    }
    emissions.remember(memo().attached(memo().session(), token(frame)));
    long next = memo().received() + 1;
    long first = frame.fields().firstSeq().orElse(next);
    if (first > next) {
      emissions.tell("pod %s no longer has its output %d to %d".formatted(name, next, first - 1));
      emissions.remember(memo().received(first - 1));
    }
    store(asking, frame);
  }

  private static byte[] token(Frame frame) {
    return frame
        .fields()
        .resumeToken()
        .orElseThrow(() -> new PodViolationException(frame.type() + " without a token"));
  }

  private void store(PodPhase.Asking asking, Frame frame) {
    Fields fields = frame.fields();
    phase = new PodPhase.Storing(asking.to(), asking.again());
    timers.cancel("handshake");
    fields.keepaliveMs().ifPresent(this::keepaliveEach);
    input.window(fields.window());
    long last =
        fields.lastSeq().isPresent()
            ? memo().base() + fields.lastSeq().getAsLong()
            : extended(frame.seq());
    if (last < memo().acknowledged()) {
      String text = "pod " + name + " has lost input that it had acknowledged";
      emissions.tell(text);
      end(text);
      return;
    }
    input.resumeAfter(last);
    noteAcknowledged();
  }

  private long extended(int seq) {
    return memo().base() + Sequence.extend(input.podHas() - memo().base(), seq);
  }

  private void keepaliveEach(long milliseconds) {
    if (milliseconds > 0) {
      keepalive = Duration.ofMillis(Math.clamp(milliseconds, MIN_KEEPALIVE_MS, MAX_KEEPALIVE_MS));
    }
  }

  private void tokenIsDurable(PodPhase.Storing storing) {
    if (storing.again()) {
      // What the pod has sent on the connection of the first CONNECT is asked for by RESUME.
      part(Duration.ZERO);
      return;
    }
    phase = new PodPhase.Attached(storing.to());
    absenceTold = false;
    timers.cancel("absent");
    timers.startTimerAtFixedRate("tick", new PodEvent.Tick(), keepalive.dividedBy(5));
    // The first frame on the new token makes it the only one, and acknowledges the replay.
    sendKeepalive(Fields.none());
  }

  private void data(Frame frame) {
    int cost = PodConnection.cost(frame);
    if (!phase.isAccepted()) {
      credit.release(cost);
      throw new PodViolationException("DATA before ACCEPT or RESUMED");
    }
    long number = Sequence.extend(memo().received(), frame.seq());
    if (number <= memo().received()) {
      credit.release(cost);
      return;
    }
    if (number > memo().received() + 1) {
      credit.release(cost);
      log.atWarn().addKeyValue("pod", name).log("a pod left out output; it is asked for again");
      part(backoff.next());
      return;
    }
    emissions.add(PodEntry.of(frame), cost);
    emissions.remember(memo().received(number));
    backoff.reset();
    acknowledgeIfAsked(frame);
  }

  private void keptAlive(Frame frame) {
    if (!phase.isAccepted()) {
      throw new PodViolationException("KEEPALIVE before ACCEPT or RESUMED");
    }
    Fields fields = frame.fields();
    if (fields.window().isPresent()) {
      input.window(fields.window());
    }
    acknowledgedByPod(frame.seq());
    acknowledgeIfAsked(frame);
  }

  private void disconnected(Frame frame) {
    Fields fields = frame.fields();
    boolean hasSession = memo().session() != 0;
    if (hasSession && frame.sessionId() == memo().session() && phase.isAccepted()) {
      acknowledgedByPod(frame.seq());
    }
    Code code = fields.code().orElse(Code.OK);
    log.atDebug().addKeyValue("pod", name).addKeyValue("code", code).log("a pod disconnected");
    switch (PodDisconnect.of(name, fields, hasSession)) {
      case PodDisconnect.Ended ended -> {
        if (ended.told()) {
          emissions.tell(ended.text());
        }
        end(ended.text());
      }
      case PodDisconnect.Parked parked -> park(parked.text());
      case PodDisconnect.Retried retried -> {
        Duration own = backoff.next();
        part(retried.after().orElse(own));
      }
      case PodDisconnect.Forgotten ignored -> {
        if (hasSession) {
          beginAnew("pod " + name + " no longer has this session; a new one begins");
        }
        part(backoff.next());
      }
    }
  }

  /** A new session with the pod, for what it has not acknowledged. */
  private void beginAnew(String why) {
    emissions.tell(why);
    emissions.remember(PodMemo.beginning(memo().acknowledged()));
    input.beginAfter(memo().acknowledged());
    connectWasSent = false;
  }

  // Signs of life

  private void tick() {
    if (!(phase instanceof PodPhase.Attached attached)) {
      return;
    }
    if (attached.to().silenceNanos() > DEAD_INTERVALS * keepalive.toNanos()) {
      log.atDebug().addKeyValue("pod", name).log("a pod is silent for too long");
      part(backoff.next());
      return;
    }
    // With ticks at each fifth of the interval, a sign goes out after 80 to 100 % of it.
    if (System.nanoTime() - lastSentNanos >= 0.7 * keepalive.toNanos()) {
      sendKeepalive(Fields.none());
    }
  }

  private void acknowledge() {
    if (emissions.durable().received() != acknowledgedToPod) {
      sendKeepalive(Fields.none());
    }
  }

  private void acknowledgeIfAsked(Frame frame) {
    if (frame.has(Flags.ACK_NOW)) {
      sendKeepalive(Fields.none());
    }
  }

  /** Acknowledges what is durable, unless nothing may be sent: then the first frame does. */
  private void sendKeepalive(Fields fields) {
    if (phase instanceof PodPhase.Attached attached) {
      acknowledgedToPod = emissions.durable().received();
      creditAtAcknowledgement = emissions.storedCredit();
      timers.cancel("acknowledge");
      send(attached.to(), PodFrames.keepalive(memo().session(), acknowledgedToPod, fields));
    }
  }
}
