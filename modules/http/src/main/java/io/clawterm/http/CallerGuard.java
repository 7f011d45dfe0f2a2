package io.clawterm.http;

import akka.http.javadsl.model.Host;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import java.net.InetAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Refuses what a foreign web page makes a browser send: by a name of its own that it points at this
 * address (DNS rebinding, told by Host), or from its own origin (told by Origin).
 */
final class CallerGuard {

  private final Set<String> hosts;
  private final Set<String> origins;
  private final boolean onLoopback;
  private final boolean open;

  CallerGuard(List<String> hosts, List<String> origins, boolean onLoopback) {
    this(hosts, origins, onLoopback, false);
  }

  private CallerGuard(List<String> hosts, List<String> origins, boolean onLoopback, boolean open) {
    this.hosts = lowerCase(hosts);
    this.origins = lowerCase(origins);
    this.onLoopback = onLoopback;
    this.open = open;
  }

  /** Refuses nobody: for what a foreign web page may know as well. */
  static CallerGuard open() {
    return new CallerGuard(List.of(), List.of(), false, true);
  }

  private static Set<String> lowerCase(List<String> texts) {
    return texts.stream().map(t -> t.toLowerCase(Locale.ROOT)).collect(Collectors.toSet());
  }

  /** Why the request is refused, if it is. */
  Optional<Problem> refusal(HttpRequest request) {
    if (open) {
      return Optional.empty();
    }
    Host host = request.getUri().host();
    boolean known =
        isKnown(host)
            && request
                .getHeader(akka.http.javadsl.model.headers.Host.class)
                .filter(header -> !isKnown(header.host()))
                .isEmpty();
    if (!known) {
      return Optional.of(
          new Problem(
              Problem.Reason.WRONG_HOST,
              "Call it by a loopback name, or add this name to clawterm.http.allowed-hosts."));
    }
    for (HttpHeader header : request.getHeaders()) {
      if (header.is("origin") && !isKnownOrigin(header.value(), request)) {
        return Optional.of(
            new Problem(
                Problem.Reason.FOREIGN_ORIGIN,
                "Add the origin to clawterm.http.allowed-origins if it may call."));
      }
    }
    return Optional.empty();
  }

  private boolean isKnown(Host host) {
    String address = host.address().toLowerCase(Locale.ROOT);
    if (hosts.contains(address)) {
      return true;
    }
    if (host.isIPv4() || host.isIPv6()) {
      return !onLoopback || isLoopback(host);
    }
    return address.equals("localhost");
  }

  /** Only for a literal address, which is read without asking a name server. */
  private static boolean isLoopback(Host literal) {
    for (InetAddress address : literal.getInetAddresses()) {
      return address.isLoopbackAddress();
    }
    return false;
  }

  /** The server's own origin is the one by whose host and port it is called. */
  private boolean isKnownOrigin(String origin, HttpRequest request) {
    if (origins.contains(origin.toLowerCase(Locale.ROOT))) {
      return true;
    }
    Optional<Place> from = Place.of(origin);
    return from.isPresent() && from.equals(Place.of(request.getUri().toString()));
  }

  /** Scheme is left out: a proxy that speaks TLS changes it. */
  private record Place(String host, int port) {
    static Optional<Place> of(String text) {
      try {
        URI uri = URI.create(text);
        if (uri.getHost() == null || uri.getScheme() == null) {
          return Optional.empty();
        }
        boolean secure = uri.getScheme().equals("https");
        int port = uri.getPort() >= 0 ? uri.getPort() : secure ? 443 : 80;
        return Optional.of(new Place(uri.getHost().toLowerCase(Locale.ROOT), port));
      } catch (IllegalArgumentException e) {
        return Optional.empty(); // no origin of ours reads like that
      }
    }
  }
}
