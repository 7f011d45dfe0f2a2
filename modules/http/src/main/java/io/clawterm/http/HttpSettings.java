package io.clawterm.http;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * The limits of the HTTP server; {@code reference.conf} says what each is for.
 *
 * @param port 0 picks a free one
 * @param health the probes' own listener
 * @param allowPlaintext accepts a host other than loopback without TLS
 * @param allowedHosts names and addresses, besides loopback, under which clients may call
 * @param allowedOrigins web origins, besides the server's own, that may call from a browser
 * @param maxBodyBytes the largest body of a request
 * @param maxPage the most that one page of a list holds
 * @param maxQueries questions to the database at once
 * @param drainTimeout how long running requests may take once the server stops
 * @param databaseTimeout how long readiness waits for the database
 * @param askTimeout how long a session may take to answer
 * @param importTimeout how long the import of a bundle may take
 */
public record HttpSettings(
    String host,
    int port,
    HealthSettings health,
    boolean allowPlaintext,
    List<String> allowedHosts,
    List<String> allowedOrigins,
    int maxConnections,
    long maxBodyBytes,
    int maxPage,
    int maxQueries,
    Duration requestTimeout,
    Duration idleTimeout,
    Duration websocketPing,
    Duration drainTimeout,
    Duration databaseTimeout,
    Duration askTimeout,
    Duration sweepInterval,
    Duration importTimeout) {

  /** The keys that may change while a node runs. */
  public static final Set<String> LIVE = Set.of("sweep-interval");

  public HttpSettings {
    allowedHosts = List.copyOf(allowedHosts);
    allowedOrigins = List.copyOf(allowedOrigins);
    require(!host.isBlank(), "host must not be empty");
    require(port >= 0 && port <= 65_535, "port must be 0 to 65535");
    require(maxConnections >= 1, "max-connections must be above 0");
    require(maxBodyBytes >= 1_024, "max-body-bytes must be at least 1 KiB");
    require(maxPage >= 1 && maxPage <= 1_000, "max-page must be 1 to 1000");
    require(maxQueries >= 1, "max-queries must be above 0");
    requirePositive(requestTimeout, "request-timeout");
    requirePositive(idleTimeout, "idle-timeout");
    requirePositive(websocketPing, "websocket-ping");
    require(websocketPing.compareTo(idleTimeout) < 0, "websocket-ping must be below idle-timeout");
    requirePositive(drainTimeout, "drain-timeout");
    requirePositive(databaseTimeout, "database-timeout");
    requirePositive(askTimeout, "ask-timeout");
    require(
        askTimeout.compareTo(requestTimeout) < 0 && databaseTimeout.compareTo(requestTimeout) < 0,
        "ask-timeout and database-timeout must be below request-timeout");
    requirePositive(sweepInterval, "sweep-interval");
    requirePositive(importTimeout, "import-timeout");
  }

  /** Reads the block {@code clawterm.http}. */
  public static HttpSettings from(Config config) {
    return new HttpSettings(
        config.getString("host"),
        config.getInt("port"),
        new HealthSettings(config.getString("health-bind"), config.getInt("health-port")),
        config.getBoolean("allow-plaintext"),
        config.getStringList("allowed-hosts"),
        config.getStringList("allowed-origins"),
        config.getInt("max-connections"),
        config.getBytes("max-body-bytes"),
        config.getInt("max-page"),
        config.getInt("max-queries"),
        config.getDuration("request-timeout"),
        config.getDuration("idle-timeout"),
        config.getDuration("websocket-ping"),
        config.getDuration("drain-timeout"),
        config.getDuration("database-timeout"),
        config.getDuration("ask-timeout"),
        config.getDuration("sweep-interval"),
        config.getDuration("import-timeout"));
  }

  private static void requirePositive(Duration value, String key) {
    require(value.isPositive(), key + " must be above 0");
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
