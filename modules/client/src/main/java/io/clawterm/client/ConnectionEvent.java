package io.clawterm.client;

import java.time.Duration;

/** What happens to the connection below a session, for showing it to a person. */
public sealed interface ConnectionEvent {

  /** The session is open for the first time. */
  record Opened() implements ConnectionEvent {}

  /**
   * The connection is gone, or an attempt at a new one failed; the next follows by itself.
   *
   * @param reason for people
   */
  record Lost(String reason, Duration retryIn) implements ConnectionEvent {}

  /** The session goes on; {@code replayed} entries were missed and come now. */
  record Resumed(long replayed) implements ConnectionEvent {}

  /** It is over for this process. */
  record Over(Ending ending) implements ConnectionEvent {}
}
