package io.clawterm.node;

import com.typesafe.config.Config;
import java.net.URI;
import java.net.URISyntaxException;

/**
 * Where spans go; {@code reference.conf} says more.
 *
 * @param endpoint the base of an OTLP receiver's URL, without a slash at its end
 * @param sampleRatio 0 to 1
 */
record TelemetrySettings(
    Traces traces,
    String endpoint,
    double sampleRatio,
    String serviceName,
    boolean sendToProviders) {

  /** What is done with spans. */
  enum Traces {
    /** There are none. */
    OFF,
    /** They are sent over HTTP. */
    OTLP
  }

  TelemetrySettings {
    endpoint = endpoint("endpoint", endpoint);
    if (!(sampleRatio >= 0 && sampleRatio <= 1)) {
      throw new IllegalArgumentException("sample-ratio must be 0 to 1, is " + sampleRatio);
    }
    if (serviceName.isBlank()) {
      throw new IllegalArgumentException("service-name must not be empty");
    }
  }

  /** Reads the block {@code clawterm.telemetry}. */
  static TelemetrySettings from(Config config) {
    return new TelemetrySettings(
        traces(config.getString("traces")),
        config.getString("endpoint"),
        config.getDouble("sample-ratio"),
        config.getString("service-name"),
        config.getBoolean("send-to-providers"));
  }

  /** Checks a URL; the message shows nothing of it, as it may hold a password. */
  static String endpoint(String name, String value) {
    try {
      URI uri = new URI(value.strip());
      boolean http = "http".equalsIgnoreCase(uri.getScheme());
      if ((http || "https".equalsIgnoreCase(uri.getScheme()))
          && uri.getHost() != null
          && uri.getRawUserInfo() == null
          && uri.getRawQuery() == null
          && uri.getRawFragment() == null) {
        return uri.toString().replaceAll("/+$", "");
      }
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(name + " is no URL: " + e.getReason(), e);
    }
    throw new IllegalArgumentException(
        name + " must be http:// or https://, a host, and at most a port and a path");
  }

  /**
   * HOCON reads a bare {@code off} as text where text is asked for; {@code false} means the same.
   */
  private static Traces traces(String value) {
    return switch (value) {
      case "off", "false" -> Traces.OFF;
      case "otlp" -> Traces.OTLP;
      default ->
          throw new IllegalArgumentException("traces must be off or otlp, is \"" + value + "\"");
    };
  }
}
