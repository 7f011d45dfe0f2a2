package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.Sequence;
import io.clawterm.protocol.TerminalSize;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one session attached, over any number of connections.
 *
 * <p>One thread connects, greets and reads; each connection has another one that writes. What is on
 * disk before what:
 *
 * <ul>
 *   <li>A new token, before the first frame that is sent on it: only then the old one is void.
 *   <li>An input under its number, before it is sent: a later process must not send something else
 *       under this number, because the server would take it for the same one and drop it.
 *   <li>The number that the application has handled, after it has: the store may lag behind, so a
 *       later process may be given again what an earlier one has shown, but never misses anything.
 * </ul>
 *
 * A client never sends DISCONNECT because of a damaged stream: from a client it ends the session
 * for good. It just closes the connection.
 */
final class SessionDriver {
  private static final Logger LOG = LoggerFactory.getLogger(SessionDriver.class);
  private static final int VERSION = 1;
  private static final int BATCH_BYTES = 65_536;
  private static final int ACKNOWLEDGE_BYTES = 65_536;
  private static final long ACKNOWLEDGE_NANOS = Duration.ofMillis(200).toNanos();
  private static final long CURSOR_NANOS = Duration.ofSeconds(1).toNanos();
  private static final double SILENT_INTERVALS = 2.5;
  private static final long DEFAULT_KEEPALIVE_MS = 30_000;
  private static final long MAX_RETRY_AFTER_MS = Duration.ofMinutes(5).toMillis();
  private static final Duration GOAL_LIMIT = Duration.ofSeconds(10);
  private static final Duration DELIVERY_LIMIT = Duration.ofSeconds(2);
  private static final Duration WRITER_LIMIT = Duration.ofSeconds(1);
  private static final Duration STABLE = Duration.ofSeconds(10);

  /** Failures in a row, without any progress, that are a defect rather than bad luck. */
  private static final int MAX_DEFECTS = 8;

  private static final long UNKNOWN = -1;

  /** What the application wants of the session. */
  private enum Goal {
    STAY,
    SUSPEND,
    DISCONNECT,
    LEAVE
  }

  /** What becomes of the session after a connection. */
  private sealed interface Outcome {
    /** Try again; {@code defect}: counted, as this can't go on for ever. */
    record Retry(String reason, Duration atLeast, boolean defect, @Nullable Throwable cause)
        implements Outcome {}

    /** The session can be resumed on the connection that it was on. */
    record Again(Duration after) implements Outcome {}

    record End(Ending ending) implements Outcome {}
  }

  private final ClientSettings settings;
  private final Links links;
  private final SessionStore store;
  private final ScheduledExecutorService scheduler;
  private final Executor callbacks;
  private final Backoff backoff;
  private final SecureRandom random = new SecureRandom();

  private final ReentrantLock lock = new ReentrantLock();

  /** The writer, or the wait before a reconnect, has a reason to look. */
  private final Condition work = lock.newCondition();

  private final Condition room = lock.newCondition();

  /**
   * Held around taking a picture of the session and storing it, so that pictures don't overtake.
   */
  private final ReentrantLock storing = new ReentrantLock();

  private final InputLog inputs;
  private final OutputQueue output;
  private final CompletableFuture<Void> attached = new CompletableFuture<>();
  private final CompletableFuture<Ending> ended = new CompletableFuture<>();

  // What the session is; written by the driver's thread alone, under the lock.
  private @Nullable SessionId id;
  private Optional<String> target;
  private Optional<String> key;
  private Mode mode;
  private boolean events;
  private String device;
  private String token = "";
  private long expirySeconds;
  private final Optional<Duration> wantedExpiry;
  private final byte[] nonce = new byte[16];

  // How it stands; guarded by the lock.
  private Goal goal = Goal.STAY;
  private @Nullable Connection current;
  private @Nullable Ending over;
  private long joinedAt = UNKNOWN;
  private boolean joinedBehind;
  private Optional<TerminalSize> size;
  private boolean sizeChanged;
  private boolean acknowledgeNow;
  private boolean goalSent;
  private @Nullable ScheduledFuture<?> goalTimer;
  private long acknowledgedOutput;
  private long acknowledgedBytes;
  private long owedSince = UNKNOWN;
  private @Nullable ClientException writerFailure;
  private long cursorSaved;
  private long cursorSavedAt = System.nanoTime();
  private long keepaliveMs = DEFAULT_KEEPALIVE_MS;

