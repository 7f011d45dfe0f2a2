package io.clawterm.node;

import io.clawterm.client.ConnectOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Under which key a session is joined. */
final class KeyOption {

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "Join the session of this key, or open it.")
  private @Nullable String key;

  /** The options with the key, where one was given. */
  ConnectOptions in(ConnectOptions options) {
    return key == null ? options : options.withKey(key);
  }
}
