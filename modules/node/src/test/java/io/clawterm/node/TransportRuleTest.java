package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.config.NodeConfiguration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No door without TLS stands open to the world. */
class TransportRuleTest {

  private static final String TRANSPORT = "akka.remote.artery.transport";

  @Test
  void theDefaultsNeedNoTlsAsTheyListenOnThisMachine() {
    assertThat(encrypted(Map.of())).isFalse();
    assertThat(encrypted(Map.of("clawterm.node.bind", "0.0.0.0"))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "192.0.2.1"})
  void managementIsForThisMachineOrAPrivateNetwork(String host) {
    assertThatThrownBy(() -> encrypted(Map.of("clawterm.node.management-bind", host)))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("Akka Management")
        .hasMessageContaining(host);
  }

  @Test
  void managementThatIsOffListensNowhereUnlessPodsNeedIt() {
    Map<String, Object> off =
        Map.of("clawterm.node.management-bind", "0.0.0.0", "clawterm.node.management-port", -1);
    var pod = new HashMap<>(off);
    pod.put("clawterm.cluster.formation", "kubernetes");

    assertThat(encrypted(off)).isFalse();
    assertThatThrownBy(() -> encrypted(pod))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("management-port is -1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "aeron-udp"})
  void otherNodesAreSpokenToInClearOnThisMachineAndPrivateNetworksAlone(String transport) {
    assertThat(encrypted(Map.of(TRANSPORT, transport))).isFalse();
    assertThat(encrypted(Map.of(TRANSPORT, transport, "clawterm.cluster.host", "10.1.2.3")))
        .isFalse();
    for (String host : new String[] {"192.0.2.1", "0.0.0.0"}) {
      assertThatThrownBy(
              () -> encrypted(Map.of(TRANSPORT, transport, "clawterm.cluster.host", host)))
          .isInstanceOf(StartException.class)
          .hasMessageContaining(host)
          .hasMessageContaining("tls-tcp");
    }
    assertThatThrownBy(() ->
            encrypted(Map.of(TRANSPORT, transport, "akka.remote.artery.bind.hostname", "0.0.0.0")))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("0.0.0.0");
  }

  @Test
  void anEncryptedClusterListensWhereItLikes() {
    assertThat(encrypted(Map.of("clawterm.cluster.host", "192.0.2.1"))).isFalse();
  }

  private static boolean encrypted(Map<String, Object> settings) {
    NodeConfiguration configuration =
        NodeConfiguration.load(settings, Optional.empty(), Node.PROFILE);
    return TransportRule.encrypted(configuration, NodeBlocks.read(configuration));
  }
}
