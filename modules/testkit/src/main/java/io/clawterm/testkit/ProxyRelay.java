package io.clawterm.testkit;

import io.clawterm.testkit.Fault.Direction;
import io.clawterm.testkit.ProxiedConnection.State;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Both directions of one proxied connection. Each direction is a thread that reads a piece, applies
 * the faults of that direction and writes; the first end of the connection stays its state.
 */
final class ProxyRelay {

  /** How long a cut connection is read on, so that its last bytes aren't lost to a reset. */
  private static final Duration LINGER = Duration.ofSeconds(2);

  private static final Duration STALL_CHECK = Duration.ofMillis(5);
  private static final int PIECE_BYTES = 16 << 10;

  private final Socket client;
  private final Socket server;
  private final List<Fault> faults;
  private final LiveConditions conditions;
  private final CountDownLatch over = new CountDownLatch(1);
  private final CountDownLatch directionsUnderWay = new CountDownLatch(2);
  private volatile boolean farSideLost;
  private ProxiedConnection record;

  ProxyRelay(
      int number, Socket client, Socket server, List<Fault> faults, LiveConditions conditions) {
    this.client = client;
    this.server = server;
    this.faults = List.copyOf(faults);
    this.conditions = conditions;
    this.record = new ProxiedConnection(number, 0, 0, State.OPEN);
  }

  synchronized ProxiedConnection record() {
    return record;
  }

  /** Relays until both directions have ended. */
  void run() throws InterruptedException {
    for (Direction direction : Direction.values()) {
      Optional<Fault> last = last(direction);
      if (last.isPresent() && after(last.get()) == 0) {
        end(last.get());
      }
    }
    Thread.startVirtualThread(() -> relay(Direction.TO_SERVER, client, server));
    Thread.startVirtualThread(() -> relay(Direction.TO_CLIENT, server, client));
    directionsUnderWay.await();
    settle(State.CLOSED);
    close();
  }

  void cut() {
    if (settle(State.CUT)) {
      endOutput(client);
      endOutput(server);
      Thread.startVirtualThread(this::closeAfterLinger);
    }
  }

  void reset() {
    if (settle(State.RESET)) {
      resetOnClose(client);
      resetOnClose(server);
      close();
    }
  }

  /** Ends the server's side; the client gets to know it once it is heard again. */
  void loseFarSide() {
    farSideLost = true;
    resetOnClose(server);
    closeQuietly(server);
  }

  void unreachable() {
    settle(State.UNREACHABLE);
    resetOnClose(client);
    close();
  }

