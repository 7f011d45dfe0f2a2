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

  /**
   * Checks where Akka Management is to listen, which has neither TLS nor users.
   *
   * @throws StartException if more than this machine or a private network could reach it
   */
  static void requirePrivateManagement(NodeSettings settings) {
    if (settings.managementPort() < 0) {
      return;
    }
    String host = settings.managementBind();
    InetAddress address = address("management-bind", host);
    byte[] bytes = address.getAddress();
    boolean unique = bytes.length == 16 && (bytes[0] & 0xFE) == 0xFC;
    boolean carrier = bytes.length == 4 && bytes[0] == 100 && (bytes[1] & 0xC0) == 0x40;
    if (!address.isLoopbackAddress() && !address.isSiteLocalAddress() && !unique && !carrier) {
      throw new StartException(
          "refused to let Akka Management listen on "
              + host
              + ": it has no TLS and shows the cluster to whoever asks. Set"
              + " clawterm.node.management-bind to 127.0.0.1 or to a private address of this"
              + " machine, or clawterm.node.management-port to -1");
    }
  }

  private static boolean isLoopback(String host) {
    return address("bind", host).isLoopbackAddress();
  }

  private static InetAddress address(String key, String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new StartException(
          "clawterm.node." + key + ": no address is known for \"" + host + "\"", e);
    }
  }
}
