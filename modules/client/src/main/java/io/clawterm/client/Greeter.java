package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Sequence;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says on a connection who this is, and takes what the server grants: CONNECT until there is a
 * session, RESUME from then on. For the driver's thread alone.
 *
 * <p>A new token is on disk before the first frame that is sent on it: only then the old one is
 * void.
 */
final class Greeter {
  private static final Logger LOG = LoggerFactory.getLogger(Greeter.class);
  private static final int VERSION = 1;
  private static final int NONCE_BYTES = 16;

  private final ClientSettings settings;
  private final ConnectOptions options;
  private final Standing standing;
  private final SessionRecord session;
  private final InputLog inputs;
  private final Sender sender;
  private final Receiver receiver;
  private final CodeTable codes;
  private final Ghosts ghosts;
  private final ScheduledExecutorService scheduler;
  private final Consumer<ConnectionEvent> attached;
  private final byte[] nonce = new byte[NONCE_BYTES];

  Greeter(
      ClientSettings settings,
      ConnectOptions options,
      Standing standing,
      SessionRecord session,
      InputLog inputs,
      Sender sender,
      Receiver receiver,
      CodeTable codes,
      Ghosts ghosts,
      ScheduledExecutorService scheduler,
      RandomGenerator random,
      Consumer<ConnectionEvent> attached) {
    this.settings = settings;
    this.options = options;
    this.standing = standing;
    this.session = session;
    this.inputs = inputs;
    this.sender = sender;
    this.receiver = receiver;
    this.codes = codes;
    this.ghosts = ghosts;
    this.scheduler = scheduler;
    this.attached = attached;
    random.nextBytes(nonce);
  }

  /** Greets after this wait; null where the session is attached now. */
  @Nullable Outcome greet(Connection connection, Duration wait)
      throws IOException, InterruptedException {
    Frame answer = answerTo(hello(), connection, wait);
    Fields fields = answer.fields();
    SessionId known = session.known();
    return switch (answer.type()) {
      case DISCONNECT ->
          known != null && known.value() == answer.sessionId()
              ? codes.sessionRefused(fields)
              : codes.outcome(fields);
      case ACCEPT -> {
        if (known != null) {
          throw new ClientException.ProtocolViolation("ACCEPT in answer to RESUME", null);
        }
        checkVersion(fields);
        accepted(connection, new SessionId(answer.sessionId()), fields);
        yield null;
      }
      case RESUMED -> {
        if (known == null || known.value() != answer.sessionId()) {
          throw new ClientException.ProtocolViolation("RESUMED of another session", null);
        }
        checkVersion(fields);
        resumed(connection, known, fields);
        yield null;
      }
      case CONNECT, RESUME, DATA, KEEPALIVE, SUSPEND ->
          throw new ClientException.ProtocolViolation(
              answer.type() + " in answer to a greeting", null);
    };
  }

  /** Reads while it waits, so that a server which closes the connection meanwhile is noticed. */
  private Frame answerTo(Frame greeting, Connection connection, Duration wait) throws IOException {
    var sent = new AtomicBoolean();
    boolean settled = false;
    ScheduledFuture<?> later = null;
    try {
      if (wait.isZero()) {
        sent.set(true);
        connection.write(List.of(greeting));
      } else {
        later =
            scheduler.schedule(
                () -> sendLate(greeting, connection, sent), wait.toNanos(), TimeUnit.NANOSECONDS);
      }
      Frame answer = connection.read();
      if (answer == null) {
        throw new EOFException("the server closed the connection");
      }
      // Who refuses may have asked the session before it lost patience with it.
      settled = answer.type() != FrameType.DISCONNECT;
      return answer;
    } finally {
      if (later != null) {
        later.cancel(false);
      }
      if (!settled && sent.get()) {
        ghosts.inVain(System.nanoTime());
      }
    }
  }

  private static void sendLate(Frame greeting, Connection connection, AtomicBoolean sent) {
    sent.set(true);
    try {
      connection.write(List.of(greeting));
    } catch (IOException e) {
      LOG.atDebug().setCause(e).log("greeting on a connection failed");
      connection.close();
    }
  }

  private Frame hello() {
    SessionId known = session.known();
    Fields.Builder fields = Fields.builder().version(VERSION).window(settings.windowBytes());
    session.describe(fields);
    settings.credential().get().ifPresent(fields::credential);
    sender.sizeToTell().ifPresent(fields::terminalSize);
    if (known == null) {
      options.target().ifPresent(fields::target);
      options.key().ifPresent(fields::sessionKey);
      options.expiry().ifPresent(expiry -> fields.expirySeconds(expiry.toSeconds()));
      return Frame.of(0, 0, FrameType.CONNECT, 0, fields.nonce(nonce).build());
    }
    long holds = receiver.holds();
    fields.resumeToken(session.token()).lastSeq(holds);
    return Frame.of(known.value(), Sequence.wire(holds), FrameType.RESUME, 0, fields.build());
  }

  private static void checkVersion(Fields fields) {
    if (fields.version().orElse(VERSION) != VERSION) {
      throw new ClientException.UnsupportedVersion(fields.version().orElse(0));
    }
  }

  private void accepted(Connection connection, SessionId given, Fields fields)
      throws InterruptedException {
    Optional<StoredSession> before = session.leftBehind(given);
    List<InputLog.Pending> done;
    standing.lock.lock();
    try {
      session.opened(given);
      session.granted(fields, receiver.received());
      sender.begin(fields);
      before.ifPresent(stored -> inputs.restore(given.value(), stored));
      done = inputs.begin(fields.lastSeq().orElse(0));
    } finally {
      standing.lock.unlock();
    }
    if (!session.hasToken()) {
      throw new ClientException.ProtocolViolation("ACCEPT without a token", null);
    }
    session.take();
    begun(connection, fields, done);
    attached.accept(new ConnectionEvent.Opened());
  }

  private void resumed(Connection connection, SessionId known, Fields fields)
      throws InterruptedException {
    long holds = receiver.holds();
    long head = fields.headSeq().orElse(holds);
    if (head < holds) {
      throw new ClientException.HistoryLost(
          "session %s ends at %d on the server, but this device has %d"
              .formatted(known, head, holds));
    }
    List<InputLog.Pending> done;
    standing.lock.lock();
    try {
      session.granted(fields, receiver.received());
      sender.begin(fields);
      done = inputs.begin(fields.lastSeq().orElse(inputs.acknowledged()));
    } finally {
      standing.lock.unlock();
    }
    if (!session.persist()) {
      throw CodeTable.takenByOther();
    }
    receiver.startAfter(holds);
    begun(connection, fields, done);
    attached.accept(new ConnectionEvent.Resumed(head - Math.max(holds, receiver.received())));
  }

  private void begun(Connection connection, Fields fields, List<InputLog.Pending> done)
      throws InterruptedException {
    connection.watch(sender.silenceLimit());
    if (!done.isEmpty()) {
      receiver.progressed();
      sender.complete(done);
    }
    // Without FIRST_SEQ in ACCEPT the first entry tells where this device has joined.
    if (fields.firstSeq().isPresent()) {
      long first = fields.firstSeq().getAsLong();
      if (first < 0) {
        throw new ClientException.ProtocolViolation("FIRST_SEQ beyond 63 bits", null);
      }
      receiver.skipTo(connection, first);
    }
  }
}
