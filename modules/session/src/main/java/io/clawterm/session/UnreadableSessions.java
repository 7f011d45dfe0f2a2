package io.clawterm.session;

import io.clawterm.api.SessionId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The sessions whose log this node could not read, and until when it does not try again. To try is
 * dear, as the whole log is read up to the place, and its devices come back by themselves.
 *
 * <p>Kept in memory: a node that starts, perhaps with another build, tries at once. Thread-safe.
 */
final class UnreadableSessions {

  static final Duration FIRST_REST = Duration.ofSeconds(1);
  static final Duration LONGEST_REST = Duration.ofMinutes(1);

  /** The ones that failed longest ago are forgotten beyond it: they are tried sooner, no more. */
  private static final int MAX_SESSIONS = 10_000;

  private record Rest(Duration length, Instant until) {}

  private final InstantSource clock;
  private final Map<SessionId, Rest> rests = new LinkedHashMap<>();

  UnreadableSessions(InstantSource clock) {
    this.clock = clock;
  }

  /** Its log could not be read: each time in a row the rest is twice as long. */
  synchronized Duration failed(SessionId session) {
    Rest before = rests.remove(session);
    Duration length = before == null ? FIRST_REST : before.length().multipliedBy(2);
    if (length.compareTo(LONGEST_REST) > 0) {
      length = LONGEST_REST;
    }
    rests.put(session, new Rest(length, clock.instant().plus(length)));
    if (rests.size() > MAX_SESSIONS) {
      rests.remove(rests.keySet().iterator().next());
    }
    return length;
  }

  /** It could be read. */
  synchronized void recovered(SessionId session) {
    rests.remove(session);
  }

  /** For how long it is not to be tried; empty: it may be. */
  synchronized Optional<Duration> rest(SessionId session) {
    return Optional.ofNullable(rests.get(session))
        .map(rest -> Duration.between(clock.instant(), rest.until()))
        .filter(Duration::isPositive);
  }
}
