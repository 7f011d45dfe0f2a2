package io.clawterm.model;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Set;

/**
 * Where a provider's API is.
 *
 * @param path without a slash at its end; may be empty
 */
record Endpoint(boolean tls, String host, int port, String path) {

  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  /** Reads a base URL; throws {@link IllegalArgumentException} that says what is expected. */
  static Endpoint of(String baseUrl) {
    URI uri = uri(baseUrl);
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    boolean tls = scheme.equals("https");
    boolean known = tls || scheme.equals("http");
    if (!known
        || uri.getHost() == null
        || uri.getRawUserInfo() != null
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      throw new IllegalArgumentException(
          "expected http:// or https://, a host, and at most a port and a path");
    }
    int port = uri.getPort() >= 0 ? uri.getPort() : tls ? 443 : 80;
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    return new Endpoint(tls, uri.getHost(), port, path.replaceAll("/+$", ""));
  }

  /**
   * Reads {@code OLLAMA_HOST}, as Ollama does: scheme and port may be missing, and the address that
   * a server listens on may stand for one that a client can reach.
   */
  static Endpoint ofOllama(String value) {
    String url = value.contains("://") ? value : "http://" + value;
    url = url.replaceFirst("://(0\\.0\\.0\\.0|\\[::]|(?=:))", "://127.0.0.1");
    Endpoint endpoint = of(url);
    boolean withPort = uri(url).getPort() >= 0 || value.contains("://");
    return withPort ? endpoint : new Endpoint(false, endpoint.host(), 11434, endpoint.path());
  }

  private static URI uri(String text) {
    try {
      return new URI(text.strip());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("not a URL: " + e.getReason(), e);
    }
  }

  boolean isLoopback() {
    return LOOPBACK.contains(host.toLowerCase(Locale.ROOT));
  }

  /** The address without the path, for people. */
  String address() {
    return (tls ? "https://" : "http://") + host + ":" + port;
  }
}
