package io.clawterm.load;

import io.clawterm.client.ServerAddress;
import java.util.List;
import java.util.Optional;

/**
 * A way from a device to the node, or to one of several.
 *
 * @param addresses where the client library connects to, one after the other
 * @param fingerprint of the certificate that it trusts, where the client speaks TLS
 */
public record Way(
    Transport transport, List<ServerAddress> addresses, Optional<String> fingerprint) {

  public Way {
    addresses = List.copyOf(addresses);
  }

  public Way(Transport transport, ServerAddress address, Optional<String> fingerprint) {
    this(transport, List.of(address), fingerprint);
  }

  /** What the node gets the frames over. */
  public enum Transport {
    UNIX,
    TCP,
    TLS,
    WEBSOCKET,
    WEBSOCKET_OVER_TLS
  }

  /** One without TLS between the client and its address. */
  public static Way plain(Transport transport, ServerAddress address) {
    return new Way(transport, address, Optional.empty());
  }

  /** Whether the client has to show who it is; a Unix socket tells by itself. */
  public boolean needsCredential() {
    return transport != Transport.UNIX;
  }
}
