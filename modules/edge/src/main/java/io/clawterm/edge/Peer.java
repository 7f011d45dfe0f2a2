package io.clawterm.edge;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.attribute.UserPrincipal;
import java.util.Optional;

/**
 * The other end of a connection, as the operating system tells it.
 *
 * @param address where it is; absent for Unix sockets
 * @param user the user of the process at the other end; present for Unix sockets alone
 */
public record Peer(
    Transport transport, Optional<InetAddress> address, Optional<UserPrincipal> user) {

  /** The ways in. */
  public enum Transport {
    TCP,
    TLS,
    UNIX,
    WEBSOCKET
  }

  static Peer of(Transport transport, InetAddress address) {
    return new Peer(transport, Optional.of(address), Optional.empty());
  }

  static Peer of(UserPrincipal user) {
    return new Peer(Transport.UNIX, Optional.empty(), Optional.of(user));
  }

  /** Whether it came to a TCP port of the wire protocol, with TLS or without. */
  boolean overTcp() {
    return transport == Transport.TCP || transport == Transport.TLS;
  }

  /** Whether it is on this machine and came over the network. */
  boolean loopback() {
    return address.map(InetAddress::isLoopbackAddress).orElse(false);
  }

  /**
   * What limits per address count by: the address, of which one host has a whole /64 in IPv6, or
   * the user.
   */
  Object origin() {
    return address
        .<Object>map(it -> it instanceof Inet6Address ? ByteBuffer.wrap(it.getAddress(), 0, 8) : it)
        .or(() -> user)
        .orElse(transport);
  }
}
