package io.clawterm.api;

/**
 * Who acts, as the server has established it; nothing that a caller says about itself becomes one.
 *
 * @param tenant whose data it is; {@code default} on a laptop
 * @param name the principal within the tenant; {@code local} for the user of a laptop
 */
public record Principal(String tenant, String name) {

  /** The user of the machine on which a laptop's node runs. */
  public static final Principal LOCAL = new Principal("default", "local");

  public Principal {
    requireName("tenant", tenant);
    requireName("name", name);
  }

  private static void requireName(String what, String value) {
    // The separators of keys and entity ids must not occur in a name.
    if (!value.matches("[A-Za-z0-9._@-]{1,64}")) {
      throw new IllegalArgumentException(
          what + " is 1 to 64 letters, digits or . _ @ -, not \"" + value + "\"");
    }
  }
}
