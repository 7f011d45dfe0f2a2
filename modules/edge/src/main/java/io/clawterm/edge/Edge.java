package io.clawterm.edge;

import akka.Done;
import akka.NotUsed;
import akka.actor.Cancellable;
import akka.actor.CoordinatedShutdown;
import akka.actor.typed.ActorSystem;
import akka.stream.javadsl.Flow;
import akka.util.ByteString;
import io.clawterm.protocol.Code;
import io.clawterm.session.Sessions;
import io.clawterm.telemetry.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * What all listeners of a node share: the way to the sessions, who may come in, the limits, and the
 * connections that are open. Safe for use by several threads.
 */
public final class Edge {

  /**
   * A resume costs some six milliseconds of processor time, over all that have a part in it: the
   * others are to notice nothing.
   */
  private static final Duration BETWEEN_DRAINED = Duration.ofMillis(20);

  /** A node that stops has not much longer for all of them, */
  private static final Duration ALL_DRAINED_WITHIN = Duration.ofSeconds(10);

  /** but more at a time than this would only wait elsewhere. */
  private static final Duration LEAST_BETWEEN_DRAINED = Duration.ofMillis(2);

  /** Sessions of one connection are told at one moment, and come back at several. */
  private static final Duration MAX_STAGGER = Duration.ofMillis(10);

  /** Who is not to stay. */
  private enum Leaving {
    NOBODY,
    /** A Unix socket is the only way in for its machine, and a drained node is one all the same. */
    ALL_BUT_UNIX,
    ALL
  }

  private final Sessions sessions;
  private final Authenticator authenticator;
  private final Supplier<EdgeSettings> settings;
  private final ConnectionLimits limits;
  private final Admission admission;
  private final EdgeMetrics metrics;
  private final InputTrace inputTrace;

  /** The open connections: what asks them to end, and who is there. */
  private final Map<Runnable, Peer> open = new ConcurrentHashMap<>();

  /**
   * Those that have come to a drained edge by a way that leads to no other one: a WebSocket's
   * address is its client's own, and who is sent away comes to the same one again.
   */
  private final Set<Runnable> guests = ConcurrentHashMap.newKeySet();

  private volatile CompletableFuture<Done> drained = new CompletableFuture<>();
  private volatile Leaving leaving = Leaving.NOBODY;
  private volatile List<String> elsewhere = List.of();
  private volatile Duration stagger = Duration.ZERO;

  /** An edge whose settings stay as they are, without traces. */
  public Edge(
      Sessions sessions,
      Authenticator authenticator,
      EdgeSettings settings,
      MeterRegistry registry) {
    this(sessions, authenticator, () -> settings, registry, Tracing.OFF);
  }

  /**
   * An edge without listeners; its meters are registered at once.
   *
   * @param settings those in force: limits on connections are asked for each new one, the rest once
   *     for each connection
   */
  public Edge(
      Sessions sessions,
      Authenticator authenticator,
      Supplier<EdgeSettings> settings,
      MeterRegistry registry,
      Tracing tracing) {
    this.sessions = sessions;
    this.authenticator = authenticator;
    this.settings = settings;
    this.limits = new ConnectionLimits(() -> settings.get().connections());
    EdgeSettings atStart = settings.get();
    this.admission =
        new Admission(
            atStart.maxOpening(),
            atStart.maxWaitingToOpen(),
            () -> settings.get().turnTimeout(),
            System::nanoTime);
    this.metrics = new EdgeMetrics(registry, limits, admission);
    this.inputTrace = new InputTrace(tracing);
  }

  /**
   * Tells all devices SHUTTING_DOWN and closes their connections; new ones are told the same.
   * Completes when all are gone or {@code shutdown-timeout} is over, always normally.
   */
  public CompletionStage<Done> shutdown() {
    return shutdown(List.of());
  }

