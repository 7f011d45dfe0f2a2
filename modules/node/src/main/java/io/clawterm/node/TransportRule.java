package io.clawterm.node;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** Whether listeners are encrypted; an open door without TLS is a refusal to start. */
final class TransportRule {

  private TransportRule() {}

  /**
   * Whether TCP and HTTP use TLS.
   *
   * @throws StartException if the settings would open an unencrypted port to the network
   */
  static boolean encrypted(NodeSettings settings) {
    boolean loopback = isLoopback(settings.bind());
    boolean listens = settings.tcpPort() >= 0 || settings.httpPort() >= 0;
    return switch (settings.tls()) {
      case ON -> true;
      case AUTO -> !loopback || settings.tlsCertificate().isPresent();
      case OFF -> {
        if (!loopback && listens) {
          throw new StartException(
              "refused to listen on "
                  + settings.bind()
                  + " without TLS: others could read and take over sessions. Use --tls on, or"
                  + " --bind 127.0.0.1 behind a proxy that encrypts");
        }
        yield false;
      }
    };
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new StartException("clawterm.node.bind: no address is known for \"" + host + "\"", e);
    }
  }
}
