package io.clawterm.load;

import io.clawterm.client.ServerAddress;
import java.util.Optional;

/**
 * A way from a device to the node.
 *
 * @param address where the client library connects to
 * @param fingerprint of the certificate that it trusts, where the client speaks TLS
 */
public record Way(Transport transport, ServerAddress address, Optional<String> fingerprint) {

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
