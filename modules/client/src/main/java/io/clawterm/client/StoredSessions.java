package io.clawterm.client;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** All sessions of a store at one moment: the JSON document of the token file. */
@JsonIgnoreProperties(ignoreUnknown = true)
record StoredSessions(int version, List<StoredSession> sessions) {
  static final int VERSION = 1;

  /** Kept this much longer than the server keeps the session, as clocks differ. */
  private static final Duration SLACK = Duration.ofDays(1);

  /** The newest are kept where there are more. */
  private static final int MAX_SESSIONS = 10_000;

  StoredSessions {
    sessions = List.copyOf(sessions);
  }

  static StoredSessions none() {
    return new StoredSessions(VERSION, List.of());
  }

  /** The session, preferably of this device. */
  Optional<StoredSession> find(ServerAddress address, SessionId session, String device) {
    return sessions.stream()
        .filter(stored -> stored.is(address, session.toString()))
        .max(Comparator.comparing(stored -> stored.device().equals(device)));
  }

  Optional<StoredSession> same(StoredSession as) {
    return sessions.stream().filter(stored -> sameSession(stored, as)).findFirst();
  }

  /** With this session as the newest, and without those that their servers have forgotten. */
  StoredSessions with(StoredSession newest) {
    List<StoredSession> next = new ArrayList<>();
    next.add(newest);
    for (StoredSession stored : sessions) {
      boolean forgotten =
          stored.savedAt() + (stored.expirySeconds() * 1_000) + SLACK.toMillis() < newest.savedAt();
      if (!sameSession(stored, newest) && !forgotten && next.size() < MAX_SESSIONS) {
        next.add(stored);
      }
    }
    return new StoredSessions(VERSION, next);
  }

  StoredSessions without(ServerAddress address, SessionId session) {
    return new StoredSessions(
        VERSION,
        sessions.stream().filter(stored -> !stored.is(address, session.toString())).toList());
  }

  private static boolean sameSession(StoredSession one, StoredSession other) {
    return one.server().equals(other.server())
        && one.id().equals(other.id())
        && one.device().equals(other.device());
  }
}