  // The driver's thread alone.
  private final Route route;
  private final Ghosts ghosts = new Ghosts();
  private long received = UNKNOWN;
  private int defects;
  private boolean progress;
  private long lostAt = System.nanoTime();
  private @Nullable Thread thread;

  private SessionDriver(
      ClientSettings settings,
      Links links,
      SessionStore store,
      ScheduledExecutorService scheduler,
      Executor callbacks,
      ConnectOptions options) {
    this.settings = settings;
    this.links = links;
    this.store = store;
    this.scheduler = scheduler;
    this.callbacks = callbacks;
    this.backoff = new Backoff(settings.minBackoff(), settings.maxBackoff(), random);
    this.inputs = new InputLog(settings.maxUnacknowledged(), settings.maxUnacknowledgedBytes());
    this.output = new OutputQueue(settings.windowBytes(), this::outputHandled);
    this.route = new Route(settings.addresses());
    this.device = settings.device();
    this.target = options.target();
    this.key = options.key();
    this.mode = options.mode();
    this.events = options.events();
    this.wantedExpiry = options.expiry();
    this.size = options.size();
    random.nextBytes(nonce);
  }

  /** A session to be opened or joined. */
  static SessionDriver connecting(
      ClientSettings settings,
      Links links,
      SessionStore store,
      ScheduledExecutorService scheduler,
      Executor callbacks,
      ConnectOptions options) {
    return new SessionDriver(settings, links, store, scheduler, callbacks, options);
  }

  /** A session to go on with, which this client's store has been told is its own now. */
  static SessionDriver resuming(
      ClientSettings settings,
      Links links,
      SessionStore store,
      ScheduledExecutorService scheduler,
      Executor callbacks,
      StoredSession stored,
      ResumeOptions changes) {
    var options =
        new ConnectOptions(
            Optional.of(stored.target()),
            Optional.ofNullable(stored.key()),
            changes.mode().orElse(stored.mode()),
            changes.events().orElse(stored.events()),
            Optional.empty(),
            changes.size());
    var driver = new SessionDriver(settings, links, store, scheduler, callbacks, options);
    driver.restore(stored, changes.after());
    return driver;
  }

  private void restore(StoredSession stored, OptionalLong after) {
    SessionId session = SessionId.of(stored.id());
    inputs.restore(session.value(), stored);
    id = session;
    device = stored.device();
    token = stored.token();
    expirySeconds = stored.expirySeconds();
    received = after.orElse(stored.received());
    cursorSaved = received;
    output.startAfter(received);
  }

  /** Begins; {@code atEnd} is called when all is over. */
  void start(Runnable atEnd) {
    thread =
        Thread.ofVirtual()
            .name("clawterm-session")
            .start(() -> {
              try {
                run();
              } finally {
                atEnd.run();
              }
            });
  }

  CompletableFuture<Void> attached() {
    return attached;
  }

  CompletableFuture<Ending> ended() {
    return ended;
  }

  OutputQueue output() {
    return output;
  }

  SessionId id() {
    lock.lock();
    try {
      if (id == null) {
        throw new IllegalStateException("the session has no id before it is attached");
      }
      return id;
    } finally {
      lock.unlock();
    }
  }

  Optional<String> key() {
    lock.lock();
    try {
      return key;
    } finally {
      lock.unlock();
    }
  }

  Optional<String> target() {
    lock.lock();
    try {
      return target;
    } finally {
      lock.unlock();
    }
  }

  /** Whether entries up to {@link #joinedAt()} come because this device has not had them. */
  boolean joinedBehind() {
    lock.lock();
    try {
      return joinedBehind;
    } finally {
      lock.unlock();
    }
  }

  long joinedAt() {
    lock.lock();
    try {
      return Math.max(joinedAt, 0);
    } finally {
      lock.unlock();
    }
  }

  String device() {
    lock.lock();
    try {
      return device;
    } finally {
      lock.unlock();
    }
  }

  /** Takes an entry of input; waits while the window is full. */
  CompletableFuture<Long> send(byte[] entry, int flags) {
    lock.lock();
    try {
      if (mode == Mode.WATCH) {
        throw new IllegalStateException("a watching device sends nothing");
      }
      while (over == null && goal == Goal.STAY && !inputs.hasRoom()) {
        if (output.isDelivering()) {
          return CompletableFuture.failedFuture(new ClientException.WindowFull());
        }
        room.await();
      }
      if (over != null || goal != Goal.STAY) {
        return CompletableFuture.failedFuture(notSent());
      }
      CompletableFuture<Long> done = inputs.append(id().value(), flags, entry);
      work.signalAll();
      return done;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return CompletableFuture.failedFuture(
          new ClientException.Ended("interrupted while the unacknowledged window was full"));
    } finally {
      lock.unlock();
    }
  }

