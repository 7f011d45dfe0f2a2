package io.clawterm.edge;

import com.typesafe.config.Config;
import io.clawterm.protocol.Frame;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The limits and times of all edges; {@code reference.conf} says what each is for.
 *
 * @param connections limits on connections
 */
public record EdgeSettings(
    Duration firstFrameTimeout,
    int maxFirstPayloadBytes,
    Duration frameTimeout,
    Duration keepaliveInterval,
    double keepaliveJitter,
    double silentIntervals,
    Duration ackDelay,
    long ackAfterBytes,
    long maxInputInFlightBytes,
    long inputBatchBytes,
    long maxEntryBytes,
    long windowBytes,
    long connectionWindowBytes,
    int writeBytes,
    long maxAnswerBytes,
    Duration stalledWriteTimeout,
    Duration sessionTimeout,
    Duration durableTimeout,
    Duration retryAfter,
    int maxPendingConnects,
    int maxOpening,
    int maxWaitingToOpen,
    int maxCircuits,
    Duration linger,
    Duration shutdownTimeout,
    Connections connections,
    boolean allowUnauthenticatedLoopback,
    int tcpBacklog,
    ClientCertificates clientCertificates,
    List<String> allowedOrigins) {

  /** How many connections there may be. */
  public record Connections(
      int max, int maxPerAddress, int maxUnauthenticated, int maxUnauthenticatedPerAddress) {
    public Connections {
      within("connections.max", max, 1, 10_000_000);
      within("connections.max-per-address", maxPerAddress, 1, 10_000_000);
      within("connections.max-unauthenticated", maxUnauthenticated, 1, 10_000_000);
      within(
          "connections.max-unauthenticated-per-address",
          maxUnauthenticatedPerAddress,
          1,
          10_000_000);
    }
  }

  /** Whether clients show a certificate in the TLS handshake. */
  public enum ClientCertificates {
    NONE,
    WANT,
    NEED
  }

  /**
   * The keys that may change while a node runs. Connections that are open keep those that they were
   * opened with; the limits on connections hold for each new one.
   */
  public static final Set<String> LIVE =
      Set.of(
          "first-frame-timeout",
          "max-first-payload-bytes",
          "frame-timeout",
          "keepalive-interval",
          "keepalive-jitter",
          "silent-intervals",
          "ack-delay",
          "ack-after-bytes",
          "max-input-in-flight-bytes",
          "input-batch-bytes",
          "max-entry-bytes",
          "window-bytes",
          "connection-window-bytes",
          "write-bytes",
          "max-answer-bytes",
          "stalled-write-timeout",
          "session-timeout",
          "durable-timeout",
          "retry-after",
          "max-pending-connects",
          "max-circuits",
          "linger",
          "shutdown-timeout",
          "connections.max",
          "connections.max-per-address",
          "connections.max-unauthenticated",
          "connections.max-unauthenticated-per-address");

  private static final long KIB = 1024;
  private static final long MIB = 1024 * KIB;

  public EdgeSettings {
    within("first-frame-timeout", firstFrameTimeout, 100, 300_000);
    within("max-first-payload-bytes", maxFirstPayloadBytes, 64, Frame.MAX_PAYLOAD);
    within("frame-timeout", frameTimeout, 100, 3_600_000);
    within("keepalive-interval", keepaliveInterval, 100, 3_600_000);
    within("keepalive-jitter", keepaliveJitter, 0, 0.5);
    within("silent-intervals", silentIntervals, 1.5, 100);
    within("ack-delay", ackDelay, 1, 10_000);
    within("ack-after-bytes", ackAfterBytes, 1, 16 * MIB);
    within("max-input-in-flight-bytes", maxInputInFlightBytes, KIB, 64 * MIB);
    within("input-batch-bytes", inputBatchBytes, KIB, 128 * KIB);
    within("max-entry-bytes", maxEntryBytes, 1, 1024 * MIB);
    within("window-bytes", windowBytes, 64 * KIB, 64 * MIB);
    within("connection-window-bytes", connectionWindowBytes, 64 * KIB, 1024 * MIB);
    within("write-bytes", writeBytes, 4 * KIB, 16 * MIB);
    within("max-answer-bytes", maxAnswerBytes, 4 * KIB, 16 * MIB);
    within("stalled-write-timeout", stalledWriteTimeout, 1_000, 3_600_000);
    within("session-timeout", sessionTimeout, 100, 300_000);
    within("durable-timeout", durableTimeout, 100, 300_000);
    within("retry-after", retryAfter, 1, 600_000);
    within("max-pending-connects", maxPendingConnects, 1, 10_000);
    within("max-opening", maxOpening, 1, 100_000);
    within("max-waiting-to-open", maxWaitingToOpen, 0, 1_000_000);
    within("max-circuits", maxCircuits, 1, 100_000);
    within("linger", linger, 10, 60_000);
    within("shutdown-timeout", shutdownTimeout, 10, 60_000);
    within("tcp.backlog", tcpBacklog, 1, 65_535);
    allowedOrigins = List.copyOf(allowedOrigins);
  }

  /**
   * How long a device waits for its turn. A client waits for an answer for about the time that a
   * session has; most of it is for the turn.
   */
  Duration turnTimeout() {
    return sessionTimeout.multipliedBy(3).dividedBy(5);
  }

  /** Reads the block {@code clawterm.edge}. */
  public static EdgeSettings from(Config config) {
    return new EdgeSettings(
        config.getDuration("first-frame-timeout"),
        config.getInt("max-first-payload-bytes"),
        config.getDuration("frame-timeout"),
        config.getDuration("keepalive-interval"),
        config.getDouble("keepalive-jitter"),
        config.getDouble("silent-intervals"),
        config.getDuration("ack-delay"),
        config.getBytes("ack-after-bytes"),
        config.getBytes("max-input-in-flight-bytes"),
        config.getBytes("input-batch-bytes"),
        config.getBytes("max-entry-bytes"),
        config.getBytes("window-bytes"),
        config.getBytes("connection-window-bytes"),
        Math.toIntExact(config.getBytes("write-bytes")),
        config.getBytes("max-answer-bytes"),
        config.getDuration("stalled-write-timeout"),
        config.getDuration("session-timeout"),
        config.getDuration("durable-timeout"),
        config.getDuration("retry-after"),
        config.getInt("max-pending-connects"),
        config.getInt("max-opening"),
        config.getInt("max-waiting-to-open"),
        config.getInt("max-circuits"),
        config.getDuration("linger"),
        config.getDuration("shutdown-timeout"),
        connections(config.getConfig("connections")),
        config.getBoolean("allow-unauthenticated-loopback"),
        config.getInt("tcp.backlog"),
        clientCertificates(config.getString("tls.client-certificates")),
        config.getStringList("websocket.allowed-origins"));
  }

  private static Connections connections(Config config) {
    return new Connections(
        config.getInt("max"),
        config.getInt("max-per-address"),
        config.getInt("max-unauthenticated"),
        config.getInt("max-unauthenticated-per-address"));
  }

  private static ClientCertificates clientCertificates(String text) {
    return switch (text) {
      case "none" -> ClientCertificates.NONE;
      case "want" -> ClientCertificates.WANT;
      case "need" -> ClientCertificates.NEED;
      default ->
          throw new IllegalArgumentException(
              "tls.client-certificates must be none, want or need, is " + text);
    };
  }

  private static void within(String key, Duration value, long minMillis, long maxMillis) {
    if (value.compareTo(Duration.ofMillis(minMillis)) < 0
        || value.compareTo(Duration.ofMillis(maxMillis)) > 0) {
      throw outside(key, minMillis + " ms", maxMillis + " ms", value.toMillis() + " ms");
    }
  }

  private static void within(String key, long value, long min, long max) {
    if (value < min || value > max) {
      throw outside(key, Long.toString(min), Long.toString(max), Long.toString(value));
    }
  }

  private static void within(String key, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw outside(key, Double.toString(min), Double.toString(max), Double.toString(value));
    }
  }

  private static IllegalArgumentException outside(String key, String min, String max, String is) {
    return new IllegalArgumentException(
        String.format(Locale.ROOT, "clawterm.edge.%s must be %s to %s, is %s", key, min, max, is));
  }
}
