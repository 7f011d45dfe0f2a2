package io.clawterm.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RouteTest {

  private static final List<ServerAddress> NODES =
      IntStream.rangeClosed(1, 5).mapToObj(port -> ServerAddress.tcp("127.0.0.1", port)).toList();

  @Test
  void eachAddressIsTriedBeforeOneIsTriedAgain() {
    var route = new Route(NODES, new Random(1));
    assertThat(route.address()).isEqualTo(NODES.getFirst());
    Set<ServerAddress> tried = new HashSet<>();
    for (int i = 0; i < NODES.size(); i++) {
      tried.add(route.address());
      route.failed();
    }

    assertThat(tried).containsExactlyInAnyOrderElementsOf(NODES);
    assertThat(route.address()).isEqualTo(NODES.getFirst());
  }

  @Test
  void onlyWhereNobodyIsTrustedItIsOver() {
    var route = new Route(NODES.subList(0, 3), new Random(1));

    assertThat(route.distrusted()).isFalse();
    assertThat(route.distrusted()).isFalse();
    route.moved(Optional.of("127.0.0.1:5"));
    assertThat(route.distrusted()).as("a place that was not given").isFalse();
    assertThat(route.distrusted()).isTrue();
    route.trusted();
    assertThat(route.distrusted()).isFalse();
  }

  @Test
  void theClientsOfADeadNodeGoToAllOthers() {
    var random = new Random(1);
    Set<ServerAddress> next = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      var route = new Route(NODES, random);
      route.failed();
      next.add(route.address());
    }

    assertThat(next).containsExactlyInAnyOrderElementsOf(NODES.subList(1, 5));
  }
}
