package io.clawterm.edge;

import akka.actor.ActorRef;
import akka.actor.Terminated;
import akka.stream.Attributes;
import akka.stream.FlowShape;
import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.stage.AsyncCallback;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import akka.stream.stage.InHandler;
import akka.stream.stage.OutHandler;
import akka.stream.stage.TimerGraphStageLogic;
import akka.util.ByteString;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.MalformedFrameException;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.SessionCommand;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;
import scala.runtime.BoxedUnit;

/**
 * One connection: all that lies between the bytes of a socket and the sessions, in one fused stage.
 * Here are the bytes, the pressure and the deadlines of the socket; what the frames mean is in
 * {@link Opening} and {@link Circuits}.
 *
 * <p>Each session on it is a {@link Circuit}. What the sessions say comes to the stage's own actor;
 * what they are told goes out through {@link io.clawterm.session.Sessions}. Keepalives and
 * acknowledgements are answered from what the stage knows, so that an idle session is never woken.
 *
 * <p>The socket is read no further while some circuit has more input on its way than is allowed, or
 * too many answers wait for a client that does not read. Output is bounded by the credit that the
 * sessions have. There is one timer, the {@link Alarm}.
 */
final class ConnectionStage extends GraphStage<FlowShape<ByteString, ByteString>> {