  private void relay(Direction direction, Socket from, Socket to) {
    try {
      byte[] piece = new byte[PIECE_BYTES];
      for (int size = from.getInputStream().read(piece);
          size >= 0;
          size = from.getInputStream().read(piece)) {
        pass(direction, piece, size, to);
      }
      if (!tellsNothing(direction)) {
        endOutput(to);
      }
    } catch (IOException e) {
      // One side is gone: the other one gets to know it the same way.
      if (record().state() == State.OPEN && !tellsNothing(direction)) {
        settle(State.CLOSED);
        resetOnClose(to);
        close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      directionsUnderWay.countDown();
    }
  }

  private void pass(Direction direction, byte[] piece, int size, Socket to)
      throws IOException, InterruptedException {
    if (record().state() != State.OPEN || conditions.isGone()) {
      return;
    }
    delay(direction);
    Optional<Fault> last = last(direction);
    long left = last.map(fault -> after(fault) - record().bytes(direction)).orElse((long) size);
    int passed = (int) Math.min(left, size);
    try {
      write(direction, piece, passed, to);
    } catch (IOException e) {
      if (!swallows(Direction.TO_SERVER) && !swallows(Direction.TO_CLIENT)) {
        throw e;
      }
      // The other side went away, and the swallowed direction must not tell.
    }
    if (last.isPresent() && passed == left) {
      end(last.get());
    }
  }

  private void delay(Direction direction) throws InterruptedException {
    for (Fault fault : faults) {
      if (fault instanceof Fault.Delay(Direction delayed, Duration duration)
          && delayed == direction) {
        pause(duration);
      }
    }
    pause(conditions.delay());
    while (conditions.isStalled() && !pause(STALL_CHECK)) {
      // Until it flows again, or the connection is over.
    }
  }

  private void write(Direction direction, byte[] piece, int size, Socket to)
      throws IOException, InterruptedException {
    long bytesPerSecond = rate(direction);
    // A fiftieth of a second at a time: smooth enough, and still exact over a second.
    int slice = Math.clamp(bytesPerSecond / 50, 1, PIECE_BYTES);
    for (int from = 0; from < size; from += slice) {
      int length = Math.min(slice, size - from);
      // Before: whoever has received them may look at the count.
      count(direction, length);
      to.getOutputStream().write(piece, from, length);
      if (bytesPerSecond < Long.MAX_VALUE) {
        pause(Duration.ofNanos(length * 1_000_000_000L / bytesPerSecond));
      }
    }
  }

  private long rate(Direction direction) {
    long rate = Long.MAX_VALUE;
    for (Fault fault : faults) {
      if (fault instanceof Fault.RateLimit(Direction limited, long bytesPerSecond)
          && limited == direction) {
        rate = Math.min(rate, bytesPerSecond);
      }
    }
    return rate;
  }

  private boolean pause(Duration duration) throws InterruptedException {
    return over.await(duration.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** The fault that ends a direction, the earliest of several. */
  private Optional<Fault> last(Direction direction) {
    return faults.stream()
        .filter(fault -> fault.direction() == direction && after(fault) < Long.MAX_VALUE)
        .min(Comparator.comparingLong(ProxyRelay::after));
  }

  private static long after(Fault fault) {
    return switch (fault) {
      case Fault.CutAfter cut -> cut.bytes();
      case Fault.ResetAfter reset -> reset.bytes();
      case Fault.SwallowAfter swallow -> swallow.bytes();
      case Fault.Delay delay -> Long.MAX_VALUE;
      case Fault.RateLimit limit -> Long.MAX_VALUE;
    };
  }

  private boolean tellsNothing(Direction direction) {
    return swallows(direction)
        || conditions.isGone()
        || (farSideLost && direction == Direction.TO_CLIENT);
  }

  private boolean swallows(Direction direction) {
    return last(direction)
        .filter(fault -> fault instanceof Fault.SwallowAfter)
        .filter(fault -> record().bytes(direction) >= after(fault))
        .isPresent();
  }

  private void end(Fault fault) {
    switch (fault) {
      case Fault.CutAfter cut -> cut();
      case Fault.ResetAfter reset -> reset();
      case Fault.SwallowAfter swallow -> {
        // Nothing to do now: no byte is left for this direction, and its end isn't passed on.
      }
      case Fault.Delay delay -> throw new IllegalStateException("ends nothing: " + delay);
      case Fault.RateLimit limit -> throw new IllegalStateException("ends nothing: " + limit);
    }
  }

  private synchronized void count(Direction direction, int bytes) {
    record =
        new ProxiedConnection(
            record.number(),
            record.bytesToServer() + (direction == Direction.TO_SERVER ? bytes : 0),
            record.bytesToClient() + (direction == Direction.TO_CLIENT ? bytes : 0),
            record.state());
  }

  private synchronized boolean settle(State state) {
    if (record.state() != State.OPEN) {
      return false;
    }
    record =
        new ProxiedConnection(
            record.number(), record.bytesToServer(), record.bytesToClient(), state);
    return true;
  }

  private void closeAfterLinger() {
    try {
      if (!directionsUnderWay.await(LINGER.toNanos(), TimeUnit.NANOSECONDS)) {
        close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void close() {
    over.countDown();
    closeQuietly(client);
    closeQuietly(server);
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // The descriptor is released all the same, and there is nobody to tell.
    }
  }

  private static void endOutput(Socket socket) {
    try {
      socket.shutdownOutput();
    } catch (IOException e) {
      // Already closed or reset by the other side: there is nothing left to end.
    }
  }

  private static void resetOnClose(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // Already closed: there is nothing left to reset.
    }
  }
}
