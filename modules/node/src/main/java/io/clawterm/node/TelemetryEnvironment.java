package io.clawterm.node;

import io.clawterm.config.Secret;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the standard variables of OpenTelemetry say; each goes before the setting beside it.
 *
 * @param headers sent with each export; their values may be credentials
 * @param resource what else backends show of this program
 */
record TelemetryEnvironment(
    Optional<String> endpoint,
    Map<String, Secret> headers,
    Optional<String> serviceName,
    Map<String, String> resource) {

  private static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
  private static final String HEADERS = "OTEL_EXPORTER_OTLP_HEADERS";
  private static final String SERVICE_NAME = "OTEL_SERVICE_NAME";
  private static final String RESOURCE = "OTEL_RESOURCE_ATTRIBUTES";

  TelemetryEnvironment {
    headers = Map.copyOf(headers);
    resource = Map.copyOf(resource);
  }

  /**
   * Reads them.
   *
   * @throws StartException if one makes no sense
   */
  static TelemetryEnvironment of(Map<String, String> environment) {
    try {
      Map<String, Secret> headers = new LinkedHashMap<>();
      pairs(HEADERS, environment).forEach((name, value) -> headers.put(name, new Secret(value)));
      return new TelemetryEnvironment(
          variable(ENDPOINT, environment).map(url -> TelemetrySettings.endpoint(ENDPOINT, url)),
          headers,
          variable(SERVICE_NAME, environment),
          pairs(RESOURCE, environment));
    } catch (IllegalArgumentException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  private static Optional<String> variable(String name, Map<String, String> environment) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  /** {@code key=value,key=value}, percent-encoded as in W3C Baggage. */
  private static Map<String, String> pairs(String name, Map<String, String> environment) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String pair : variable(name, environment).orElse("").split(",", -1)) {
      if (pair.isBlank()) {
        continue;
      }
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw malformed(name);
      }
      pairs.put(
          decoded(name, pair.substring(0, equals)), decoded(name, pair.substring(equals + 1)));
    }
    return pairs;
  }

  private static String decoded(String name, String text) {
    try {
      // A plus stands for itself here, unlike in the forms that the JDK's method is made for.
      return URLDecoder.decode(text.strip().replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw malformed(name); // without the cause, which quotes what may be a credential
    }
  }

  private static IllegalArgumentException malformed(String name) {
    return new IllegalArgumentException(
        name + " must be key=value pairs with commas between them, percent-encoded");
  }
}
