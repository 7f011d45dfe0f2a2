package io.clawterm.http;

/**
 * Where the probes' own listener is; {@code reference.conf} says what it is for.
 *
 * @param port -1: there is none, 0: any
 */
public record HealthSettings(String bind, int port) {

  public HealthSettings {
    if (bind.isBlank()) {
      throw new IllegalArgumentException("health-bind must not be empty");
    }
    if (port < -1 || port > 65_535) {
      throw new IllegalArgumentException("health-port must be -1 to 65535, is " + port);
    }
  }
}
