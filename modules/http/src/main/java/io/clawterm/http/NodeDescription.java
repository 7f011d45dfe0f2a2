package io.clawterm.http;

import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;

/**
 * What a node says of itself.
 *
 * @param listeners where clients reach it, as of now
 */
public record NodeDescription(
    String version, Instant startedAt, Supplier<List<Listener>> listeners) {

  /**
   * An open port or socket.
   *
   * @param name such as {@code tcp}, {@code unix} or {@code http}
   * @param address host and port, or the path of a socket
   */
  public record Listener(String name, String address, boolean tls) {}
}
