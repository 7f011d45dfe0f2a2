package io.clawterm.client;

import io.clawterm.protocol.Mode;
import io.clawterm.protocol.TerminalSize;
import java.time.Duration;
import java.util.Optional;

/**
 * What is asked for when a session is opened or joined.
 *
 * @param target {@code agent:NAME}, {@code pod:NAME} or {@code pty:COMMAND}; absent: the server's
 *     default
 * @param key joins the session of this key, or opens it
 * @param events whether structured entries are wanted instead of text alone
 * @param expiry how long the session may stay without a device
 */
public record ConnectOptions(
    Optional<String> target,
    Optional<String> key,
    Mode mode,
    boolean events,
    Optional<Duration> expiry,
    Optional<TerminalSize> size) {

  /** The server's default target, other devices detached, text alone. */
  public static ConnectOptions defaults() {
    return new ConnectOptions(
        Optional.empty(),
        Optional.empty(),
        Mode.TAKE_OVER,
        false,
        Optional.empty(),
        Optional.empty());
  }

  /** The defaults with this target. */
  public static ConnectOptions target(String target) {
    return new ConnectOptions(
        Optional.of(target),
        Optional.empty(),
        Mode.TAKE_OVER,
        false,
        Optional.empty(),
        Optional.empty());
  }

  /** The same with a session key. */
  public ConnectOptions withKey(String sessionKey) {
    return new ConnectOptions(target, Optional.of(sessionKey), mode, events, expiry, size);
  }

  /** The same with another way of joining. */
  public ConnectOptions withMode(Mode joining) {
    return new ConnectOptions(target, key, joining, events, expiry, size);
  }

  /** The same with or without structured entries. */
  public ConnectOptions withEvents(boolean structured) {
    return new ConnectOptions(target, key, mode, structured, expiry, size);
  }

  /** The same with an expiry. */
  public ConnectOptions withExpiry(Duration withoutDevice) {
    return new ConnectOptions(target, key, mode, events, Optional.of(withoutDevice), size);
  }

  /** The same with the size of a terminal. */
  public ConnectOptions withSize(int columns, int rows) {
    return new ConnectOptions(
        target, key, mode, events, expiry, Optional.of(new TerminalSize(columns, rows)));
  }
}
