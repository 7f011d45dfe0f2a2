package io.clawterm.edge;

import akka.actor.Terminated;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
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
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.edge.Circuit.Phase;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import io.clawterm.protocol.Mode;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import io.clawterm.telemetry.TraceContext;
import io.opentelemetry.api.trace.Span;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;
import scala.runtime.BoxedUnit;

/**
 * One connection: all that lies between the bytes of a socket and the sessions, in one fused stage.
 *
 * <p>Each session on it is a {@link Circuit}. What the sessions say comes to the stage's own actor;
 * what they are told goes out through {@link io.clawterm.session.Sessions}. Keepalives and
 * acknowledgements are answered from what the stage knows, so that an idle session is never woken.
 *
 * <p>The socket is read no further while some circuit has more input on its way than is allowed, or
 * too many answers wait for a client that does not read. Output is bounded by the credit that the
 * sessions have. There is one timer, set to the nearest deadline; deadlines that move away are
 * noticed when it fires.
 *
 * <p>The rules are those of the protocol, sections "Sequence numbers" and "Life of a session".
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
  private static final int VERSION = 1;
  private static final int MAX_TRIES = 5;

  /**
   * A message to the node of a session is lost where that node has just died: until the others
   * know, it has to be sent again.
   */
  private static final long ASK_AGAIN_NANOS = 1_000_000_000L;

  /** So long others wait for one whose session does not answer; then it waits without a place. */
  private static final long PLACE_NANOS = 500_000_000L;

  private static final int MAX_ENDED = 1_024;
  private static final long MIN_WINDOW_BYTES = 64 * 1024;
  private static final long MAX_U32 = 0xFFFF_FFFFL;
  private static final String TIMER = "deadline";

  private final Edge edge;
  private final Peer peer;
  private final Framing framing;
  private final Inlet<ByteString> in = Inlet.create("Connection.in");
  private final Outlet<ByteString> out = Outlet.create("Connection.out");
  private final FlowShape<ByteString, ByteString> shape = FlowShape.of(in, out);

  ConnectionStage(Edge edge, Peer peer, Framing framing) {
    this.edge = edge;
    this.peer = peer;
    this.framing = framing;
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

  /** What a lookup of a session id has found. */
  private record Resolved(Circuit circuit, @Nullable SessionId id, @Nullable Throwable failure) {}

  private final class Connection extends TimerGraphStageLogic implements InHandler, OutHandler {

    private final EdgeSettings settings = edge.settings();
    private final EdgeMetrics metrics = edge.metrics();
    private final long startedAt = System.nanoTime();
    private final FrameDecoder decoder = new FrameDecoder(settings.maxFirstPayloadBytes());
    private final Outbox outbox = new Outbox();

    /** Circuits whose session is known, by its id. */
    private final Map<Integer, Circuit> circuits = new HashMap<>(4);

    /** CONNECTs that have no answer yet; they are answered in this order. */
    private final Deque<Circuit> connects = new ArrayDeque<>(2);

    /** Sessions that were here: frames that had been sent before the client knew are no errors. */
    private final Set<Integer> ended = new LinkedHashSet<>(2);

    private final List<SessionCommand.InputFrame> batch = new ArrayList<>(4);
    private @Nullable Circuit batchCircuit;
    private long batchFirst;
    private long batchBytes;

    private State state = State.STRANGER;
    private int resolving;
    private int frameSession;
    private boolean reading;
    private boolean paused;
    private boolean inputOver;
    private boolean answered;
    private long heardAt;

    /** Since when a frame is there in part; never, where none is. */
    private long partialSince = Circuit.NEVER;

    private long writtenAt;
    private long closeBy = Circuit.NEVER;

    /** Sessions that have moved, whose devices may come back on this connection, and until when. */
    private final Set<Integer> moved = new HashSet<>(2);

    private long returnBy;

    private long timerAt = Circuit.NEVER;

    private @Nullable StageActor actor;
    private @Nullable AsyncCallback<Resolved> resolved;
    private @Nullable AsyncCallback<Circuit> turn;
    private ConnectionLimits.@Nullable Permit permit;
    private @Nullable Runnable stop;

    Connection() {
      super(shape);
      setHandler(in, this);
      setHandler(out, this);
    }

    // ---- the life of the stage

    @Override
    public void preStart() {
      actor =
          getStageActor((Tuple2<akka.actor.ActorRef, Object> message) -> {
            guarded(() -> onMessage(message._2()));
            return BoxedUnit.UNIT;
          });
      resolved = createAsyncCallback(found -> guarded(() -> onResolved(found)));
      turn = createAsyncCallback(circuit -> guarded(() -> onTurn(circuit)));
      AsyncCallback<Refusal> ending = createAsyncCallback(why -> guarded(() -> close(0, why)));
      Runnable evict =
          () -> {
            metrics.evictions.increment();
            ending.invoke(new Refusal(Code.OVERLOADED, "too many connections, say something"));
          };
      permit = edge.limits().admit(peer.origin(), evict).orElse(null);
      stop = () -> ending.invoke(edge.farewell(peer));
      edge.opened(peer, stop);
      closeBy = settings.firstFrameTimeout().toNanos();
      wakeAt(closeBy);
      if (permit == null) {
        close(0, new Refusal(Code.OVERLOADED, "too many connections"));
      }
      settle();
    }

    @Override
    public void postStop() {
      detachAll();
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
      heardAt = now();
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
      if (circuits.containsKey(frameSession)) {
        return frameSession;
      }
      return circuits.size() == 1 ? circuits.keySet().iterator().next() : 0;
    }

    /** Before the first valid frame, whatever is too long is no entry above the limit. */
    private Code early(Code code) {
      return state == State.STRANGER && code == Code.TOO_LARGE ? Code.PROTOCOL_ERROR : code;
    }

    private void settle() {
      flushInput();
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
          && answered
          && circuits.isEmpty()
          && connects.isEmpty()
          && (moved.isEmpty() || now() >= returnBy);
    }

    private void pullIfAllowed() {
      if (reading || isClosed(in)) {
        return;
      }
      boolean pause =
          state != State.CLOSING
              && (outbox.answerBytes() > settings.maxAnswerBytes()
                  || connects.size() >= settings.maxPendingConnects()
                  || anyOverfull());
      if (pause) {
        if (!paused) {
          metrics.inputPauses.increment();
        }
        paused = true;
        return;
      }
      if (paused) {
        // What it sent meanwhile could not be heard.
        heardAt = now();
        partialSince = decoder.buffered() == 0 ? Circuit.NEVER : heardAt;
        paused = false;
      }
      reading = true;
      pull(in);
    }

    private boolean anyOverfull() {
      long limit = settings.maxInputInFlightBytes();
      for (Circuit circuit : circuits.values()) {
        if (circuit.inFlightBytes() > limit) {
          return true;
        }
      }
      return false;
    }

    // ---- frames from the client

    private void read(byte[] chunk) {
      if (framing == Framing.MESSAGES) {
        int limit = state == State.STRANGER ? settings.maxFirstPayloadBytes() : Frame.MAX_PAYLOAD;
        receive(Frame.parse(chunk, 0, chunk.length, limit));
        return;
      }
      decoder.feed(chunk, 0, chunk.length);
      boolean goesOn = partialSince != Circuit.NEVER;
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
        partialSince = Circuit.NEVER;
      } else {
        partialSince = heardAt;
        wakeAt(heardAt + settings.frameTimeout().toNanos());
      }
    }

    private void receive(Frame frame) {
      metrics.framesIn.increment();
      frameSession = frame.sessionId();
      switch (frame.type()) {
        case CONNECT -> connect(frame.fields());
        case RESUME -> resume(frame);
        case ACCEPT, RESUMED ->
            throw new ProtocolViolation(
                Code.PROTOCOL_ERROR, frame.type() + " comes from the server alone");
        case DATA, KEEPALIVE, SUSPEND, DISCONNECT -> {
          if (state == State.STRANGER) {
            throw new ProtocolViolation(
                Code.PROTOCOL_ERROR, "the first frame is CONNECT or RESUME, not " + frame.type());
          }
          ofCircuit(frame);
        }
      }
    }

    private void ofCircuit(Frame frame) {
      Circuit circuit = circuits.get(frame.sessionId());
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
        case ATTACHED -> attachedFrame(circuit, frame);
        case LEAVING, ENDED -> {}
      }
    }

    private void attachedFrame(Circuit circuit, Frame frame) {
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
            leave(
                circuit, new SessionCommand.Disconnect(circuit.attachment, circuit.acknowledged()));
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
        metrics.repeatedInput.increment();
        outbox.keepalive(circuit);
        return;
      }
      if (circuit.received(frame.payloadLength(), frame.has(Flags.MORE))
          > settings.maxEntryBytes()) {
        String text = "an entry has at most " + settings.maxEntryBytes() + " bytes";
        end(circuit, new Refusal(Code.TOO_LARGE, text));
        return;
      }
      collect(circuit, number, frame);
      if (frame.has(Flags.ACK_NOW)) {
        circuit.askFor(number);
        outbox.keepalive(circuit);
      }
    }

    /** Consecutive frames of a chunk travel to their session as one message. */
    private void collect(Circuit circuit, long number, Frame frame) {
      if (batchCircuit != circuit || batchBytes >= settings.inputBatchBytes()) {
        flushInput();
        batchCircuit = circuit;
        batchFirst = number;
      }
      batch.add(
          new SessionCommand.InputFrame(
              Bytes.wrap(frame.payload()), frame.has(Flags.EVENT), frame.has(Flags.MORE)));
      batchBytes += frame.payloadLength() + Circuit.INPUT_OVERHEAD_BYTES;
    }

    private void flushInput() {
      Circuit circuit = batchCircuit;
      if (circuit == null) {
        return;
      }
      long now = now();
      circuit.unconfirmed = false;
      Span span = edge.inputTrace().begin(circuit, peer, batch);
      tell(
          circuit,
          new SessionCommand.Input(circuit.attachment, batchFirst, batch, TraceContext.of(span)));
      metrics.input.increment(batch.size());
      circuit.handed(batchBytes, batchFirst + batch.size() - 1, now, span);
      wakeAt(now + settings.durableTimeout().toNanos());
      batch.clear();
      batchBytes = 0;
      batchCircuit = null;
    }

    private void keepalive(Circuit circuit, Frame frame, Fields fields) {
      if (circuit.unconfirmed) {
        // Its first frame since RESUMED: the token before is void. Input and SUSPEND say so alone.
        circuit.unconfirmed = false;
        tell(circuit, new SessionCommand.Confirm(circuit.attachment));
      }
      fields
          .terminalSize()
          .ifPresent(size ->
              tell(
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
      circuit.answerBy = now() + settings.sessionTimeout().toNanos();
      wakeAt(circuit.answerBy);
      tell(circuit, command);
    }

    // ---- CONNECT and RESUME

    private void connect(Fields fields) {
      checkVersion(fields);
      Optional<Principal> principal = edge.authenticator().authenticate(fields.credential(), peer);
      Circuit circuit =
          new Circuit(Wish.of(fields, principal.orElse(NOBODY), OptionalLong.empty()));
      connects.add(circuit);
      if (principal.isEmpty()) {
        refuse(circuit, new Refusal(Code.UNAUTHENTICATED, "no credential, or not a valid one"));
      } else if (circuit.wish.key().isPresent()
          && !Sessions.isUsableKey(circuit.wish.key().get())) {
        refuse(
            circuit, new Refusal(Code.FORBIDDEN, "a session key has 1 to 160 visible characters"));
      } else if (circuits.size() + resolving >= settings.maxCircuits()
          || connects.size() > settings.maxPendingConnects()) {
        refuse(circuit, new Refusal(Code.OVERLOADED, "too many sessions on this connection"));
      } else {
        welcome();
        admit(circuit);
      }
    }

    private void resume(Frame frame) {
      Fields fields = frame.fields();
      checkVersion(fields);
      if (circuits.containsKey(frame.sessionId())) {
        throw new ProtocolViolation(
            Code.PROTOCOL_ERROR, "this session is on this connection already");
      }
      var id = new SessionId(frame.sessionId());
      Optional<Principal> principal = edge.authenticator().authenticate(fields.credential(), peer);
      if (principal.isEmpty()) {
        refuseResume(id, new Refusal(Code.UNAUTHENTICATED, "no credential, or not a valid one"));
        return;
      }
      // Without a token the hash is computed all the same: one answer, after one time.
      byte[] token = fields.resumeToken().orElseGet(() -> new byte[ResumeTokens.LENGTH]);
      OptionalLong generation =
          edge.sessions().tokens().verify(id, principal.get(), Wish.device(fields), token);
      if (generation.isEmpty()) {
        refuseResume(id, NO_SUCH_SESSION);
        return;
      }
      if (fields.lastSeq().orElse(0) < 0) {
        throw new ProtocolViolation(Code.PROTOCOL_ERROR, "LAST_SEQ is above what can be");
      }
      if (circuits.size() + resolving >= settings.maxCircuits()) {
        refuseResume(id, new Refusal(Code.OVERLOADED, "too many sessions on this connection"));
        return;
      }
      welcome();
      Circuit circuit = new Circuit(Wish.of(fields, principal.get(), generation));
      circuit.session = id;
      circuits.put(id.value(), circuit);
      admit(circuit);
    }

    /** Asks for a turn: after the death of a node, all of its devices come at once. */
    private void admit(Circuit circuit) {
      circuit.answerBy = now() + settings.turnTimeout().toNanos();
      wakeAt(circuit.answerBy);
      AsyncCallback<Circuit> callback = started(turn);
      switch (edge.admission().enter(() -> callback.invoke(circuit))) {
        case Admission.Answer.Enters enters -> circuit.place = enters.place();
        case Admission.Answer.ComesAgain again -> finish(circuit, tooMany(again.after()));
      }
    }

    private static Refusal tooMany(Duration after) {
      return new Refusal(
          Code.OVERLOADED, "many devices come back at once", Optional.empty(), Optional.of(after));
    }

    private void onTurn(Circuit circuit) {
      if (circuit.phase != Phase.WAITING) {
        return;
      }
      circuit.answerBy = now() + settings.sessionTimeout().toNanos();
      wakeAt(circuit.answerBy);
      SessionId id = circuit.session;
      if (id == null) {
        resolve(circuit, Optional.empty());
      } else {
        open(circuit, id);
      }
    }

    private static void leavePlace(Circuit circuit, boolean served) {
      Admission.Place place = circuit.place;
      if (place != null) {
        circuit.place = null;
        place.leave(served);
      }
    }

    private void checkVersion(Fields fields) {
      if (fields.version().orElse(VERSION) < VERSION) {
        throw new ProtocolViolation(Code.UNSUPPORTED_VERSION, "version 1 is spoken here");
      }
    }

    private void refuseResume(SessionId id, Refusal refusal) {
      answer(id.value(), 0, refusal);
      if (state == State.STRANGER) {
        startClosing();
      }
    }

    private void welcome() {
      if (state == State.STRANGER) {
        state = State.OPEN;
        closeBy = Circuit.NEVER;
        decoder.maxPayload(Frame.MAX_PAYLOAD);
        if (permit != null) {
          permit.authenticated();
        }
        wakeAt(heardAt + silence());
      }
    }

    private void resolve(Circuit circuit, Optional<SessionId> unlike) {
      circuit.phase = Phase.RESOLVING;
      circuit.tries++;
      resolving++;
      AsyncCallback<Resolved> callback = started(resolved);
      var unused =
          edge.sessions()
              .resolve(circuit.wish.principal(), circuit.wish.key(), circuit.wish.nonce(), unlike)
              .whenComplete((id, failure) -> callback.invoke(new Resolved(circuit, id, failure)));
    }

    private void onResolved(Resolved found) {
      resolving--;
      Circuit circuit = found.circuit;
      if (circuit.phase != Phase.RESOLVING) {
        return;
      }
      if (found.id == null) {
        // Without the stack: while a database is gone this happens for each CONNECT.
        LOG.atWarn()
            .addKeyValue("failure", String.valueOf(found.failure))
            .log("no session id could be looked up");
        refuse(circuit, new Refusal(Code.OVERLOADED, "the directory does not answer"));
      } else if (circuits.containsKey(found.id.value())) {
        refuse(circuit, new Refusal(Code.FORBIDDEN, "this session is on this connection already"));
      } else {
        open(circuit, found.id);
      }
    }

    private void open(Circuit circuit, SessionId id) {
      Wish wish = circuit.wish;
      circuit.phase = Phase.OPENING;
      circuit.session = id;
      circuit.attachment = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
      circuits.put(id.value(), circuit);
      ended.remove(id.value());
      moved.remove(id.value());
      long share = settings.connectionWindowBytes() / circuits.size();
      long granted = Math.min(settings.windowBytes(), Math.max(MIN_WINDOW_BYTES, share));
      circuit.window(Math.min(granted, wish.window().orElse(granted)));
      ask(circuit);
    }

    /** Asks the session to take the device; asked again with the same number, it does so once. */
    private void ask(Circuit circuit) {
      Wish wish = circuit.wish;
      circuit.askAgainAt = now() + (circuit.place == null ? ASK_AGAIN_NANOS : PLACE_NANOS);
      wakeAt(circuit.askAgainAt);
      var attachment =
          new Attachment(
              circuit.attachment,
              wish.device(),
              Adapter.toTyped(started(actor).ref()),
              wish.mode(),
              circuit.window(),
              wish.size());
      tell(
          circuit,
          wish.resume()
              ? new SessionCommand.Resume(
                  wish.principal(), wish.tokenGeneration(), wish.lastNumber(), attachment)
              : new SessionCommand.Connect(
                  wish.principal(), wish.target(), wish.directoryKey(), wish.expiry(), attachment));
    }

    // ---- what sessions say

    private void onMessage(Object message) {
      if (message instanceof Terminated terminated) {
        onEntityGone(terminated.actor());
      } else if (message instanceof DeviceMessage said) {
        Circuit circuit = circuits.get(said.session().value());
        // Of an attachment that is over nothing is heard any more.
        if (circuit != null && circuit.attachment == said.attachment()) {
          if (!circuit.wish.resume()
              && circuit.phase == Phase.OPENING
              && connects.peek() != circuit) {
            circuit.held.add(said);
          } else {
            hear(circuit, said);
          }
        } else if (said instanceof DeviceMessage.Attached late) {
          // It was given up, or was asked for again: the session is not to keep it.
          late.entity().tell(new SessionCommand.Detach(late.attachment(), 0));
        }
      }
    }

    /** The session's node has died, or its entity was stopped: whoever is next has the journal. */
    private void onEntityGone(akka.actor.ActorRef gone) {
      for (Circuit circuit : List.copyOf(circuits.values())) {
        if (circuit.entity != null && Adapter.toClassic(circuit.entity).equals(gone)) {
          circuit.entity = null;
          finish(circuit, goOn(circuit, "the session is taken up again elsewhere"));
        }
      }
    }

    private void hear(Circuit circuit, DeviceMessage message) {
      switch (message) {
        case DeviceMessage.Attached attached -> onAttached(circuit, attached);
        case DeviceMessage.Refused refused -> onRefused(circuit, refused);
        case DeviceMessage.Output output -> onOutput(circuit, output);
        case DeviceMessage.InputDurable durable -> onDurable(circuit, durable.upTo());
        case DeviceMessage.Detached detached ->
            finish(
                circuit,
                detached.code() == Code.MOVED
                    ? goOn(circuit, detached.text())
                    : new Refusal(detached.code(), detached.text()));
      }
    }

    /** The device may ask for its session at once: sharding keeps that until it is there again. */
    private Refusal goOn(Circuit circuit, String text) {
      moved.add(circuit.id());
      returnBy = now() + settings.firstFrameTimeout().toNanos();
      wakeAt(returnBy);
      return new Refusal(Code.MOVED, text, Optional.empty(), Optional.of(Duration.ZERO));
    }

    private void onAttached(Circuit circuit, DeviceMessage.Attached message) {
      if (circuit.phase != Phase.OPENING) {
        return;
      }
      leavePlace(circuit, true);
      circuit.attached(message);
      started(actor).watch(Adapter.toClassic(message.entity()));
      Wish wish = circuit.wish;
      byte[] token =
          edge.sessions()
              .tokens()
              .issue(message.session(), wish.principal(), wish.device(), message.tokenGeneration());
      Fields.Builder fields =
          Fields.builder()
              .version(VERSION)
              .resumeToken(token)
              .lastSeq(message.lastInput())
              .keepaliveMs(settings.keepaliveInterval().toMillis())
              .expirySeconds(Math.clamp(message.expiry().toSeconds(), 0, MAX_U32));
      message.key().ifPresent(fields::sessionKey);
      if (wish.resume() || message.headNumber() > 0) {
        fields.firstSeq(message.firstNumber()).headSeq(message.headNumber());
      }
      FrameType type = wish.resume() ? FrameType.RESUMED : FrameType.ACCEPT;
      outbox.answer(Frame.of(circuit.id(), circuit.sequence(), type, 0, fields.build()));
      drawKeepalive(circuit);
      answeredConnect(circuit);
    }

    private void onRefused(Circuit circuit, DeviceMessage.Refused message) {
      if (circuit.phase != Phase.OPENING) {
        return;
      }
      boolean another =
          switch (message.refusal()) {
            case ID_TAKEN, CLOSED -> !circuit.wish.resume();
            case NO_SUCH_SESSION, FORBIDDEN, NO_SUCH_TARGET, AHEAD, OVERLOADED, UNREADABLE -> false;
          };
      if (!another) {
        finish(circuit, new Refusal(message.refusal().code(), message.text()));
      } else if (circuit.tries < MAX_TRIES) {
        circuits.remove(circuit.id());
        circuit.session = null;
        resolve(circuit, Optional.of(message.session()));
      } else {
        finish(circuit, new Refusal(Code.OVERLOADED, "no free session id was found"));
      }
    }

    private void onOutput(Circuit circuit, DeviceMessage.Output message) {
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

    private void onDurable(Circuit circuit, long upTo) {
      circuit.durable(upTo);
      if (circuit.askedForIsDurable()
          || circuit.unacknowledgedBytes() >= settings.ackAfterBytes()) {
        outbox.keepalive(circuit);
      } else {
        circuit.acknowledgeBy(now() + settings.ackDelay().toNanos());
        wakeAt(circuit.acknowledgeBy());
      }
    }

    // ---- ends

    /** Ends a circuit of which the session does not know that it ends. */
    private void end(Circuit circuit, Refusal refusal) {
      if (circuit.phase == Phase.ENDED) {
        return;
      }
      flushInput();
      if (circuit.session != null && circuit.phase != Phase.WAITING) {
        tell(circuit, new SessionCommand.Detach(circuit.attachment, circuit.acknowledged()));
      }
      finish(circuit, refusal);
    }

    /** Ends a circuit with an answer: in its turn, where it is one to a CONNECT. */
    private void finish(Circuit circuit, Refusal refusal) {
      if (circuit.phase == Phase.ENDED) {
        return;
      }
      boolean opening =
          switch (circuit.phase) {
            case WAITING, RESOLVING, OPENING -> true;
            case ATTACHED, LEAVING, ENDED -> false;
          };
      leavePlace(circuit, false);
      unwatch(circuit);
      if (circuit.session != null) {
        circuits.remove(circuit.id());
        remember(circuit.id());
      }
      if (opening && !circuit.wish.resume()) {
        refuse(circuit, refusal);
        return;
      }
      circuit.ended();
      if (refusal.code() == Code.CLOSED) {
        // There is no later at which it could be had.
        circuit.waiting.forEach(outbox::output);
      }
      answer(circuit.id(), circuit.sequence(), refusal);
    }

    private void unwatch(Circuit circuit) {
      ActorRef<SessionCommand> entity = circuit.entity;
      if (entity != null && actor != null) {
        actor.unwatch(Adapter.toClassic(entity));
        circuit.entity = null;
      }
    }

    /** Refuses a CONNECT, once those before it have their answers. */
    private void refuse(Circuit circuit, Refusal refusal) {
      leavePlace(circuit, false);
      circuit.phase = Phase.ENDED;
      circuit.held.clear();
      circuit.refusal = refusal;
      answerConnects();
    }

    private void answeredConnect(Circuit circuit) {
      answered = true;
      if (connects.peek() == circuit) {
        connects.remove();
        answerConnects();
      }
    }

    private void answerConnects() {
      for (Circuit next = connects.peek(); next != null; next = connects.peek()) {
        if (next.refusal != null) {
          connects.remove();
          answer(0, 0, next.refusal);
          if (state == State.STRANGER) {
            startClosing();
          }
        } else if (next.held.isEmpty()) {
          return;
        } else {
          List<DeviceMessage> held = List.copyOf(next.held);
          next.held.clear();
          for (DeviceMessage message : held) {
            hear(next, message);
          }
          if (connects.peek() == next) {
            return;
          }
        }
      }
    }

    private void remember(int session) {
      ended.add(session);
      if (ended.size() > MAX_ENDED) {
        ended.remove(ended.iterator().next());
      }
    }

    private void answer(int session, int sequence, Refusal refusal) {
      answered = true;
      metrics.disconnected(refusal.code());
      outbox.answer(refusal.frame(session, sequence, settings.retryAfter(), VERSION));
    }

    /** Ends the connection; the refusal names one session, or 0 for all that there are. */
    private void close(int session, Refusal refusal) {
      LOG.atDebug()
          .addKeyValue("peer", peer)
          .addKeyValue("code", refusal.code())
          .log("connection refused");
      flushInput();
      Circuit blamed = circuits.get(session);
      boolean leaving = refusal.code() == Code.SHUTTING_DOWN || refusal.code() == Code.MOVED;
      if (leaving && !circuits.isEmpty()) {
        circuits.values().forEach(it -> answer(it.id(), it.sequence(), refusal));
      } else {
        answer(session, blamed == null ? 0 : blamed.sequence(), refusal);
      }
      startClosing();
    }

    /** From here on bytes are read only so that the socket can be closed without a reset. */
    private void startClosing() {
      flushInput();
      detachAll();
      state = State.CLOSING;
      closeBy = now() + settings.linger().toNanos();
      wakeAt(closeBy);
    }

    private void detachAll() {
      for (Circuit circuit : circuits.values()) {
        boolean known = circuit.phase != Phase.WAITING;
        over(circuit);
        if (known) {
          tell(circuit, new SessionCommand.Detach(circuit.attachment, circuit.acknowledged()));
        }
      }
      circuits.clear();
      connects.forEach(Connection::over);
      connects.clear();
    }

    private static void over(Circuit circuit) {
      circuit.ended();
      leavePlace(circuit, false);
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
      long now = now();
      writtenAt = now;
      metrics.framesOut.increment(batch.frames());
      metrics.bytesOut.increment(batch.bytes().size());
      metrics.keepalives.increment(batch.keepalives().size());
      push(out, batch.bytes());
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
      if (!outbox.isEmpty()) {
        wakeAt(now + settings.stalledWriteTimeout().toNanos());
      }
    }

    private void release(Circuit circuit) {
      if (circuit.phase == Phase.ATTACHED) {
        long bytes = circuit.takeRelease();
        if (bytes > 0) {
          tell(
              circuit,
              new SessionCommand.Release(circuit.attachment, bytes, circuit.acknowledged()));
        }
      }
    }

    private void drawKeepalive(Circuit circuit) {
      double shift = 1 + settings.keepaliveJitter() * ThreadLocalRandom.current().nextDouble(-1, 1);
      circuit.keepalive(now(), (long) (settings.keepaliveInterval().toNanos() * shift));
      wakeAt(circuit.keepaliveAt());
    }

    // ---- time

    @Override
    public void onTimer(Object key) {
      timerAt = Circuit.NEVER;
      guarded(this::onDeadline);
      if (state == State.CLOSING) {
        onClosingDeadline();
      }
      nextDeadline();
    }

    private void onClosingDeadline() {
      if (now() >= closeBy) {
        abandon();
      }
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
      long now = now();
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
      for (Circuit circuit : List.copyOf(connects)) {
        if (now >= circuit.answerBy && circuit.held.isEmpty()) {
          end(circuit, noAnswer(circuit));
        }
      }
      for (Circuit circuit : List.copyOf(circuits.values())) {
        onCircuitDeadline(circuit, now);
      }
    }

    private void onCircuitDeadline(Circuit circuit, long now) {
      if (now >= circuit.answerBy && circuit.held.isEmpty()) {
        end(circuit, noAnswer(circuit));
      } else if (circuit.phase == Phase.OPENING
          && now >= circuit.askAgainAt
          && circuit.held.isEmpty()) {
        leavePlace(circuit, false);
        ask(circuit);
      } else if (now >= durableBy(circuit)) {
        end(circuit, new Refusal(Code.OVERLOADED, "input could not be stored in time"));
      } else if (now >= circuit.acknowledgeBy() || now >= circuit.keepaliveAt()) {
        outbox.keepalive(circuit);
      }
    }

    private Refusal noAnswer(Circuit circuit) {
      return circuit.phase == Phase.WAITING
          ? tooMany(edge.admission().slot())
          : new Refusal(Code.OVERLOADED, "the session does not answer");
    }

    private boolean stalled(long now) {
      return !outbox.isEmpty()
          && !isAvailable(out)
          && now >= writtenAt + settings.stalledWriteTimeout().toNanos();
    }

    /** When the frame that has begun must be whole. */
    private long wholeBy() {
      return partialSince == Circuit.NEVER
          ? Circuit.NEVER
          : partialSince + settings.frameTimeout().toNanos();
    }

    private long durableBy(Circuit circuit) {
      long oldest = circuit.oldestInFlight();
      return oldest == Circuit.NEVER ? oldest : oldest + settings.durableTimeout().toNanos();
    }

    private void nextDeadline() {
      wakeAt(closeBy);
      if (state != State.OPEN) {
        return;
      }
      wakeAt((paused ? now() : heardAt) + silence());
      if (!moved.isEmpty() && returnBy > now()) {
        wakeAt(returnBy);
      }
      if (!paused) {
        wakeAt(wholeBy());
      }
      if (!outbox.isEmpty()) {
        wakeAt(writtenAt + settings.stalledWriteTimeout().toNanos());
      }
      connects.forEach(circuit -> wakeAt(circuit.answerBy));
      for (Circuit circuit : circuits.values()) {
        wakeAt(circuit.answerBy);
        if (circuit.phase == Phase.OPENING && circuit.held.isEmpty()) {
          wakeAt(circuit.askAgainAt);
        }
        wakeAt(durableBy(circuit));
        if (!circuit.keepaliveWaits) {
          wakeAt(circuit.acknowledgeBy());
          wakeAt(circuit.keepaliveAt());
        }
      }
    }

    /** Sets the timer, unless it is to fire before anyway. */
    private void wakeAt(long deadline) {
      if (deadline < timerAt) {
        timerAt = deadline;
        scheduleOnce(TIMER, Duration.ofNanos(Math.max(1_000_000, deadline - now())));
      }
    }

    private long silence() {
      return (long) (settings.keepaliveInterval().toNanos() * settings.silentIntervals());
    }

    private long now() {
      return System.nanoTime() - startedAt;
    }

    private void tell(Circuit circuit, SessionCommand command) {
      SessionId session = circuit.session;
      if (session == null) {
        throw new IllegalStateException("a circuit without a session has nobody to tell");
      }
      if (circuit.entity == null) {
        edge.sessions().tell(session, command);
      } else {
        circuit.entity.tell(command);
      }
    }
  }

  private static final Refusal NO_SUCH_SESSION =
      new Refusal(Code.NO_SUCH_SESSION, "no such session, or not with this token");

  /** Has no trace, as it tells nobody but the socket's stage, which resets the connection. */
  private static final class NotTakenException extends RuntimeException {
    NotTakenException() {
      super("the client does not take what is written", null, false, false);
    }
  }

  /** Stands in the wish of a CONNECT that is refused before anybody sees it. */
  private static final Principal NOBODY = new Principal("none", "nobody");

  private static <T> T started(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("the stage has not started");
    }
    return value;
  }
}
