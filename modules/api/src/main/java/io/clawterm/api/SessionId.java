package io.clawterm.api;

import java.util.Locale;

/** The wire's 32-bit number of a session: random, never 0, unique over all tenants. */
public record SessionId(int value) {

  public SessionId {
    if (value == 0) {
      throw new IllegalArgumentException("0 is no session id");
    }
  }

  /**
   * Reads the form that {@link #toString()} writes.
   *
   * @throws IllegalArgumentException if the text is not 1 to 8 hexadecimal digits, or is zero
   */
  public static SessionId of(String hex) {
    if (!hex.matches("[0-9a-fA-F]{1,8}")) {
      throw new IllegalArgumentException(
          "a session id is 1 to 8 hexadecimal digits, not \"" + hex + "\"");
    }
    return new SessionId(Integer.parseUnsignedInt(hex, 16));
  }

  /** The id as eight hexadecimal digits. */
  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%08x", value);
  }
}
