package io.clawterm.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.random.RandomGenerator;

/**
 * A TCP proxy that passes bytes on to one place and spoils connections by script. Faults are fixed
 * when a connection is accepted; only {@link #stall}, {@link #lose} and {@link #slow} reach open
 * ones as well. Safe for use by several threads.
 */
public final class FaultProxy implements AutoCloseable {

  private final ServerSocket listener;
  private final List<ProxyRelay> relays = new ArrayList<>();
  private final Queue<List<Fault>> next = new ArrayDeque<>();
  private final LiveConditions conditions = new LiveConditions();
  private List<Fault> always = List.of();
  private InetSocketAddress target;

  private FaultProxy(ServerSocket listener, InetSocketAddress target) {
    this.listener = listener;
    this.target = target;
  }

  /** Starts a proxy on a free port that passes all on to this port of loopback, without faults. */
  public static FaultProxy to(int targetPort) {
    return at(InetAddress.getLoopbackAddress(), targetPort);
  }

  /** As {@link #to}, on a free port of this address, for who does not reach loopback. */
  public static FaultProxy at(InetAddress address, int targetPort) {
    return between(address, loopback(targetPort));
  }

  /** As {@link #to}, on a free port of this address, and to any other place. */
  public static FaultProxy between(InetAddress address, InetSocketAddress target) {
    try {
      var listener = new ServerSocket();
      listener.bind(new InetSocketAddress(address, 0));
      var proxy = new FaultProxy(listener, target);
      Thread.startVirtualThread(proxy::accept);
      return proxy;
    } catch (IOException e) {
      throw new UncheckedIOException("no fault proxy", e);
    }
  }

  /** Spoils the next connection in this way; called again, the one after it. */
  public synchronized FaultProxy next(Fault... faults) {
    next.add(List.of(faults));
    return this;
  }

  /** Spoils each connection for which nothing else is due in this way. */
  public synchronized FaultProxy always(Fault... faults) {
    always = List.of(faults);
    return this;
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** Passes connections that are accepted from now on to another port of loopback. */
  public synchronized FaultProxy retarget(int port) {
    target = loopback(port);
    return this;
  }

  /** Holds all bytes of all connections back from now on; connections stay open. */
  public void stall() {
    conditions.stalled(true);
  }

  /**
   * As {@link #stall}, and the server gives its clients up: its ends of all connections are closed,
   * theirs stay open, as when the way there is gone for longer than the server has patience.
   */
  public void lose() {
    stall();
    open().forEach(ProxyRelay::loseFarSide);
  }

  /**
   * Loses all bytes of all connections from now on, and their ends: whichever side goes away, the
   * other one's connection stays open, as when a machine or the way to it is gone without a word.
   */
  public void vanish() {
    conditions.gone(true);
  }

  /** Lets each piece that is read from now on wait for so long, in either direction. */
  public void slow(Duration each) {
    conditions.delay(each);
  }

  /**
   * As {@link #slow(Duration)}, for a time of its own between these.
   *
   * @param random what the times are drawn from, for this proxy alone
   */
  public void slow(Duration least, Duration most, RandomGenerator random) {
    conditions.delay(least, most, random);
  }

  /**
   * Ends {@link #stall}, {@link #lose}, {@link #vanish} and {@link #slow}; what was held back is
   * passed on where somebody still hears it.
   */
  public void flow() {
    conditions.gone(false);
    conditions.stalled(false);
    conditions.delay(Duration.ZERO);
  }

  /** The port that the proxy listens on. */
  public int port() {
    return listener.getLocalPort();
  }

  /** All connections until now, in the order in which they were accepted. */
  public synchronized List<ProxiedConnection> connections() {
    return relays.stream().map(ProxyRelay::record).toList();
  }

  /** Ends all open connections with a FIN. */
  public void cutAll() {
    open().forEach(ProxyRelay::cut);
  }

  /** Ends all open connections with a RST. */
  public void resetAll() {
    open().forEach(ProxyRelay::reset);
  }

  /** Resets what is open and frees the port. */
  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException("closing the fault proxy", e);
    }
    resetAll();
    open().forEach(ProxyRelay::close);
  }

  private synchronized List<ProxyRelay> open() {
    return List.copyOf(relays);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        ProxyRelay relay = relay(listener.accept());
        if (listener.isClosed()) {
          relay.reset();
        }
      } catch (IOException e) {
        // accept() fails when the listener is closed; any other failure shows as no connection.
        return;
      }
    }
  }

  private synchronized ProxyRelay relay(Socket client) throws IOException {
    client.setTcpNoDelay(true);
    List<Fault> faults = next.isEmpty() ? always : next.remove();
    var server = new Socket();
    var relay = new ProxyRelay(relays.size() + 1, client, server, faults, conditions);
    relays.add(relay);
    InetSocketAddress to = target;
    Thread.startVirtualThread(() -> connect(relay, server, to));
    return relay;
  }

  private static void connect(ProxyRelay relay, Socket server, InetSocketAddress target) {
    try {
      server.connect(target);
      server.setTcpNoDelay(true);
      relay.run();
    } catch (IOException e) {
      relay.unreachable();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      relay.reset();
    }
  }
}
