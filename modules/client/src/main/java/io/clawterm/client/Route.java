package io.clawterm.client;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Where the next connection goes: to where the server has sent this client, as long as somebody is
 * there, else to one of the configured addresses after the other: the first one first, the others
 * in an order of this client's own, so that not all clients of a dead node go to the same one. For
 * use by one thread.
 */
final class Route {
  private final List<ServerAddress> configured;
  private Optional<ServerAddress> moved = Optional.empty();
  private int at;

  /** Whom this client doesn't trust, of those that it was given, since it last trusted one. */
  private final Set<ServerAddress> distrusted = new HashSet<>();

  Route(List<ServerAddress> configured, RandomGenerator random) {
    List<ServerAddress> order = new ArrayList<>(configured);
    Collections.shuffle(order.subList(1, order.size()), random);
    this.configured = List.copyOf(order);
  }

  /** The address to try. */
  ServerAddress address() {
    return moved.orElse(configured.get(at));
  }

  /** Whether {@link #address()} is one that this client was given by its user. */
  boolean isConfigured() {
    return moved.isEmpty();
  }

  /** The server says to go, there if it says where; what this client doesn't trust is nowhere. */
  void moved(Optional<String> hostAndPort) {
    moved = hostAndPort.flatMap(to -> Links.moved(configured.get(at), to));
    if (moved.isEmpty()) {
      at = (at + 1) % configured.size();
    }
  }

  /** Somebody answers there who is trusted. */
  void trusted() {
    distrusted.clear();
  }

  /**
   * Who answers there isn't trusted: one of several nodes may have been set up wrongly.
   *
   * @return whether that holds for all addresses that this client was given
   */
  boolean distrusted() {
    if (moved.isEmpty()) {
      distrusted.add(configured.get(at));
    }
    failed();
    return distrusted.containsAll(configured);
  }

  /** Nothing was to be had there. */
  void failed() {
    if (moved.isPresent()) {
      moved = Optional.empty();
    } else {
      at = (at + 1) % configured.size();
    }
  }
}
