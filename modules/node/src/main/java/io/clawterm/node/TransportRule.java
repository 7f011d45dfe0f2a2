package io.clawterm.node;

import com.typesafe.config.Config;
import io.clawterm.cluster.ClusterSettings.Formation;
import io.clawterm.config.NodeConfiguration;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** Whether listeners are encrypted; an open door without TLS is a refusal to start. */
final class TransportRule {

  private TransportRule() {}

  /**
   * Whether TCP and HTTP use TLS.
   *
   * @throws StartException if the settings would open an unencrypted port to the network, be it one
   *     for devices, for other nodes or for operators
   */
  static boolean encrypted(NodeConfiguration configuration, NodeBlocks blocks) {
    requirePrivateManagement(blocks.node(), blocks.cluster().formation());
    requireEncryptedCluster(blocks.cluster().host(), configuration.config());
    return encrypted(blocks.node());
  }

  private static boolean encrypted(NodeSettings settings) {
    boolean loopback = address("clawterm.node.bind", settings.bind()).isLoopbackAddress();
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

  /** Akka Management has neither TLS nor users; formation through Kubernetes listens there. */
  private static void requirePrivateManagement(NodeSettings settings, Formation formation) {
    if (settings.managementPort() < 0) {
      if (formation == Formation.KUBERNETES) {
        throw new StartException(
            "clawterm.node.management-port is -1, but with clawterm.cluster.formation = kubernetes"
                + " pods ask each other at it: give it a port");
      }
      return;
    }
    String host = settings.managementBind();
    if (!isPrivate(address("clawterm.node.management-bind", host))) {
      throw new StartException(
          "refused to let Akka Management listen on "
              + host
              + ": it has no TLS and shows the cluster to whoever asks. Set"
              + " clawterm.node.management-bind to 127.0.0.1 or to a private address of this"
              + " machine, or clawterm.node.management-port to -1");
    }
  }

  /**
   * Checks what other nodes are spoken to with: whoever reaches an unencrypted port is a member.
   *
   * @param host by which other nodes reach this one
   * @param akka with the settings of {@code akka.remote.artery} as they hold
   * @throws StartException if more than this machine or a private network could reach it
   */
  static void requireEncryptedCluster(String host, Config akka) {
    Config artery = akka.getConfig("akka.remote.artery");
    String transport = artery.getString("transport");
    String bind = artery.getString("bind.hostname");
    String listens = bind.isEmpty() ? host : bind;
    if (!transport.equals("tls-tcp")
        && !isPrivate(address("akka.remote.artery.bind.hostname", listens))) {
      throw new StartException(
          "refused to let other nodes reach "
              + listens
              + " without TLS: akka.remote.artery.transport is "
              + transport
              + ". Leave it at tls-tcp, or listen on 127.0.0.1 or a private address");
    }
  }

  /** Whether nobody beyond this machine or a private network reaches it. */
  private static boolean isPrivate(InetAddress address) {
    byte[] bytes = address.getAddress();
    boolean unique = bytes.length == 16 && (bytes[0] & 0xFE) == 0xFC;
    boolean carrier = bytes.length == 4 && bytes[0] == 100 && (bytes[1] & 0xC0) == 0x40;
    return address.isLoopbackAddress() || address.isSiteLocalAddress() || unique || carrier;
  }

  private static InetAddress address(String key, String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new StartException(key + ": no address is known for \"" + host + "\"", e);
    }
  }
}