  private ClientException notSent() {
    return over instanceof Ending.Failed(ClientException cause)
        ? cause
        : new ClientException.Ended("the session was let go of before this was acknowledged");
  }

  void resize(TerminalSize next) {
    lock.lock();
    try {
      if (!size.equals(Optional.of(next))) {
        size = Optional.of(next);
        sizeChanged = true;
        work.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  CompletableFuture<Ending> suspend() {
    return pursue(Goal.SUSPEND);
  }

  CompletableFuture<Ending> disconnect() {
    return pursue(Goal.DISCONNECT);
  }

  private CompletableFuture<Ending> pursue(Goal next) {
    lock.lock();
    try {
      if (goal == Goal.STAY && over == null) {
        goal = next;
        work.signalAll();
        room.signalAll();
        goalTimer = scheduler.schedule(this::leave, GOAL_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      }
    } finally {
      lock.unlock();
    }
    return ended;
  }

  /** Lets go of the connection, now. */
  void leave() {
    lock.lock();
    try {
      goal = Goal.LEAVE;
      if (current != null) {
        current.close();
      }
      output.stop();
      work.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the driver's thread has come to its end; false where it takes longer. */
  boolean awaitEnd(Duration limit) {
    Thread driver = thread;
    if (driver == null || driver.equals(Thread.currentThread())) {
      return true;
    }
    try {
      return driver.join(limit);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void run() {
    Ending ending;
    try {
      ending = drive();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      ending = new Ending.Left();
    } catch (ClientException e) {
      ending = new Ending.Failed(e);
    } catch (RuntimeException e) {
      LOG.atError().setCause(e).log("a client session failed");
      ending = new Ending.Failed(new ClientException.ProtocolViolation("this client failed", e));
    }
    finish(ending);
  }

  private Ending drive() throws InterruptedException {
    while (true) {
      if (wants(Goal.LEAVE)) {
        return new Ending.Left();
      }
      progress = false;
      Outcome outcome = attempt();
      if (wants(Goal.LEAVE)) {
        return new Ending.Left();
      }
      switch (outcome) {
        case Outcome.End(Ending ending) -> {
          return ending;
        }
        case Outcome.Retry retry -> {
          Ending enough = retry(retry);
          if (enough != null) {
            return enough;
          }
        }
        case Outcome.Again again -> throw new IllegalStateException("no connection is left");
      }
    }
  }

  /** Waits before the next attempt, or answers with the end where there has been enough of it. */
  private @Nullable Ending retry(Outcome.Retry retry) throws InterruptedException {
    if (progress) {
      backoff.reset();
      defects = 0;
    }
    defects += retry.defect() ? 1 : 0;
    if (defects >= MAX_DEFECTS) {
      return new Ending.Failed(
          retry.cause() instanceof ClientException cause
              ? cause
              : new ClientException.ProtocolViolation(retry.reason(), retry.cause()));
    }
    Duration wait = backoff.next();
    wait = wait.compareTo(retry.atLeast()) < 0 ? retry.atLeast() : wait;
    Duration tried = Duration.ofNanos(System.nanoTime() - lostAt);
    Optional<Duration> limit =
        attached.isDone() ? settings.giveUpAfter() : Optional.of(settings.patience());
    if (limit.isPresent() && tried.plus(wait).compareTo(limit.get()) > 0) {
      return new Ending.Failed(
          new ClientException.Unreachable(settings.address(), tried, retry.cause()));
    }
    if (attached.isDone()) {
      tell(new ConnectionEvent.Lost(retry.reason(), wait));
    }
    pause(wait);
    return null;
  }

  private void pause(Duration wait) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = wait.toNanos();
      while (left > 0 && goal != Goal.LEAVE) {
        left = work.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /** One connection, from opening it to its end. */
  private Outcome attempt() throws InterruptedException {
    Connection connection;
    try {
      connection = new Connection(links.open(route.address()), scheduler, settings.answerTimeout());
    } catch (IOException e) {
      return failedToOpen(e.getMessage() == null ? e.toString() : e.getMessage(), e);
    } catch (ClientException e) {
      return route.isConfigured()
          ? new Outcome.End(new Ending.Failed(e))
          : failedToOpen(String.valueOf(e.getMessage()), e);
    } catch (UncheckedIOException e) {
      throw new ClientException.StoreFailed("can't read the known servers", e);
    }
    try (connection) {
      return converse(connection);
    }
  }

  /** All attachments on one connection: the second and later ones where the server moves us. */
  private Outcome converse(Connection connection) throws InterruptedException {
    Outcome outcome = attachment(connection, Duration.ZERO);
    int round = 0;
    while (outcome instanceof Outcome.Again(Duration wait) && !connection.isClosed()) {
      Duration least = round == 0 ? Duration.ZERO : backoff.next();
      wait = longer(wait, least);
      tell(new ConnectionEvent.Lost("moved", wait));
      outcome = attachment(connection, wait);
      round++;
    }
    return outcome instanceof Outcome.Again(Duration wait) ? elsewhere(wait) : outcome;
  }

  private Outcome elsewhere(Duration wait) {
    route.moved(Optional.empty());
    return new Outcome.Retry("moved", wait, false, null);
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? other : one;
  }

  /** From a greeting, sent after this wait, to the end of the attachment or of the connection. */
  private Outcome attachment(Connection connection, Duration wait) throws InterruptedException {
    long notBefore = System.nanoTime() + wait.toNanos();
    Thread writer = null;
    boolean stays = false;
    try {
      if (!enter(connection)) {
        return new Outcome.End(new Ending.Left());
      }
      Outcome refused = greet(connection, wait);
      if (refused != null) {
        return refused(refused);
      }
      writer = Thread.ofVirtual().name("clawterm-writer").start(() -> write(connection));
      Outcome outcome = read(connection);
      stays = outcome instanceof Outcome.Again;
      return outcome;
    } catch (IOException e) {
      String reason = connection.wasSilent() ? "the server is silent" : "connection lost";
      return lost(reason, notBefore, writer != null, false, e);
    } catch (MalformedFrameException | ClientException.ProtocolViolation e) {
      return lost("damaged stream", notBefore, writer != null, true, e);
    } finally {
      progress |= writer != null && connection.age().compareTo(STABLE) > 0;
      if (!stays) {
        connection.close();
      }
      letGo(connection, writer);
    }
  }

  private Outcome lost(
      String reason, long notBefore, boolean attachedThere, boolean defect, Exception cause) {
    if (!attachedThere) {
      route.failed();
    }
    Duration left = Duration.ofNanos(notBefore - System.nanoTime());
    return new Outcome.Retry(reason, longer(left, Duration.ZERO), defect, cause);
  }

  /** What only a server says that somebody has sent us to is no reason to give up. */
  private Outcome refused(Outcome outcome) {
    return switch (outcome) {
      case Outcome.End(Ending.Failed(ClientException cause)) when !route.isConfigured() -> {
        route.failed();
        yield new Outcome.Retry(String.valueOf(cause.getMessage()), Duration.ZERO, true, cause);
      }
      case Outcome.Again(Duration wait) -> elsewhere(wait);
      case Outcome.End end -> end;
      case Outcome.Retry retry -> retry;
    };
  }

  private Outcome failedToOpen(String reason, Exception cause) {
    // A better address that doesn't answer is none: back to those that were given.
    route.failed();
    return new Outcome.Retry(reason, Duration.ZERO, false, cause);
  }

  private boolean enter(Connection connection) {
    lock.lock();
    try {
      current = connection;
      return goal != Goal.LEAVE;
    } finally {
      lock.unlock();
    }
  }

  private void letGo(Connection connection, @Nullable Thread writer) throws InterruptedException {
    lock.lock();
    try {
      current = null;
      work.signalAll();
    } finally {
      lock.unlock();
    }
    if (writer != null) {
      if (!writer.join(WRITER_LIMIT)) {
        // It waits for a server that takes nothing; such a connection is of no use any more.
        connection.close();
        writer.join();
      }
      lostAt = System.nanoTime();
    }
  }

  /** Says who this is; null where the session is attached now. */
  private @Nullable Outcome greet(Connection connection, Duration wait)
      throws IOException, InterruptedException {
    Frame answer = answerTo(hello(), connection, wait);
    Fields fields = answer.fields();
    SessionId session = id;
    return switch (answer.type()) {
      case DISCONNECT -> disconnected(fields);
      case ACCEPT -> {
        if (session != null) {
          throw new ClientException.ProtocolViolation("ACCEPT in answer to RESUME", null);
        }
        checkVersion(fields);
        accepted(connection, new SessionId(answer.sessionId()), fields);
        yield null;
      }
      case RESUMED -> {
        if (session == null || session.value() != answer.sessionId()) {
          throw new ClientException.ProtocolViolation("RESUMED of another session", null);
        }
        checkVersion(fields);
        resumed(connection, session, fields);
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
    boolean answered = false;
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
      answered = true;
      return answer;
    } finally {
      if (later != null) {
        later.cancel(false);
      }
      if (!answered && sent.get()) {
        ghosts.unanswered(System.nanoTime());
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
    SessionId session = id;
    Fields.Builder fields =
        Fields.builder()
            .version(VERSION)
            .device(device)
            .mode(mode)
            .events(events)
            .window(settings.windowBytes());
    settings.credential().get().ifPresent(fields::credential);
    lock.lock();
    try {
      size.ifPresent(fields::terminalSize);
      sizeChanged = false;
    } finally {
      lock.unlock();
    }
    if (session == null) {
      target.ifPresent(fields::target);
      key.ifPresent(fields::sessionKey);
      wantedExpiry.ifPresent(expiry -> fields.expirySeconds(expiry.toSeconds()));
      return Frame.of(0, 0, FrameType.CONNECT, 0, fields.nonce(nonce).build());
    }
    long holds = Math.max(received, 0);
    fields.resumeToken(Base64.getDecoder().decode(token)).lastSeq(holds);
    return Frame.of(session.value(), Sequence.wire(holds), FrameType.RESUME, 0, fields.build());
  }

  private static void checkVersion(Fields fields) {
    if (fields.version().orElse(VERSION) != VERSION) {
      throw new ClientException.UnsupportedVersion(fields.version().orElse(0));
    }
  }

  private void accepted(Connection connection, SessionId session, Fields fields)
      throws InterruptedException {
    Optional<StoredSession> before = store.leftBehind(settings.address(), session, device);
    List<InputLog.Pending> done;
    lock.lock();
    try {
      id = session;
      takeOver(fields);
      before.ifPresent(stored -> inputs.restore(session.value(), stored));
      done = inputs.begin(fields.lastSeq().orElse(0));
    } finally {
      lock.unlock();
    }
    if (token.isEmpty()) {
      throw new ClientException.ProtocolViolation("ACCEPT without a token", null);
    }
    storing.lock();
    try {
      store.take(picture());
    } finally {
      storing.unlock();
    }
    begun(connection, fields, done);
    tell(new ConnectionEvent.Opened());
    attached.completeAsync(() -> null, callbacks);
  }

  private void resumed(Connection connection, SessionId session, Fields fields)
      throws InterruptedException {
    long holds = Math.max(received, 0);
    long head = fields.headSeq().orElse(holds);
    if (head < holds) {
      throw new ClientException.HistoryLost(
          "session %s ends at %d on the server, but this device has %d"
              .formatted(session, head, holds));
    }
    List<InputLog.Pending> done;
    lock.lock();
    try {
      takeOver(fields);
      done = inputs.begin(fields.lastSeq().orElse(inputs.acknowledged()));
    } finally {
      lock.unlock();
    }
    // Before anything is sent: the first frame voids the token that the store has had so far.
    if (!persist()) {
      throw takenByOther();
    }
    received = holds;
    begun(connection, fields, done);
    tell(new ConnectionEvent.Resumed(head - Math.max(holds, received)));
    attached.completeAsync(() -> null, callbacks);
  }

  /** What the server has granted; under the lock. */
  private void takeOver(Fields fields) {
    fields.resumeToken().ifPresent(next -> token = Base64.getEncoder().encodeToString(next));
    fields.sessionKey().ifPresent(granted -> key = Optional.of(granted));
    expirySeconds = fields.expirySeconds().orElse(expirySeconds);
    keepaliveMs = Math.max(1, fields.keepaliveMs().orElse(DEFAULT_KEEPALIVE_MS));
    if (joinedAt == UNKNOWN) {
      joinedAt = fields.headSeq().orElse(0);
      joinedBehind = joinedAt > Math.max(received, 0);
    }
    goalSent = false;
    acknowledgeNow = false;
    acknowledgedOutput = output.handled();
    acknowledgedBytes = output.handledBytes();
    owedSince = UNKNOWN;
  }

  private void begun(Connection connection, Fields fields, List<InputLog.Pending> done)
      throws InterruptedException {
    connection.watch(Duration.ofMillis((long) (keepaliveMs * SILENT_INTERVALS)));
    acknowledged(done);
    // Without FIRST_SEQ in ACCEPT the first entry tells where this device has joined.
    if (fields.firstSeq().isPresent()) {
      long first = fields.firstSeq().getAsLong();
      if (first < 0) {
        throw new ClientException.ProtocolViolation("FIRST_SEQ beyond 63 bits", null);
      }
      skipTo(connection, first);
    }
  }

  /** Tells the application what it will not get before this number. */
  private void skipTo(Connection connection, long first) throws InterruptedException {
    long holds = Math.max(received, 0);
    if (first > holds + 1) {
      deliver(connection, new Received.Gap(holds + 1, first - 1));
      received = first - 1;
    } else {
      received = holds;
    }
  }

  private Outcome read(Connection connection) throws IOException, InterruptedException {
    while (true) {
      Frame frame = connection.read();
      ClientException failed = writerFailure();
      if (failed != null) {
        return new Outcome.End(new Ending.Failed(failed));
      }
      if (frame == null) {
        throw new EOFException("the server closed the connection");
      }
      if (frame.type() != FrameType.DISCONNECT && frame.sessionId() != id().value()) {
        throw new ClientException.ProtocolViolation(frame.type() + " of another session", null);
      }
      switch (frame.type()) {
        case DATA -> data(connection, frame);
        case KEEPALIVE -> acknowledged(frame);
        case DISCONNECT -> {
          if (frame.sessionId() == id().value()) {
            acknowledged(frame);
          }
          return disconnected(frame.fields());
        }
        case CONNECT, ACCEPT, RESUME, RESUMED, SUSPEND ->
            throw new ClientException.ProtocolViolation(frame.type() + " within a session", null);
      }
      if (frame.has(Flags.ACK_NOW)) {
        acknowledgeNow();
      }
    }
  }

  private void data(Connection connection, Frame frame) throws InterruptedException {
    long number = Sequence.extend(Math.max(received, 0), frame.seq());
    if (received == UNKNOWN) {
      skipTo(connection, number);
    }
    if (number <= received) {
      return;
    }
    if (number != received + 1) {
      throw new ClientException.ProtocolViolation(
          "output %d where %d belongs".formatted(number, received + 1), null);
    }
    received = number;
    progress = true;
    deliver(connection, new Received.Entry(number, frame.compact()));
  }

  private void deliver(Connection connection, Received next) throws InterruptedException {
    if (!output.isFull()) {
      output.put(next);
      return;
    }
    connection.holdReading(true);
    try {
      output.put(next);
    } finally {
      connection.holdReading(false);
    }
  }

  private void acknowledged(Frame frame) {
    List<InputLog.Pending> done;
    lock.lock();
    try {
      done = inputs.acknowledge(Sequence.extend(inputs.acknowledged(), frame.seq()));
    } finally {
      lock.unlock();
    }
    acknowledged(done);
  }

  private void acknowledged(List<InputLog.Pending> done) {
    if (done.isEmpty()) {
      return;
    }
    progress = true;
    lock.lock();
    try {
      room.signalAll();
    } finally {
      lock.unlock();
    }
    for (InputLog.Pending input : done) {
      if (input.done() != null) {
        // Elsewhere: what an application does then must not hold up the reading of
        // acknowledgements.
        input.done().completeAsync(input::number, callbacks);
      }
    }
  }

  private void acknowledgeNow() {
    lock.lock();
    try {
      acknowledgeNow = true;
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Called by the thread that delivers, after each entry. */
  private void outputHandled() {
    long bytes = output.handledBytes();
    lock.lock();
    try {
      boolean first = owedSince == UNKNOWN;
      if (first) {
        owedSince = System.nanoTime();
      }
      if (first || bytes - acknowledgedBytes >= ACKNOWLEDGE_BYTES) {
        work.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Acts as the table of codes says. */
  private Outcome disconnected(Fields fields) {
    String text = fields.text().orElse("");
    Code code = fields.code().orElse(null);
    Duration wait = retryAfter(fields);
    if (code == null) {
      return new Outcome.Retry(
          "code " + fields.codeValue().orElse(0), wait, true, new EOFException(text));
    }
    return switch (code) {
      case SUSPENDED -> new Outcome.End(new Ending.Suspended());
      case CLOSED -> new Outcome.End(new Ending.Closed(text));
      case NO_SUCH_SESSION ->
          new Outcome.End(wants(Goal.DISCONNECT) ? new Ending.Closed(text) : failed(code, text));
      case UNSUPPORTED_VERSION ->
          new Outcome.End(
              new Ending.Failed(
                  new ClientException.UnsupportedVersion(fields.version().orElse(0))));
      case MOVED ->
          fields.address().isEmpty() ? new Outcome.Again(wait) : moved("moved", fields, wait);
      case SHUTTING_DOWN -> moved("the server shuts down", fields, wait);
      case OVERLOADED -> new Outcome.Retry("the server is busy", wait, false, failure(code, text));
      case OK, BAD_CHECKSUM, SEQUENCE_GAP, INTERNAL ->
          new Outcome.Retry("the server says " + code, wait, true, failure(code, text));
      case TAKEN_OVER ->
          ghosts.explain(System.nanoTime())
              ? new Outcome.Retry("a late greeting of our own came between", wait, false, null)
              : new Outcome.End(failed(code, text));
      case PROTOCOL_ERROR, UNAUTHENTICATED, FORBIDDEN, NO_SUCH_TARGET, TOO_LARGE ->
          new Outcome.End(failed(code, text));
    };
  }

  private Outcome moved(String reason, Fields fields, Duration wait) {
    route.moved(fields.address());
    return new Outcome.Retry(reason, wait, false, null);
  }

  /** As long as the server asks for, and up to half of it more: others were told the same. */
  private Duration retryAfter(Fields fields) {
    long millis = Math.min(fields.retryAfterMs().orElse(0), MAX_RETRY_AFTER_MS);
    return Duration.ofMillis(millis + random.nextLong(millis / 2 + 1));
  }

  private static Ending failed(Code code, String text) {
    return new Ending.Failed(failure(code, text));
  }

  private static ClientException.Refused failure(Code code, String text) {
    return new ClientException.Refused(code, text);
  }

  private static ClientException takenByOther() {
    return failure(Code.TAKEN_OVER, "another process of this machine has the session now");
  }

  private boolean wants(Goal which) {
    lock.lock();
    try {
      return goal == which;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable ClientException writerFailure() {
    lock.lock();
    try {
      return writerFailure;
    } finally {
      lock.unlock();
    }
  }

  /** The writer's thread: until its connection is over. */
  private void write(Connection connection) {
    try {
      while (true) {
        Batch batch = nextBatch(connection);
        if (batch == null) {
          // Not closed: the session may be resumed on this connection.
          return;
        }
        if (batch.persistFirst() && !persist()) {
          throw takenByOther();
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
      lock.lock();
      try {
        writerFailure = e;
      } finally {
        lock.unlock();
      }
      connection.close();
    } catch (RuntimeException e) {
      LOG.atError().setCause(e).log("the writer of a session failed");
      connection.close();
    }
  }

  /** What is written at once, and whether the store must have it before. */
  private record Batch(List<Frame> frames, boolean persistFirst) {}

  /** Waits for something to write; null where the connection is over. */
  private @Nullable Batch nextBatch(Connection connection) throws InterruptedException {
    long silence = (long) (keepaliveMs * 1_000_000.0 * (0.8 + 0.2 * random.nextDouble()));
    lock.lockInterruptibly();
    try {
      while (current == connection && !connection.isClosed()) {
        long now = System.nanoTime();
        long quietUntil = connection.lastWriteAt() + silence;
        List<InputLog.Pending> batch = goalSent ? List.of() : inputs.unsent(BATCH_BYTES);
        if (!batch.isEmpty()) {
          return dataBatch(batch);
        }
        if (goalDue()) {
          return goalBatch();
        }
        boolean cursorDue = cursorOwed() && now - cursorSavedAt >= CURSOR_NANOS;
        boolean frameDue = !goalSent && (acknowledgementDue(now) || now >= quietUntil);
        if (frameDue || cursorDue) {
          return new Batch(frameDue ? List.of(keepalive()) : List.of(), cursorDue);
        }
        work.awaitNanos(untilDue(now, quietUntil));
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private Batch dataBatch(List<InputLog.Pending> batch) {
    long last = batch.getLast().number();
    boolean persistFirst = !inputs.isPersisted(last);
    inputs.sent(last);
    return new Batch(batch.stream().map(InputLog.Pending::frame).toList(), persistFirst);
  }

  private boolean goalDue() {
    return !goalSent && (goal == Goal.SUSPEND || goal == Goal.DISCONNECT) && inputs.allSent();
  }

  private Batch goalBatch() {
    goalSent = true;
    FrameType type = goal == Goal.SUSPEND ? FrameType.SUSPEND : FrameType.DISCONNECT;
    Fields fields = goal == Goal.SUSPEND ? Fields.none() : Fields.reason(Code.CLOSED, "");
    return new Batch(
        List.of(Frame.of(id().value(), Sequence.wire(output.handled()), type, 0, fields)), false);
  }

  private boolean acknowledgementDue(long now) {
    return acknowledgeNow
        || sizeChanged
        || output.handledBytes() - acknowledgedBytes >= ACKNOWLEDGE_BYTES
        || (owedSince != UNKNOWN && now - owedSince >= ACKNOWLEDGE_NANOS);
  }

  private Frame keepalive() {
    Fields fields =
        sizeChanged && size.isPresent()
            ? Fields.builder().terminalSize(size.get()).build()
            : Fields.none();
    acknowledgeNow = false;
    sizeChanged = false;
    owedSince = UNKNOWN;
    acknowledgedOutput = output.handled();
    acknowledgedBytes = output.handledBytes();
    return Frame.of(
        id().value(), Sequence.wire(acknowledgedOutput), FrameType.KEEPALIVE, 0, fields);
  }

  private boolean cursorOwed() {
    return output.handled() != cursorSaved;
  }

  private long untilDue(long now, long quietUntil) {
    long wait = goalSent ? CURSOR_NANOS : quietUntil - now;
    // After SUSPEND or DISCONNECT no acknowledgement follows: waiting for its time would be no
    // wait.
    if (!goalSent && owedSince != UNKNOWN) {
      wait = Math.min(wait, owedSince + ACKNOWLEDGE_NANOS - now);
    }
    if (cursorOwed()) {
      wait = Math.min(wait, cursorSavedAt + CURSOR_NANOS - now);
    }
    return Math.max(wait, 1);
  }

  /** Stores the session as it is now; false where another process has taken it. */
  private boolean persist() {
    storing.lock();
    try {
      StoredSession now = picture();
      boolean mine = store.save(now);
      lock.lock();
      try {
        inputs.persisted(now.lastInput());
        cursorSaved = now.received();
        cursorSavedAt = System.nanoTime();
      } finally {
        lock.unlock();
      }
      return mine;
    } finally {
      storing.unlock();
    }
  }

  private StoredSession picture() {
    lock.lock();
    try {
      return new StoredSession(
          settings.address().toString(),
          id().toString(),
          key.orElse(null),
          target.orElse("agent:main"),
          device,
          mode,
          events,
          token,
          output.handled(),
          inputs.last(),
          inputs.toStored(),
          expirySeconds,
          System.currentTimeMillis(),
          null);
    } finally {
      lock.unlock();
    }
  }

  private void finish(Ending how) {
    Ending ending = how;
    lock.lock();
    try {
      over = ending;
      room.signalAll();
      if (goalTimer != null) {
        goalTimer.cancel(false);
      }
      if (ending.code().equals(Optional.of(Code.TOO_LARGE))) {
        // Sending it again at each resume would be refused for ever.
        fail(inputs.clear());
      }
    } finally {
      lock.unlock();
    }
    if (!(ending instanceof Ending.Left)) {
      output.complete(ending instanceof Ending.Failed(ClientException cause) ? cause : null);
      output.awaitDelivered(DELIVERY_LIMIT);
    }
    try {
      settle(ending);
    } catch (ClientException e) {
      LOG.atWarn().setCause(e).log("the state of a session can't be stored");
      ending = new Ending.Failed(e);
    }
    lock.lock();
    try {
      over = ending;
      fail(inputs.clear());
    } finally {
      lock.unlock();
    }
    tell(new ConnectionEvent.Over(ending));
    attached.completeExceptionally(notSent());
    Ending last = ending;
    ended.completeAsync(() -> last, callbacks);
  }

  /** Leaves the store as the next one needs it. */
  private void settle(Ending ending) {
    SessionId session = id;
    if (session == null || token.isEmpty()) {
      return;
    }
    storing.lock();
    try {
      if (ending instanceof Ending.Closed) {
        store.remove(settings.address(), session);
      } else {
        store.release(picture());
      }
    } finally {
      storing.unlock();
    }
  }

  private void fail(List<InputLog.Pending> left) {
    ClientException reason = notSent();
    for (InputLog.Pending input : left) {
      if (input.done() != null) {
        input.done().completeExceptionally(reason);
      }
    }
  }

  private void tell(ConnectionEvent event) {
    SessionId session = id;
    if (session == null) {
      return;
    }
    try {
      settings.listener().changed(session, event);
    } catch (RuntimeException e) {
      LOG.atError().setCause(e).log("a listener of a session failed");
    }
  }
}
