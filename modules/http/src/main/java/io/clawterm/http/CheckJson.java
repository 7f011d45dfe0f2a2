package io.clawterm.http;

import org.jspecify.annotations.Nullable;

/**
 * Whether something is as it should be, and why; on the wire.
 *
 * @param ok whether the node can do its work
 * @param warning true: it can, but somebody should look
 */
record CheckJson(boolean ok, String reason, @Nullable Boolean warning) {

  static CheckJson well(String reason) {
    return new CheckJson(true, reason, null);
  }

  static CheckJson warning(String reason) {
    return new CheckJson(true, reason, true);
  }

  static CheckJson failed(String reason) {
    return new CheckJson(false, reason, null);
  }
}
