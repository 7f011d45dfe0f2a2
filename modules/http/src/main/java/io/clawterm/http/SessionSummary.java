package io.clawterm.http;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a list of sessions shows of one; a moment behind the session itself.
 *
 * @param key the session key, if it was opened under one
 * @param touchedAt when a device or a run last came or went
 * @param expiry how long it lives without a device
 * @param runOpen a run of its target is under way
 * @param devices the names of devices that have come and of which no leaving is known; a node that
 *     was killed leaves its own here until they come and go again
 * @param endedReason why it is over, in words for people; empty while it is open
 */
public record SessionSummary(
    SessionId id,
    Principal owner,
    Optional<String> key,
    String target,
    State state,
    Instant createdAt,
    Instant touchedAt,
    Duration expiry,
    boolean runOpen,
    List<String> devices,
    Optional<String> endedReason) {

  public SessionSummary {
    devices = List.copyOf(devices);
  }

  /** Whether a session can be used. */
  public enum State {
    OPEN,
    ENDED
  }
}
