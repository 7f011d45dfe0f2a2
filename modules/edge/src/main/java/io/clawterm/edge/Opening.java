package io.clawterm.edge;

import akka.actor.typed.javadsl.Adapter;
import akka.stream.stage.GraphStageLogic.StageActor;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.edge.Circuit.Phase;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.Attachment;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * CONNECT and RESUME: from the frame to ACCEPT, RESUMED or a refusal. A device shows who it is,
 * waits for its turn ({@link Admission}), has its session looked up, and asks that to take it.
 */
final class Opening {

  private static final Logger LOG = LoggerFactory.getLogger(Opening.class);

  /** How many session ids are tried for one CONNECT, each taken by somebody else. */
  private static final int MAX_TRIES = 5;

  /**
   * A message to the node of a session is lost where that node has just died: until the others
   * know, it has to be sent again.
   */
  private static final long ASK_AGAIN_NANOS = 1_000_000_000L;

  /** So long others wait for one whose session does not answer; then it waits without a place. */
  private static final long PLACE_NANOS = 500_000_000L;

  private static final long MIN_WINDOW_BYTES = 64 * 1024;
  private static final long MAX_U32 = 0xFFFF_FFFFL;

  private static final Refusal UNKNOWN =
      new Refusal(Code.UNAUTHENTICATED, "no credential, or not a valid one");
  private static final Refusal TOO_MANY =
      new Refusal(Code.OVERLOADED, "too many sessions on this connection");
  private static final Refusal NO_NODE =
      new Refusal(Code.OVERLOADED, "no node of the cluster holds sessions");
  private static final Refusal NO_SUCH_SESSION =
      new Refusal(Code.NO_SUCH_SESSION, "no such session, or not with this token");

  /** Stands in the wish of a CONNECT that is refused before anybody sees it. */
  private static final Principal NOBODY = new Principal("none", "nobody");

  private final Line line;
  private final Edge edge;
  private final EdgeSettings settings;
  private final Alarm alarm;
  private final Circuits circuits;
  private final ConnectOrder connects;
  private final Executor stage;
  private final Supplier<StageActor> actor;
  private final Runnable welcome;

  /**
   * Nobody has come yet.
   *
   * @param stage runs what follows from other threads' answers
   * @param actor hears what sessions say
   * @param welcome is called when the client has shown who it is
   */
  Opening(
      Line line,
      Circuits circuits,
      ConnectOrder connects,
      Executor stage,
      Supplier<StageActor> actor,
      Runnable welcome) {
    this.line = line;
    this.edge = line.edge();
    this.settings = line.settings();
    this.alarm = line.alarm();
    this.circuits = circuits;
    this.connects = connects;
    this.stage = stage;
    this.actor = actor;
    this.welcome = welcome;
  }

  // ---- frames from the client

  /** A session is wished for, a new one or that of a key. */
  void connect(Fields fields) {
    checkVersion(fields);
    Optional<Principal> principal = authenticate(fields);
    Circuit circuit = new Circuit(Wish.of(fields, principal.orElse(NOBODY), OptionalLong.empty()));
    connects.add(circuit);
    if (principal.isEmpty()) {
      connects.refuse(circuit, UNKNOWN);
    } else if (circuit.wish.key().isPresent() && !Sessions.isUsableKey(circuit.wish.key().get())) {
      connects.refuse(
          circuit, new Refusal(Code.FORBIDDEN, "a session key has 1 to 160 visible characters"));
    } else if (sessions() > settings.maxCircuits()
        || connects.size() > settings.maxPendingConnects()) {
      connects.refuse(circuit, TOO_MANY);
    } else {
      welcome.run();
      admit(circuit);
    }
  }

