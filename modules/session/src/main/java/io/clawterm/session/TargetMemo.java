package io.clawterm.session;

import java.nio.charset.StandardCharsets;

/**
 * What a target is given again when it is started anew, stored with the entries that it belongs to.
 *
 * @param json the target's own, at most 64 KB
 * @param open a run is under way: the session is woken after a crash and is not passivated
 */
public record TargetMemo(String json, boolean open) {

  /** How long the JSON may be, in UTF-8: it is stored with each commit that changes it. */
  public static final int MAX_BYTES = 65_536;

  void requireFits() {
    int bytes = json.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_BYTES) {
      throw new IllegalArgumentException(
          "a memo has at most " + MAX_BYTES + " bytes, this one has " + bytes);
    }
  }
}