  /**
   * As {@link #shutdown()}, but devices that came over TCP, with TLS or without, are told MOVED and
   * one of these addresses, each after a time of its own, so that the other nodes are not stormed.
   *
   * @param others {@code host:port} of other nodes' TCP listeners
   */
  public CompletionStage<Done> shutdown(List<String> others) {
    elsewhere = List.copyOf(others);
    stagger = settings().retryAfter();
    leaving = Leaving.ALL;
    if (!open.isEmpty() && drained.isDone()) {
      drained = new CompletableFuture<>();
    }
    open.keySet().forEach(Runnable::run);
    completeIfDrained();
    return drained
        .copy()
        .completeOnTimeout(
            Done.getInstance(), settings().shutdownTimeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  /**
   * Tells all devices but those on the Unix socket to go to one of these addresses, one after the
   * other so that the other nodes are not stormed; new ones are told the same at once, unless they
   * come over a WebSocket, which can't be sent to an address. The listeners stay.
   *
   * @param others {@code host:port} of other nodes' TCP listeners
   * @return when all are gone, or {@link #undrain} was called
   */
  public CompletionStage<Done> drain(List<String> others) {
    if (leaving == Leaving.ALL) {
      return drained.copy(); // it is over anyway
    }
    elsewhere = List.copyOf(others);
    stagger = MAX_STAGGER;
    leaving = Leaving.ALL_BUT_UNIX;
    long between =
        Math.clamp(
            ALL_DRAINED_WITHIN.toNanos() / Math.max(1, leaving()),
            LEAST_BETWEEN_DRAINED.toNanos(),
            BETWEEN_DRAINED.toNanos());
    long nanos = 0;
    for (Map.Entry<Runnable, Peer> connection : open.entrySet()) {
      if (mustLeave(connection.getKey(), connection.getValue())) {
        Executor later = CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS);
        later.execute(() -> {
          if (mustLeave(connection.getKey(), connection.getValue())) {
            connection.getKey().run();
          }
        });
        nanos += between;
      }
    }
    completeIfDrained();
    return drained.copy();
  }

  /** Sends devices to these addresses from now on, where it sends them away at all. */
  public void elsewhere(List<String> others) {
    elsewhere = List.copyOf(others);
  }

  /** Takes devices again. */
  public void undrain() {
    if (leaving == Leaving.ALL) {
      return;
    }
    leaving = Leaving.NOBODY;
    guests.clear();
    elsewhere = List.of();
    drained.complete(Done.getInstance());
    drained = new CompletableFuture<>();
  }

  /** The connections that {@link #drain} sends away and that are still there. */
  public long leaving() {
    return open.entrySet().stream()
        .filter(each -> mustLeave(each.getKey(), each.getValue()))
        .count();
  }

  private boolean mustLeave(Runnable stop, Peer peer) {
    return switch (leaving) {
      case NOBODY -> false;
      case ALL_BUT_UNIX -> peer.transport() != Peer.Transport.UNIX && !guests.contains(stop);
      case ALL -> true;
    };
  }

  /**
   * Shuts down also when the actor system ends, whoever ends it: the host that owns it, or a
   * cluster that has downed this node.
   *
   * @return cancels that, for an edge that ends before its system
   */
  public Cancellable shutdownWith(ActorSystem<?> system) {
    return CoordinatedShutdown.get(system)
        .addCancellableTask(
            CoordinatedShutdown.PhaseBeforeServiceUnbind(),
            "edge-" + UUID.randomUUID(),
            () -> shutdown());
  }

  /** One connection: bytes from the socket to bytes for it. Runs once. */
  Flow<ByteString, ByteString, NotUsed> connection(Peer peer, ConnectionStage.Framing framing) {
    return connection(peer, framing, () -> {});
  }

  /**
   * One connection.
   *
   * @param started is run when it has begun to run
   */
  Flow<ByteString, ByteString, NotUsed> connection(
      Peer peer, ConnectionStage.Framing framing, Runnable started) {
    return Flow.fromGraph(new ConnectionStage(this, peer, framing, started));
  }

  /**
   * Enters an open connection.
   *
   * @param stop asks it to end, on any thread
   */
  void opened(Peer peer, Runnable stop) {
    if (leaving == Leaving.ALL_BUT_UNIX && !peer.overTcp()) {
      guests.add(stop);
    }
    open.put(stop, peer);
    if (leaving == Leaving.NOBODY) {
      guests.remove(stop); // undrained meanwhile
    }
    if (mustLeave(stop, peer)) {
      stop.run();
    }
  }

  /** What a device of this node is told while the node stops. */
  Refusal farewell(Peer peer) {
    // Another machine's loopback is not this one's.
    List<String> others =
        elsewhere.stream().filter(at -> peer.loopback() || !isLoopback(at)).toList();
    if (others.isEmpty() || !peer.overTcp()) {
      return new Refusal(Code.SHUTTING_DOWN, "the server is stopping");
    }
    var random = ThreadLocalRandom.current();
    return new Refusal(
        Code.MOVED,
        "another node goes on",
        Optional.of(others.get(random.nextInt(others.size()))),
        Optional.of(Duration.ofMillis(random.nextLong(stagger.toMillis() + 1))));
  }

  private static boolean isLoopback(String hostAndPort) {
    return hostAndPort.startsWith("127.")
        || hostAndPort.startsWith("[::1]:")
        || hostAndPort.startsWith("localhost:");
  }

  void closed(Runnable stop) {
    open.remove(stop);
    guests.remove(stop);
    if (leaving != Leaving.NOBODY) {
      completeIfDrained();
    }
  }

  private void completeIfDrained() {
    if (leaving() == 0) {
      drained.complete(Done.getInstance());
    }
  }

  Sessions sessions() {
    return sessions;
  }

  Authenticator authenticator() {
    return authenticator;
  }

  EdgeSettings settings() {
    return settings.get();
  }

  ConnectionLimits limits() {
    return limits;
  }

  Admission admission() {
    return admission;
  }

  EdgeMetrics metrics() {
    return metrics;
  }

  InputTrace inputTrace() {
    return inputTrace;
  }
}
