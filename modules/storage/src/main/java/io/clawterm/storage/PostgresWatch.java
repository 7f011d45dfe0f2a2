package io.clawterm.storage;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after a running server: starts it again when it died, and bounds its log.
 *
 * <p>It polls, because the JDK tells of the end of a process that isn't its child seconds late, and
 * never of one that nobody reaps, as in containers without an init process. The thread is not a
 * virtual one: it must come to run also when all carriers are held up, perhaps by the database.
 */
final class PostgresWatch implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(PostgresWatch.class);

  private static final Duration LOOK = Duration.ofMillis(250);
  private static final Duration LOG_CHECK = Duration.ofMinutes(1);

  private static final Duration FIRST_WAIT = Duration.ofMillis(500);

  /** Devices wait for the server, and a failing start costs a tenth of a second of one core. */
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

  /** A server that ran this long did not die of its start. */
  private static final Duration STEADY = Duration.ofSeconds(30);

  private final PostgresServer server;
  private final int port;
  private final PostgresLog log;
  private final AtomicLong restarts = new AtomicLong();
  private final Thread thread;
  private volatile boolean closed;
  private int attempts;
  private long lastAttempt;
  private long lastLogCheck = System.nanoTime();

  PostgresWatch(PostgresServer server, int port, PostgresLog log) {
    this.server = server;
    this.port = port;
    this.log = log;
    thread = Thread.ofPlatform().daemon().name("clawterm-postgres-watch").unstarted(this::watch);
    thread.start();
  }

  private void watch() {
    while (!closed) {
      startIfDead();
      boundLog();
      LockSupport.parkNanos(LOOK.toNanos());
    }
  }

  private void startIfDead() {
    long waited = System.nanoTime() - lastAttempt;
    if (attempts > 0 && waited < waitBefore(attempts).toNanos()) {
      return;
    }
    try {
      if (server.startAgain(port)) {
        restarts.incrementAndGet();
        attempted();
        LOG.atWarn()
            .addKeyValue("port", port)
            .addKeyValue("attempt", attempts)
            .log("The database server had ended and was started again");
      } else if (attempts > 0 && waited > STEADY.toNanos()) {
        attempts = 0;
      }
    } catch (IOException | RuntimeException e) {
      attempted();
      reportFailure(e);
    }
  }

  private static Duration waitBefore(int attempt) {
    Duration wait = FIRST_WAIT.multipliedBy(1L << Math.min(attempt - 1, 6));
    return wait.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : wait;
  }

  private void attempted() {
    attempts++;
    lastAttempt = System.nanoTime();
  }

  /** A full disk may last for hours: ever more seldom. */
  private void reportFailure(Exception failure) {
    if (!closed && Integer.bitCount(attempts) == 1) {
      LOG.atError()
          .addKeyValue("attempts", attempts)
          .setCause(failure)
          .log("The database server has ended and can't be started again; trying on");
    }
  }

  private void boundLog() {
    if (System.nanoTime() - lastLogCheck < LOG_CHECK.toNanos()) {
      return;
    }
    lastLogCheck = System.nanoTime();
    try {
      log.bound();
    } catch (IOException e) {
      LOG.atWarn().setCause(e).log("Can't bound the log of the database server");
    }
  }

  long restarts() {
    return restarts.get();
  }

  /** Ends the watch; a start that is under way ends with the server. */
  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
  }
}
