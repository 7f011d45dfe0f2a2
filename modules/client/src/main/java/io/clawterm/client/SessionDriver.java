package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.client.Standing.Goal;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.TerminalSize;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one session attached, over any number of connections: their life and the waits between
 * them.
 *
 * <p>One thread connects ({@link Attempts}), greets ({@link Greeter}) and reads ({@link Receiver});
 * each attachment has another one that writes ({@link Sender}). What is on disk before what ({@link
 * SessionRecord}):
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
  private static final Duration GOAL_LIMIT = Duration.ofSeconds(10);
  private static final Duration DELIVERY_LIMIT = Duration.ofSeconds(2);

  /** Failures in a row, without any progress, that are a defect rather than bad luck. */
  private static final int MAX_DEFECTS = 8;

  private final ClientSettings settings;
  private final ScheduledExecutorService scheduler;
  private final Executor callbacks;
  private final Backoff backoff;
  private final Standing standing = new Standing();
  private final Ghosts ghosts;
  private final OutputQueue output;
  private final SessionRecord session;
  private final Sender sender;
  private final Receiver receiver;
  private final Attempts attempts;
  private final CompletableFuture<Void> attached = new CompletableFuture<>();
  private final CompletableFuture<Ending> ended = new CompletableFuture<>();

  private volatile @Nullable ScheduledFuture<?> goalTimer;
  private @Nullable Thread thread;

  // The driver's thread alone.
  private int defects;

  private SessionDriver(
      ClientSettings settings,
      Links links,
      SessionStore store,
      ScheduledExecutorService scheduler,
      Executor callbacks,
      ConnectOptions options) {
    this.settings = settings;
    this.scheduler = scheduler;
    this.callbacks = callbacks;
    var random = new SecureRandom();
    this.backoff = new Backoff(settings.minBackoff(), settings.maxBackoff(), random);
    var route = new Route(settings.addresses(), random);
    this.output = new OutputQueue(settings.windowBytes(), this::outputHandled);
    var inputs = new InputLog(settings.maxUnacknowledged(), settings.maxUnacknowledgedBytes());
    this.ghosts = new Ghosts();
    var codes = new CodeTable(standing, route, ghosts, random);
    this.session = new SessionRecord(settings, store, standing, inputs, output, options);
    this.sender =
        new Sender(
            standing,
            session,
            inputs,
            output,
            random,
            callbacks,
            settings.answerTimeout(),
            options.size());
    this.receiver = new Receiver(session, output, sender, codes);
    var greeter =
        new Greeter(
            settings,
            options,
            standing,
            session,
            inputs,
            sender,
            receiver,
            codes,
            ghosts,
            scheduler,
            random,
            this::attachedNow);
    this.attempts =
        new Attempts(
            settings,
            links,
            scheduler,
            backoff,
            route,
            standing,
            greeter,
            sender,
            receiver,
            this::lost);
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
    long received = after.orElse(stored.received());
    session.restore(stored, received);
    receiver.startAfter(received);
    ghosts.inherited(System.nanoTime());
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

  SessionRecord session() {
    return session;
  }

  /** Takes an entry of input; waits while the window is full. */
  CompletableFuture<Long> send(byte[] entry, int flags) {
    return sender.send(entry, flags);
  }

  void resize(TerminalSize next) {
    sender.resize(next);
  }

  CompletableFuture<Ending> suspend() {
    return pursue(Goal.SUSPEND);
  }

  CompletableFuture<Ending> disconnect() {
    return pursue(Goal.DISCONNECT);
  }

  private CompletableFuture<Ending> pursue(Goal next) {
    if (standing.pursue(next)) {
      goalTimer =
          scheduler.schedule((Runnable) this::leave, GOAL_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    }
    return ended;
  }

  /** Lets go of the connection, now. */
  void leave() {
    standing.leave();
    output.stop();
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
    attempts.close();
    finish(ending);
  }

  private Ending drive() throws InterruptedException {
    while (!standing.wants(Goal.LEAVE)) {
      Outcome outcome = attempts.run();
      if (standing.wants(Goal.LEAVE)) {
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
    return new Ending.Left();
  }

  /** Waits before the next attempt, or answers with the end where there has been enough of it. */
  private @Nullable Ending retry(Outcome.Retry retry) throws InterruptedException {
    if (receiver.takeProgress()) {
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
    Duration wait = retry.told().map(backoff::next).orElseGet(backoff::next);
    Duration tried = attempts.sinceLost();
    Optional<Duration> limit =
        attached.isDone() ? settings.giveUpAfter() : Optional.of(settings.patience());
    if (limit.isPresent() && tried.plus(wait).compareTo(limit.get()) > 0) {
      return new Ending.Failed(
          attempts
              .distrusted() // what its user can mend, where others are merely away
              .orElseGet(
                  () -> new ClientException.Unreachable(settings.address(), tried, retry.cause())));
    }
    if (attached.isDone()) {
      lost(retry.reason(), wait);
    }
    standing.pause(wait.toNanos());
    return null;
  }

  private void lost(String reason, Duration wait) {
    tell(new ConnectionEvent.Lost(reason, wait));
  }

  private void attachedNow(ConnectionEvent event) {
    tell(event);
    attached.completeAsync(() -> null, callbacks);
  }

  private void outputHandled() {
    sender.outputHandled();
  }

  private void finish(Ending how) {
    Ending ending = how;
    standing.end(ending);
    ScheduledFuture<?> timer = goalTimer;
    if (timer != null) {
      timer.cancel(false);
    }
    if (ending.code().equals(Optional.of(Code.TOO_LARGE))) {
      // Sending it again at each resume would be refused for ever.
      sender.abandon();
    }
    if (!(ending instanceof Ending.Left)) {
      output.complete(ending instanceof Ending.Failed(ClientException cause) ? cause : null);
      output.awaitDelivered(DELIVERY_LIMIT);
    }
    try {
      session.settle(ending);
    } catch (ClientException e) {
      LOG.atWarn().setCause(e).log("the state of a session can't be stored");
      ending = new Ending.Failed(e);
    }
    standing.end(ending);
    sender.abandon();
    tell(new ConnectionEvent.Over(ending));
    attached.completeExceptionally(standing.notSent());
    Ending last = ending;
    ended.completeAsync(() -> last, callbacks);
  }

  private void tell(ConnectionEvent event) {
    SessionId known = session.known();
    if (known == null) {
      return;
    }
    try {
      settings.listener().changed(known, event);
    } catch (RuntimeException e) {
      LOG.atError().setCause(e).log("a listener of a session failed");
    }
  }
}
