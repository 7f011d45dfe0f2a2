package io.clawterm.client;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Where a server listens. Its text form ({@code unix:PATH}, {@code tcp://HOST:PORT}, {@code
 * tls://HOST:PORT}) is the name under which sessions are kept in the token file.
 */
public sealed interface ServerAddress {
  /** The port where no other is given. */
  int DEFAULT_PORT = 7220;

  /** A Unix socket on this machine; the peer's uid is its credential. */
  record Unix(Path path) implements ServerAddress {
    public Unix {
      path = path.toAbsolutePath().normalize();
    }

    @Override
    public String toString() {
      return "unix:" + path;
    }
  }

  /** TCP without TLS: for loopback, and where an operator says that the network is trusted. */
  record Tcp(String host, int port) implements ServerAddress {
    public Tcp {
      requireHostAndPort(host, port);
    }

    @Override
    public String toString() {
      return "tcp://" + join(host, port);
    }
  }

  /** TCP with TLS 1.3. */
  record Tls(String host, int port) implements ServerAddress {
    public Tls {
      requireHostAndPort(host, port);
    }

    @Override
    public String toString() {
      return "tls://" + join(host, port);
    }
  }

  /** A Unix socket. */
  static ServerAddress unix(Path path) {
    return new Unix(path);
  }

  /** TCP without TLS. */
  static ServerAddress tcp(String host, int port) {
    return new Tcp(host, port);
  }

  /** TCP with TLS 1.3. */
  static ServerAddress tls(String host, int port) {
    return new Tls(host, port);
  }

  /**
   * Reads the text form.
   *
   * @throws IllegalArgumentException for anything else
   */
  static ServerAddress parse(String text) {
    if (text.startsWith("unix:")) {
      return new Unix(Path.of(text.substring("unix:".length())));
    }
    if (text.startsWith("tcp://")) {
      HostAndPort to = HostAndPort.parse(text.substring("tcp://".length()));
      return new Tcp(to.host(), to.port());
    }
    if (text.startsWith("tls://")) {
      HostAndPort to = HostAndPort.parse(text.substring("tls://".length()));
      return new Tls(to.host(), to.port());
    }
    throw new IllegalArgumentException(
        "an address is unix:PATH, tcp://HOST:PORT or tls://HOST:PORT, not \"" + text + "\"");
  }

  /**
   * Reads one or more text forms with commas between them.
   *
   * @throws IllegalArgumentException for anything else
   */
  static List<ServerAddress> parseAll(String text) {
    // A path may have commas too: only what looks like an address begins the next one.
    return Arrays.stream(text.split(",\\s*(?=unix:|tcp://|tls://)"))
        .map(each -> parse(each.strip()))
        .toList();
  }

  private static String join(String host, int port) {
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
  }

  private static void requireHostAndPort(String host, int port) {
    if (host.isBlank() || port < 1 || port > 65_535) {
      throw new IllegalArgumentException(
          "expected a host and a port of 1 to 65535, not \"" + host + "\" and " + port);
    }
  }
}
