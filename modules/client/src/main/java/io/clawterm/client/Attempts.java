package io.clawterm.client;

import io.clawterm.protocol.MalformedFrameException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection after the other, each from its opening to its end, with the attachments on it. For
 * the driver's thread alone.
 *
 * <p>A connection on which the server wants to be asked again is kept until then: after the death
 * of a node many clients wait for their turn, and a new connection costs as much as the turn.
 */
final class Attempts {
  private static final Duration WRITER_LIMIT = Duration.ofSeconds(1);

  /** An attachment that held so long is progress, also where nothing was said on it. */
  private static final Duration STABLE = Duration.ofSeconds(10);

  /** One that held so long shows that we were not sent in circles. */
  private static final Duration HELD = Duration.ofSeconds(2);

  private final ClientSettings settings;
  private final Links links;
  private final ScheduledExecutorService scheduler;
  private final Backoff backoff;
  private final Route route;
  private final Standing standing;
  private final Greeter greeter;
  private final Sender sender;
  private final Receiver receiver;
  private final BiConsumer<String, Duration> lost;
  private @Nullable Connection kept;
  private long lostAt = System.nanoTime();
  private Optional<ClientException> distrusted = Optional.empty();

  Attempts(
      ClientSettings settings,
      Links links,
      ScheduledExecutorService scheduler,
      Backoff backoff,
      Route route,
      Standing standing,
      Greeter greeter,
      Sender sender,
      Receiver receiver,
      BiConsumer<String, Duration> lost) {
    this.settings = settings;
    this.links = links;
    this.scheduler = scheduler;
    this.backoff = backoff;
    this.route = route;
    this.standing = standing;
    this.greeter = greeter;
    this.sender = sender;
    this.receiver = receiver;
    this.lost = lost;
  }

  /** How long the session has been without an attachment. */
  Duration sinceLost() {
    return Duration.ofNanos(System.nanoTime() - lostAt);
  }

  /** Why one of the servers was not trusted, since the last one was that is. */
  Optional<ClientException> distrusted() {
    return distrusted;
  }

  /** One connection, from opening it to its end; or the one that was kept goes on. */
  Outcome run() throws InterruptedException {
    Connection connection = kept;
    kept = null;
    try {
      if (connection == null || connection.isClosed()) {
        connection =
            new Connection(links.open(route.address()), scheduler, settings.answerTimeout());
        route.trusted();
        distrusted = Optional.empty();
      }
    } catch (IOException e) {
      return failedToOpen(e.getMessage() == null ? e.toString() : e.getMessage(), e);
    } catch (ClientException e) {
      distrusted = Optional.of(e);
      return route.distrusted()
          ? new Outcome.End(new Ending.Failed(e))
          : retry(String.valueOf(e.getMessage()), e);
    } catch (UncheckedIOException e) {
      throw new ClientException.StoreFailed("can't read the known servers", e);
    }
    try {
      Outcome outcome = converse(connection);
      if (outcome instanceof Outcome.Retry retry && retry.here()) {
        connection.watch(retry.atLeast().plus(settings.answerTimeout()));
        kept = connection;
      }
      return outcome;
    } finally {
      if (kept != connection) {
        connection.close();
      }
    }
  }

  private static boolean staysOpen(Outcome outcome) {
    return switch (outcome) {
      case Outcome.Again again -> true;
      case Outcome.Retry retry -> retry.here();
      case Outcome.End end -> false;
    };
  }

  /** Lets go of the connection that was kept, if there is one. */
  void close() {
    if (kept != null) {
      kept.close();
    }
  }

  private Outcome failedToOpen(String reason, Exception cause) {
    // A better address that doesn't answer is none: back to those that were given.
    route.failed();
    return retry(reason, cause);
  }

  private static Outcome retry(String reason, Exception cause) {
    return new Outcome.Retry(reason, Optional.empty(), false, cause);
  }

  /** All attachments on one connection: the second and later ones where the server moves us. */
  private Outcome converse(Connection connection) throws InterruptedException {
    Outcome outcome = attachment(connection, Duration.ZERO);
    while (outcome instanceof Outcome.Again(Duration after) && !connection.isClosed()) {
      if (receiver.takeProgress()) {
        backoff.reset();
      }
      Duration wait = backoff.next(after);
      lost.accept("moved", wait);
      outcome = attachment(connection, wait);
    }
    return outcome instanceof Outcome.Again(Duration after) ? elsewhere(after) : outcome;
  }

  private Outcome elsewhere(Duration after) {
    route.moved(Optional.empty());
    return new Outcome.Retry("moved", Optional.of(after), false, null);
  }

  /** From a greeting, sent after this wait, to the end of the attachment or of the connection. */
  private Outcome attachment(Connection connection, Duration wait) throws InterruptedException {
    long notBefore = System.nanoTime() + wait.toNanos();
    Thread writer = null;
    long attachedAt = System.nanoTime();
    boolean stays = false;
    try {
      if (!standing.enter(connection)) {
        return new Outcome.End(new Ending.Left());
      }
      connection.watch(wait.plus(settings.answerTimeout()));
      Outcome refused = greeter.greet(connection, wait);
      if (refused != null) {
        Outcome after = refused(refused);
        stays = staysOpen(after);
        return after;
      }
      attachedAt = System.nanoTime();
      writer = Thread.ofVirtual().name("clawterm-writer").start(() -> sender.write(connection));
      Outcome outcome = receiver.read(connection);
      stays = staysOpen(outcome);
      return outcome;
    } catch (IOException e) {
      String reason = "connection lost";
      IOException cause = e;
      if (connection.wasSilent()) { // so we have closed it, and the socket says nothing but that
        reason = "the server is silent";
        cause = new IOException(reason, e);
      }
      return broken(reason, notBefore, writer != null, false, cause);
    } catch (MalformedFrameException | ClientException.ProtocolViolation e) {
      return broken("damaged stream", notBefore, writer != null, true, e);
    } finally {
      if (!stays) {
        connection.close();
      }
      letGo(connection, writer, Duration.ofNanos(System.nanoTime() - attachedAt));
    }
  }

  private Outcome broken(
      String reason, long notBefore, boolean attachedThere, boolean defect, Exception cause) {
    if (!attachedThere) {
      route.failed();
    }
    Optional<Duration> left =
        Optional.of(Duration.ofNanos(notBefore - System.nanoTime())).filter(Duration::isPositive);
    return new Outcome.Retry(reason, left, defect, cause);
  }

  /** What only a server says that somebody has sent us to is no reason to give up. */
  private Outcome refused(Outcome outcome) {
    return switch (outcome) {
      case Outcome.End(Ending.Failed(ClientException cause)) when !route.isConfigured() -> {
        route.failed();
        yield new Outcome.Retry(String.valueOf(cause.getMessage()), Optional.empty(), true, cause);
      }
      case Outcome.Again(Duration after) -> elsewhere(after);
      case Outcome.End end -> end;
      case Outcome.Retry retry -> retry;
    };
  }

  private void letGo(Connection connection, @Nullable Thread writer, Duration attached)
      throws InterruptedException {
    standing.detach();
    if (writer == null) {
      return;
    }
    if (attached.compareTo(HELD) > 0) {
      backoff.taken();
    }
    if (attached.compareTo(STABLE) > 0) {
      receiver.progressed();
    }
    if (!writer.join(WRITER_LIMIT)) {
      // It waits for a server that takes nothing; such a connection is of no use any more.
      connection.close();
      writer.join();
    }
    lostAt = System.nanoTime();
  }

  static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? other : one;
  }
}
