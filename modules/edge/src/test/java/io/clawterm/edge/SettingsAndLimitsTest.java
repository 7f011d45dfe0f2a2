package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.api.Principal;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class SettingsAndLimitsTest {

  @Test
  void theDefaultsAreThoseOfTheProtocol() {
    EdgeSettings settings = EdgeFixture.settings("");

    assertThat(settings.firstFrameTimeout()).hasSeconds(10);
    assertThat(settings.maxFirstPayloadBytes()).isEqualTo(4096);
    assertThat(settings.keepaliveInterval()).hasSeconds(30);
    assertThat(settings.allowUnauthenticatedLoopback()).isFalse();
  }

  @Test
  void aValueOutOfRangeNamesKeyAndRange() {
    assertThatThrownBy(() -> EdgeFixture.settings("keepalive-jitter = 0.9"))
        .hasMessage("clawterm.edge.keepalive-jitter must be 0.0 to 0.5, is 0.9");
    assertThatThrownBy(() -> EdgeFixture.settings("linger = 2h")).hasMessageContaining("linger");
    assertThatThrownBy(() -> EdgeFixture.settings("tls.client-certificates = maybe"))
        .hasMessageContaining("none, want or need");
  }

  private static ConnectionLimits limits(int max, int perAddress, int waiting, int waitingEach) {
    var limits = new EdgeSettings.Connections(max, perAddress, waiting, waitingEach);
    return new ConnectionLimits(() -> limits);
  }

  @Test
  void aLowerLimitHoldsForTheNextConnectionAndClosesNone() {
    var now = new AtomicReference<>(new EdgeSettings.Connections(3, 3, 3, 3));
    var limits = new ConnectionLimits(now::get);
    assertThat(limits.admit("a", () -> {})).isPresent();
    var second = limits.admit("a", () -> {});

    now.set(new EdgeSettings.Connections(3, 1, 3, 3));

    assertThat(limits.total()).isEqualTo(2);
    assertThat(limits.admit("a", () -> {})).isEmpty();
    assertThat(limits.admit("b", () -> {})).isPresent();
    second.orElseThrow().close();
    assertThat(limits.admit("a", () -> {})).as("one is still there").isEmpty();
    now.set(new EdgeSettings.Connections(3, 2, 3, 3));
    assertThat(limits.admit("a", () -> {})).isPresent();
  }

  @Test
  void theOldestOfTheSameAddressMakesRoomAndThenTheOldestOfAll() {
    ConnectionLimits limits = limits(100, 100, 3, 2);
    List<String> evicted = new ArrayList<>();

    assertThat(limits.admit("a", () -> evicted.add("a1"))).isPresent();
    assertThat(limits.admit("b", () -> evicted.add("b1"))).isPresent();
    assertThat(limits.admit("b", () -> evicted.add("b2"))).isPresent();
    assertThat(limits.admit("b", () -> evicted.add("b3"))).isPresent();
    assertThat(evicted).containsExactly("b1");
    assertThat(limits.admit("c", () -> evicted.add("c1"))).isPresent();

    assertThat(evicted).containsExactly("b1", "a1");
    assertThat(limits.unauthenticated()).isEqualTo(3);
    assertThat(limits.total()).isEqualTo(5);
  }

  @Test
  void whoHasShownWhoTheyAreNeverMakesRoom() {
    ConnectionLimits limits = limits(100, 100, 1, 1);
    List<String> evicted = new ArrayList<>();

    ConnectionLimits.Permit known = limits.admit("a", () -> evicted.add("known")).orElseThrow();
    known.authenticated();
    assertThat(limits.admit("a", () -> evicted.add("second"))).isPresent();
    assertThat(limits.admit("a", () -> evicted.add("third"))).isPresent();

    assertThat(evicted).containsExactly("second");
  }

  @Test
  void aPlaceIsGivenBackOnce() {
    ConnectionLimits limits = limits(2, 1, 9, 9);
    ConnectionLimits.Permit first = limits.admit("a", () -> {}).orElseThrow();

    assertThat(limits.admit("a", () -> {})).isEmpty();
    first.close();
    first.close();

    assertThat(limits.total()).isZero();
    assertThat(limits.admit("a", () -> {})).isPresent();
  }

  @Test
  void loopbackNeedsACredentialUnlessTheSettingSaysOtherwise() {
    Peer near = Peer.of(Peer.Transport.TCP, InetAddress.getLoopbackAddress());
    Peer far = Peer.of(Peer.Transport.TCP, address(192, 0, 2, 1));
    var strict = new TokenAuthenticator(Map.of(), Set.of(), false);
    var open = new TokenAuthenticator(Map.of(), Set.of(), true);

    assertThat(strict.authenticate(Optional.empty(), near)).isEmpty();
    assertThat(open.authenticate(Optional.empty(), near)).hasValue(Principal.LOCAL);
    assertThat(open.authenticate(Optional.empty(), far)).isEmpty();
    assertThat(open.authenticate(Optional.of("guess"), near)).isEmpty();
  }

  private static InetAddress address(int... bytes) {
    byte[] raw = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      raw[i] = (byte) bytes[i];
    }
    try {
      return InetAddress.getByAddress(raw);
    } catch (java.net.UnknownHostException e) {
      throw new IllegalArgumentException("an address has 4 or 16 bytes", e);
    }
  }
}
