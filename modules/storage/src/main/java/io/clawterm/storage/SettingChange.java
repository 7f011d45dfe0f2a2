package io.clawterm.storage;

import java.time.Instant;
import java.util.Optional;

/**
 * One change of a setting, as the history keeps it.
 *
 * @param version of all settings, once this was done
 * @param before empty: it was not set
 * @param after empty: it is not set any more
 * @param node the life of the node that took the change
 */
public record SettingChange(
    long version,
    String key,
    Optional<String> before,
    Optional<String> after,
    Scope scope,
    Author author,
    int node,
    Instant at) {

  /** For whom a change holds. */
  public enum Scope {
    /** For all nodes. */
    CLUSTER,
    /** For one, which has read it anew from its own file. */
    FILE
  }

  /**
   * Who changes a setting.
   *
   * @param principal as the server has established it
   * @param saidBy what the caller says about itself, which proves nothing; may be empty
   * @param reason why; may be empty
   */
  public record Author(String tenant, String principal, String saidBy, String reason) {}
}