  /** A device comes back to its session. */
  void resume(Frame frame) {
    Fields fields = frame.fields();
    checkVersion(fields);
    if (circuits.contains(frame.sessionId())) {
      throw new ProtocolViolation(
          Code.PROTOCOL_ERROR, "this session is on this connection already");
    }
    var id = new SessionId(frame.sessionId());
    Optional<Principal> principal = authenticate(fields);
    if (principal.isEmpty()) {
      refuseResume(id, UNKNOWN);
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
    if (sessions() >= settings.maxCircuits()) {
      refuseResume(id, TOO_MANY);
      return;
    }
    welcome.run();
    Circuit circuit = new Circuit(Wish.of(fields, principal.get(), generation));
    circuit.session = id;
    circuits.put(circuit);
    admit(circuit);
  }

  /** How many there are on this connection, or will be. */
  private long sessions() {
    return circuits.size() + connects.withoutSession();
  }

  private static void checkVersion(Fields fields) {
    if (fields.version().orElse(Wish.VERSION) < Wish.VERSION) {
      throw new ProtocolViolation(Code.UNSUPPORTED_VERSION, "version 1 is spoken here");
    }
  }

  private Optional<Principal> authenticate(Fields fields) {
    return edge.authenticator().authenticate(fields.credential(), line.peer());
  }

  private void refuseResume(SessionId id, Refusal refusal) {
    line.outbox().refuse(id.value(), 0, refusal);
  }

  // ---- its turn

  /** Asks for a turn: after the death of a node, all of its devices come at once. */
  private void admit(Circuit circuit) {
    if (!edge.sessions().haveNode()) {
      circuits.finish(circuit, NO_NODE);
      return;
    }
    circuit.answerBy = alarm.now() + settings.turnTimeout().toNanos();
    alarm.wakeAt(circuit.answerBy);
    switch (edge.admission().enter(() -> stage.execute(() -> onTurn(circuit)))) {
      case Admission.Answer.Enters enters -> circuit.place = enters.place();
      case Admission.Answer.ComesAgain again -> circuits.finish(circuit, comesAgain(again.after()));
    }
  }

  private void onTurn(Circuit circuit) {
    if (circuit.phase != Phase.WAITING) {
      return;
    }
    // The session has what the turn has left of the time after which the client gives up.
    circuit.answerBy += settings.sessionTimeout().minus(settings.turnTimeout()).toNanos();
    SessionId id = circuit.session;
    if (id == null) {
      resolve(circuit, Optional.empty());
    } else {
      open(circuit, id);
    }
  }

  private static Refusal comesAgain(Duration after) {
    return new Refusal(
        Code.OVERLOADED, "many devices come back at once", Optional.empty(), Optional.of(after));
  }

  // ---- which session

  private void resolve(Circuit circuit, Optional<SessionId> unlike) {
    circuit.phase = Phase.RESOLVING;
    circuit.tries++;
    Wish wish = circuit.wish;
    var unused =
        edge.sessions()
            .resolve(wish.principal(), wish.key(), wish.nonce(), unlike)
            .whenComplete((id, failure) -> stage.execute(() -> resolved(circuit, id, failure)));
  }

  private void resolved(Circuit circuit, @Nullable SessionId id, @Nullable Throwable failure) {
    if (circuit.phase != Phase.RESOLVING) {
      return;
    }
    if (id == null) {
      // Without the stack: while a database is gone this happens for each CONNECT.
      LOG.atWarn()
          .addKeyValue("failure", String.valueOf(failure))
          .log("no session id could be looked up");
      connects.refuse(circuit, new Refusal(Code.OVERLOADED, "the directory does not answer"));
    } else if (circuits.contains(id.value())) {
      connects.refuse(
          circuit, new Refusal(Code.FORBIDDEN, "this session is on this connection already"));
    } else {
      open(circuit, id);
    }
  }

  // ---- the session is asked

  private void open(Circuit circuit, SessionId id) {
    circuit.phase = Phase.OPENING;
    circuit.session = id;
    circuit.attachment = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
    circuits.begins(circuit);
    long share = settings.connectionWindowBytes() / circuits.size();
    long granted = Math.min(settings.windowBytes(), Math.max(MIN_WINDOW_BYTES, share));
    circuit.window(Math.min(granted, circuit.wish.window().orElse(granted)));
    ask(circuit);
  }

  /** Asks the session to take the device; asked again with the same number, it does so once. */
  private void ask(Circuit circuit) {
    Wish wish = circuit.wish;
    circuit.askAgainAt = alarm.now() + (circuit.place == null ? ASK_AGAIN_NANOS : PLACE_NANOS);
    alarm.wakeAt(circuit.askAgainAt);
    var attachment =
        new Attachment(
            circuit.attachment,
            wish.device(),
            Adapter.toTyped(actor.get().ref()),
            wish.mode(),
            circuit.window(),
            wish.size());
    line.tell(
        circuit,
        wish.resume()
            ? new SessionCommand.Resume(
                wish.principal(), wish.tokenGeneration(), wish.lastNumber(), attachment)
            : new SessionCommand.Connect(
                wish.principal(), wish.target(), wish.directoryKey(), wish.expiry(), attachment));
  }

  /** The session has taken the device. */
  void attached(Circuit circuit, DeviceMessage.Attached message) {
    if (circuit.phase != Phase.OPENING) {
      if (!message.entity().equals(circuit.entity)) {
        // What was asked again has come to the next life of the session: it is not to keep it.
        message.entity().tell(new SessionCommand.Detach(message.attachment(), 0));
      }
      return;
    }
    circuit.leavePlace(true);
    circuit.attached(message);
    actor.get().watch(Adapter.toClassic(message.entity()));
    Wish wish = circuit.wish;
    byte[] token =
        edge.sessions()
            .tokens()
            .issue(message.session(), wish.principal(), wish.device(), message.tokenGeneration());
    Fields.Builder fields =
        Fields.builder()
            .version(Wish.VERSION)
            .resumeToken(token)
            .lastSeq(message.lastInput())
            .keepaliveMs(settings.keepaliveInterval().toMillis())
            .expirySeconds(Math.clamp(message.expiry().toSeconds(), 0, MAX_U32));
    message.key().ifPresent(fields::sessionKey);
    if (wish.resume() || message.headNumber() > 0) {
      fields.firstSeq(message.firstNumber()).headSeq(message.headNumber());
    }
    FrameType type = wish.resume() ? FrameType.RESUMED : FrameType.ACCEPT;
    line.outbox().answer(Frame.of(circuit.id(), circuit.sequence(), type, 0, fields.build()));
    circuits.drawKeepalive(circuit);
    connects.answered(circuit);
  }

  /** The session does not take the device. */
  void refused(Circuit circuit, DeviceMessage.Refused message) {
    if (circuit.phase != Phase.OPENING) {
      return;
    }
    boolean another =
        switch (message.refusal()) {
          case ID_TAKEN, CLOSED -> !circuit.wish.resume();
          case NO_SUCH_SESSION, FORBIDDEN, NO_SUCH_TARGET, AHEAD, OVERLOADED, UNREADABLE -> false;
        };
    if (!another) {
      circuits.finish(circuit, new Refusal(message.refusal().code(), message.text()));
    } else if (circuit.tries < MAX_TRIES) {
      circuits.remove(circuit);
      resolve(circuit, Optional.of(message.session()));
    } else {
      circuits.finish(circuit, new Refusal(Code.OVERLOADED, "no free session id was found"));
    }
  }

  // ---- time

  /** Gives up, or asks again, for those that have no answer yet. */
  void onDeadline(long now) {
    connects.all().forEach(it -> onDeadline(it, now));
    circuits.all().forEach(it -> onDeadline(it, now));
  }

  private void onDeadline(Circuit circuit, long now) {
    if (!circuit.isOpening() || !circuit.held.isEmpty()) {
      return;
    }
    if (now >= circuit.answerBy) {
      circuits.end(circuit, noAnswer(circuit));
    } else if (circuit.phase == Phase.OPENING && now >= circuit.askAgainAt) {
      circuit.leavePlace(false);
      ask(circuit);
    }
  }

  private Refusal noAnswer(Circuit circuit) {
    return circuit.phase == Phase.WAITING
        ? comesAgain(edge.admission().slot())
        : new Refusal(Code.OVERLOADED, "the session does not answer");
  }
}
