package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What a session is and by which token it can be resumed, in memory and in the store. Written by
 * the driver's thread alone, under the lock of the {@link Standing}.
 */
final class SessionRecord {
  private static final long CURSOR_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long UNKNOWN = -1;

  private final ClientSettings settings;
  private final SessionStore store;
  private final Standing standing;
  private final InputLog inputs;
  private final OutputQueue output;
  private final boolean events;
  private final Mode mode;

  /**
   * Held around taking a picture of the session and storing it, so that pictures don't overtake.
   */
  private final ReentrantLock storing = new ReentrantLock();

  private @Nullable SessionId id;
  private final Optional<String> target;
  private Optional<String> key;
  private String device;
  private String token = "";
  private long expirySeconds;
  private long joinedAt = UNKNOWN;
  private boolean joinedBehind;
  private long cursorSaved;
  private long cursorSavedAt = System.nanoTime();

  SessionRecord(
      ClientSettings settings,
      SessionStore store,
      Standing standing,
      InputLog inputs,
      OutputQueue output,
      ConnectOptions options) {
    this.settings = settings;
    this.store = store;
    this.standing = standing;
    this.inputs = inputs;
    this.output = output;
    this.device = settings.device();
    this.target = options.target();
    this.key = options.key();
    this.mode = options.mode();
    this.events = options.events();
  }

  /** Goes on where a store has left off, with the output after this number. */
  void restore(StoredSession stored, long received) {
    SessionId session = SessionId.of(stored.id());
    inputs.restore(session.value(), stored);
    id = session;
    device = stored.device();
    token = stored.token();
    expirySeconds = stored.expirySeconds();
    cursorSaved = received;
    output.startAfter(received);
  }

  /** The session's id. */
  SessionId id() {
    SessionId session = known();
    if (session == null) {
      throw new IllegalStateException("the session has no id before it is attached");
    }
    return session;
  }

  /** Null before the first attachment. */
  @Nullable SessionId known() {
    standing.lock.lock();
    try {
      return id;
    } finally {
      standing.lock.unlock();
    }
  }

  Optional<String> key() {
    standing.lock.lock();
    try {
      return key;
    } finally {
      standing.lock.unlock();
    }
  }

  Optional<String> target() {
    return target;
  }

  Mode mode() {
    return mode;
  }

  String device() {
    standing.lock.lock();
    try {
      return device;
    } finally {
      standing.lock.unlock();
    }
  }

  /** Whether entries up to {@link #joinedAt()} come because this device has not had them. */
  boolean joinedBehind() {
    standing.lock.lock();
    try {
      return joinedBehind;
    } finally {
      standing.lock.unlock();
    }
  }

  long joinedAt() {
    standing.lock.lock();
    try {
      return Math.max(joinedAt, 0);
    } finally {
      standing.lock.unlock();
    }
  }

  /** What CONNECT says of the session, and RESUME too. */
  void describe(Fields.Builder fields) {
    fields.device(device).mode(mode).events(events);
  }

  /** What RESUME shows. */
  byte[] token() {
    return Base64.getDecoder().decode(token);
  }

  boolean hasToken() {
    return !token.isEmpty();
  }

  /** It was opened or joined under this id; under the lock. */
  void opened(SessionId session) {
    id = session;
  }

  /** What the server has granted; under the lock. */
  void granted(Fields fields, long received) {
    fields.resumeToken().ifPresent(next -> token = Base64.getEncoder().encodeToString(next));
    fields.sessionKey().ifPresent(granted -> key = Optional.of(granted));
    expirySeconds = fields.expirySeconds().orElse(expirySeconds);
    if (joinedAt == UNKNOWN) {
      joinedAt = fields.headSeq().orElse(0);
      joinedBehind = joinedAt > Math.max(received, 0);
    }
  }

  /** This device's share of the session as an earlier process left it. */
  Optional<StoredSession> leftBehind(SessionId session) {
    return store.leftBehind(settings.address(), session, device);
  }

  /** Stores a session that this client was just given. */
  void take() {
    storing.lock();
    try {
      store.take(picture());
    } finally {
      storing.unlock();
    }
  }

  /** Stores the session as it is now; false where another process has taken it. */
  boolean persist() {
    storing.lock();
    try {
      StoredSession now = picture();
      boolean mine = store.save(now);
      standing.lock.lock();
      try {
        inputs.persisted(now.lastInput());
        cursorSaved = now.received();
        cursorSavedAt = System.nanoTime();
      } finally {
        standing.lock.unlock();
      }
      return mine;
    } finally {
      storing.unlock();
    }
  }

  /** When the number that the application has handled is to be stored, if that is owed. */
  OptionalLong cursorDueAt() {
    return output.handled() == cursorSaved
        ? OptionalLong.empty()
        : OptionalLong.of(cursorSavedAt + CURSOR_NANOS);
  }

  /** Leaves the store as the next one needs it. */
  void settle(Ending ending) {
    SessionId session = known();
    if (session == null || !hasToken()) {
      return;
    }
    storing.lock();
    try {
      if (ending instanceof Ending.Closed) {
        store.remove(settings.address(), session);
      } else {
        store.release(picture());
      }
    } finally {
      storing.unlock();
    }
  }

  private StoredSession picture() {
    standing.lock.lock();
    try {
      return new StoredSession(
          settings.address().toString(),
          id().toString(),
          key.orElse(null),
          target.orElse("agent:main"),
          device,
          mode,
          events,
          token,
          output.handled(),
          inputs.last(),
          inputs.toStored(),
          expirySeconds,
          System.currentTimeMillis(),
          null);
    } finally {
      standing.lock.unlock();
    }
  }
}
