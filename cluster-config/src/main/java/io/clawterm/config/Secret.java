package io.clawterm.config;

/**
 * A value that must not be seen, such as a password; its text form shows nothing.
 *
 * @param value what is kept secret; read it only where it is used
 */
public record Secret(String value) {

  @Override
  public String toString() {
    return "Secret(***)";
  }
}