  /** How frames lie in the elements of the stream. */
  enum Framing {
    /** Anyhow: elements are cut anywhere. */
    STREAM,
    /** Each element is one frame. */
    MESSAGES
  }

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionStage.class);
  private static final String TIMER = "deadline";

  private final Edge edge;
  private final Peer peer;
  private final Framing framing;
  private final Runnable started;
  private final Inlet<ByteString> in = Inlet.create("Connection.in");
  private final Outlet<ByteString> out = Outlet.create("Connection.out");
  private final FlowShape<ByteString, ByteString> shape = FlowShape.of(in, out);

  ConnectionStage(Edge edge, Peer peer, Framing framing, Runnable started) {
    this.edge = edge;
    this.peer = peer;
    this.framing = framing;
    this.started = started;
  }

  @Override
  public FlowShape<ByteString, ByteString> shape() {
    return shape;
  }

  @Override
  public GraphStageLogic createLogic(Attributes attributes) {
    return new Connection();
  }

  private enum State {
    /** Nobody has shown who it is. */
    STRANGER,
    OPEN,
    /** All is said that will be; what comes is ignored. */
    CLOSING
  }

  private final class Connection extends TimerGraphStageLogic implements InHandler, OutHandler {

    private final EdgeSettings settings = edge.settings();
    private final EdgeMetrics metrics = edge.metrics();
    private final FrameDecoder decoder = new FrameDecoder(settings.maxFirstPayloadBytes());
    private final Outbox outbox = new Outbox(metrics, settings.retryAfter());
    private final Alarm alarm = new Alarm(after -> scheduleOnce(TIMER, after));
    private final ConnectOrder connects = new ConnectOrder(outbox, this::hear);
    private final Circuits circuits;
    private final Opening opening;

    /** Runs a step in this stage, whatever thread asks for it. */
    private final AsyncCallback<Runnable> inStage = createAsyncCallback(this::guarded);

    private State state = State.STRANGER;
    private int frameSession;
    private boolean reading;
    private boolean paused;
    private boolean inputOver;
    private long heardAt;

    /** Since when a frame is there in part; never, where none is. */
    private long partialSince = Alarm.NEVER;

    private long writtenAt;
    private long closeBy = Alarm.NEVER;

    private ConnectionLimits.@Nullable Permit permit;
    private @Nullable Runnable stop;

    Connection() {
      super(shape);
      setHandler(in, this);
      setHandler(out, this);
      var line = new Line(edge, peer, settings, outbox, alarm);
      circuits = new Circuits(line, connects, this::stageActor);
      opening =
          new Opening(line, circuits, connects, inStage::invoke, this::stageActor, this::welcome);
    }

    // ---- the life of the stage

    @Override
    public void preStart() {
      var unused =
          getStageActor((Tuple2<ActorRef, Object> message) -> {
            guarded(() -> onMessage(message._2()));
            return BoxedUnit.UNIT;
          });
      Runnable evict =
          () -> {
            metrics.evictions.increment();
            inStage.invoke(() ->
                close(0, new Refusal(Code.OVERLOADED, "too many connections, say something")));
          };
      permit = edge.limits().admit(peer.origin(), evict).orElse(null);
      stop = () -> inStage.invoke(() -> close(0, edge.farewell(peer)));
      edge.opened(peer, stop);
      closeBy = settings.firstFrameTimeout().toNanos();
      alarm.wakeAt(closeBy);
      if (permit == null) {
        close(0, new Refusal(Code.OVERLOADED, "too many connections"));
      }
      settle();
      started.run();
    }

    @Override
    public void postStop() {
      circuits.detachAll();
      if (permit != null) {
        permit.close();
      }
      if (stop != null) {
        edge.closed(stop);
      }
    }

    @Override
    public void onPush() {
      reading = false;
      heardAt = alarm.now();
      byte[] chunk = grab(in).toArrayUnsafe();
      metrics.bytesIn.increment(chunk.length);
      if (state != State.CLOSING) {
        guarded(() -> read(chunk));
      } else {
        settle();
      }
    }

    @Override
    public void onUpstreamFinish() {
      inputOver = true;
      if (isAvailable(out) && (state != State.CLOSING || outbox.isEmpty())) {
        completeStage();
      } else if (state != State.CLOSING) {
        // What is being written has a moment left.
        startClosing();
      }
    }

    @Override
    public void onUpstreamFailure(Throwable failure) {
      // A connection that breaks is the usual end of one; the session does not mind.
      LOG.atDebug().addKeyValue("peer", peer).setCause(failure).log("connection broke");
      completeStage();
    }

    @Override
    public void onDownstreamFinish(Throwable cause) {
      completeStage();
    }

    @Override
    public void onPull() {
      settle();
    }

    /** Runs what may find the other side at fault, and then does what has become possible. */
    private void guarded(Runnable step) {
      frameSession = 0;
      if (state != State.CLOSING) {
        try {
          step.run();
        } catch (MalformedFrameException e) {
          String text = Objects.requireNonNullElse(e.getMessage(), e.reason().name());
          close(blamed(), new Refusal(early(e.code()), text));
        } catch (ProtocolViolation e) {
          close(blamed(), e.refusal());
        }
      }
      settle();
    }

    /** The session that a refusal names: that of the bad frame, or the only one there is. */
    private int blamed() {
      if (circuits.contains(frameSession)) {
        return frameSession;
      }
      return circuits.size() == 1 ? circuits.all().getFirst().id() : 0;
    }

    /** Before the first valid frame, whatever is too long is no entry above the limit. */
    private Code early(Code code) {
      return state == State.STRANGER && code == Code.TOO_LARGE ? Code.PROTOCOL_ERROR : code;
    }

    private void settle() {
      circuits.flushInput();
      if (isOver()) {
        startClosing();
      }
      write();
      if (isClosed(out) && inputOver) {
        completeStage();
      } else {
        pullIfAllowed();
      }
    }

    private boolean isOver() {
      return state == State.OPEN
          && outbox.answered()
          && circuits.isEmpty()
          && connects.isEmpty()
          && !circuits.mayReturn();
    }

    private void pullIfAllowed() {
      if (reading || isClosed(in)) {
        return;
      }
      boolean pause =
          state != State.CLOSING
              && (outbox.answerBytes() > settings.maxAnswerBytes()
                  || connects.size() >= settings.maxPendingConnects()
                  || circuits.anyOverfull());
      if (pause) {
        if (!paused) {
          metrics.inputPauses.increment();
        }
        paused = true;
        return;
      }
      if (paused) {
        // What it sent meanwhile could not be heard.
        heardAt = alarm.now();
        partialSince = decoder.buffered() == 0 ? Alarm.NEVER : heardAt;
        paused = false;
      }
      reading = true;
      pull(in);
    }

    // ---- frames from the client

    private void read(byte[] chunk) {
      if (framing == Framing.MESSAGES) {
        int limit = state == State.STRANGER ? settings.maxFirstPayloadBytes() : Frame.MAX_PAYLOAD;
        receive(Frame.parse(chunk, 0, chunk.length, limit));
        return;
      }
      decoder.feed(chunk, 0, chunk.length);
      boolean goesOn = partialSince != Alarm.NEVER;
      for (Frame frame = decoder.next();
          frame != null && state != State.CLOSING;
          frame = decoder.next()) {
        goesOn = false;
        receive(frame);
        frameSession = 0;
      }
      if (!goesOn) {
        startedPart();
      }
    }

    /** The bytes that are left, if any, are the beginning of a frame that came just now. */
    private void startedPart() {
      if (decoder.buffered() == 0) {
        partialSince = Alarm.NEVER;
      } else {
        partialSince = heardAt;
        alarm.wakeAt(heardAt + settings.frameTimeout().toNanos());
      }
    }

    private void receive(Frame frame) {
      metrics.framesIn.increment();
      frameSession = frame.sessionId();
      switch (frame.type()) {
        case CONNECT -> opening.connect(frame.fields());
        case RESUME -> opening.resume(frame);
        case ACCEPT, RESUMED ->
            throw new ProtocolViolation(
                Code.PROTOCOL_ERROR, frame.type() + " comes from the server alone");
        case DATA, KEEPALIVE, SUSPEND, DISCONNECT -> {
          if (state == State.STRANGER) {
            throw new ProtocolViolation(
                Code.PROTOCOL_ERROR, "the first frame is CONNECT or RESUME, not " + frame.type());
          }
          circuits.receive(frame);
        }
      }
      if (state == State.STRANGER && outbox.answered()) {
        startClosing(); // refused: a stranger has one try
      }
    }

    /** The client has shown who it is. */
    private void welcome() {
      if (state == State.STRANGER) {
        state = State.OPEN;
        closeBy = Alarm.NEVER;
        decoder.maxPayload(Frame.MAX_PAYLOAD);
        if (permit != null) {
          permit.authenticated();
        }
        alarm.wakeAt(heardAt + silence());
      }
    }

    // ---- what sessions say

    private void onMessage(Object message) {
      if (message instanceof Terminated terminated) {
        circuits.entityGone(terminated.actor());
      } else if (message instanceof DeviceMessage said) {
        Circuit circuit = circuits.get(said.session().value());
        // Of an attachment that is over nothing is heard any more.
        if (circuit != null && circuit.attachment == said.attachment()) {
          if (!connects.holds(circuit, said)) {
            hear(circuit, said);
          }
        } else if (said instanceof DeviceMessage.Attached late) {
          // It was given up, or was asked for again: the session is not to keep it.
          late.entity().tell(new SessionCommand.Detach(late.attachment(), 0));
        }
      }
    }

    private void hear(Circuit circuit, DeviceMessage message) {
      switch (message) {
        case DeviceMessage.Attached attached -> opening.attached(circuit, attached);
        case DeviceMessage.Refused refused -> opening.refused(circuit, refused);
        case DeviceMessage.Output output -> circuits.output(circuit, output);
        case DeviceMessage.InputDurable durable -> circuits.durable(circuit, durable.upTo());
        case DeviceMessage.Detached detached -> circuits.detached(circuit, detached);
      }
    }

    // ---- the end

    /** Ends the connection; the refusal names one session, or 0 for all that there are. */
    private void close(int session, Refusal refusal) {
      LOG.atDebug()
          .addKeyValue("peer", peer)
          .addKeyValue("code", refusal.code())
          .log("connection refused");
      circuits.flushInput();
      Circuit blamed = circuits.get(session);
      boolean leaving = refusal.code() == Code.SHUTTING_DOWN || refusal.code() == Code.MOVED;
      if (leaving && !circuits.isEmpty()) {
        circuits.all().forEach(it -> outbox.refuse(it.id(), it.sequence(), refusal));
      } else {
        outbox.refuse(session, blamed == null ? 0 : blamed.sequence(), refusal);
      }
      startClosing();
    }

    /** From here on bytes are read only so that the socket can be closed without a reset. */
    private void startClosing() {
      circuits.flushInput();
      circuits.detachAll();
      state = State.CLOSING;
      closeBy = alarm.now() + settings.linger().toNanos();
      alarm.wakeAt(closeBy);
    }

    // ---- bytes for the client

    private void write() {
      if (!isAvailable(out)) {
        return;
      }
      int maxFrames = framing == Framing.MESSAGES ? 1 : Integer.MAX_VALUE;
      Optional<Outbox.Batch> taken = outbox.take(settings.writeBytes(), maxFrames);
      if (taken.isPresent()) {
        written(taken.get());
      } else if (state == State.CLOSING) {
        complete(out);
      }
    }

    private void written(Outbox.Batch batch) {
      writtenAt = alarm.now();
      metrics.framesOut.increment(batch.frames());
      metrics.bytesOut.increment(batch.bytes().size());
      metrics.keepalives.increment(batch.keepalives().size());
      push(out, batch.bytes());
      circuits.written(batch, writtenAt);
      if (!outbox.isEmpty()) {
        alarm.wakeAt(writtenAt + settings.stalledWriteTimeout().toNanos());
      }
    }

    // ---- time

    @Override
    public void onTimer(Object key) {
      alarm.fired();
      guarded(this::onDeadline);
      if (state == State.CLOSING && alarm.now() >= closeBy) {
        abandon();
      }
      nextDeadline();
    }

    /**
     * Ends the connection now. An orderly end would wait for a client that does not take what is
     * written already, and keep its socket open for as long as it likes.
     */
    private void abandon() {
      if (framing == Framing.STREAM && !isClosed(out) && !isAvailable(out)) {
        failStage(new NotTakenException());
      } else {
        completeStage();
      }
    }

    private void onDeadline() {
      long now = alarm.now();
      if (state == State.STRANGER) {
        if (now >= closeBy) {
          metrics.silent.increment();
          completeStage();
        }
        return;
      }
      if (!paused && now >= heardAt + silence()) {
        metrics.silent.increment();
        abandon();
        return;
      }
      if (!paused && now >= wholeBy()) {
        metrics.slowFrames.increment();
        abandon();
        return;
      }
      if (stalled(now)) {
        metrics.slowConsumers.increment();
        abandon();
        return;
      }
      opening.onDeadline(now);
      circuits.onDeadline(now);
    }

    private boolean stalled(long now) {
      return !outbox.isEmpty()
          && !isAvailable(out)
          && now >= writtenAt + settings.stalledWriteTimeout().toNanos();
    }

    /** When the frame that has begun must be whole. */
    private long wholeBy() {
      return partialSince == Alarm.NEVER
          ? Alarm.NEVER
          : partialSince + settings.frameTimeout().toNanos();
    }

    private void nextDeadline() {
      alarm.wakeAt(closeBy);
      if (state != State.OPEN) {
        return;
      }
      alarm.wakeAt((paused ? alarm.now() : heardAt) + silence());
      if (!paused) {
        alarm.wakeAt(wholeBy());
      }
      if (!outbox.isEmpty()) {
        alarm.wakeAt(writtenAt + settings.stalledWriteTimeout().toNanos());
      }
      circuits.nextDeadlines();
    }

    private long silence() {
      return (long) (settings.keepaliveInterval().toNanos() * settings.silentIntervals());
    }
  }

  /** Has no trace, as it tells nobody but the socket's stage, which resets the connection. */
  private static final class NotTakenException extends RuntimeException {
    NotTakenException() {
      super("the client does not take what is written", null, false, false);
    }
  }
}
