package io.clawterm.protocol;

import org.jspecify.annotations.Nullable;

/** Why something ended or was refused: the field CODE. */
public enum Code {
  /** Nothing is wrong. */
  OK(0),
  /** The device suspended the session; it resumes when it wants to. */
  SUSPENDED(1),
  /** The session is over. */
  CLOSED(2),
  /** Another device has the session; only a person can decide to take it back. */
  TAKEN_OVER(3),
  /** The session is served elsewhere: resume at ADDRESS, or anywhere. */
  MOVED(4),
  /** The server stops: resume after RETRY_AFTER_MS. */
  SHUTTING_DOWN(5),
  /** The other side broke the protocol: a bug. The connection closes, the session lives. */
  PROTOCOL_ERROR(16),
  /** A frame was damaged: reconnect and resume. */
  BAD_CHECKSUM(17),
  /** A DATA frame is missing: reconnect and resume. */
  SEQUENCE_GAP(18),
  /** The version isn't spoken here; the field VERSION says which is. */
  UNSUPPORTED_VERSION(19),
  /** The credential is missing, wrong or too old: log in again. */
  UNAUTHENTICATED(20),
  /** The principal may not do this. */
  FORBIDDEN(21),
  /** No such session, or a token that doesn't fit it: connect anew. */
  NO_SUCH_SESSION(22),
  /** No agent, pod or program of this name. */
  NO_SUCH_TARGET(23),
  /** An entry above the limit. */
  TOO_LARGE(24),
  /** Too busy: try again after RETRY_AFTER_MS. */
  OVERLOADED(25),
  /** The server failed. */
  INTERNAL(26);

  private static final @Nullable Code[] BY_VALUE = new @Nullable Code[INTERNAL.value + 1];

  static {
    for (Code code : values()) {
      BY_VALUE[code.value] = code;
    }
  }

  private final int value;

  Code(int value) {
    this.value = value;
  }

  /** The value on the wire. */
  public int value() {
    return value;
  }

  /** The code with this value on the wire, or null where this version knows none. */
  public static @Nullable Code of(int value) {
    return value >= 0 && value < BY_VALUE.length ? BY_VALUE[value] : null;
  }

  /**
   * Whether a client reconnects and resumes by itself, without asking anybody. False where the
   * session is over or lost, where a person decides, and where the same attempt would fail again.
   */
  public boolean retryable() {
    return switch (this) {
      case MOVED, SHUTTING_DOWN, BAD_CHECKSUM, SEQUENCE_GAP, OVERLOADED -> true;
      case OK,
          SUSPENDED,
          CLOSED,
          TAKEN_OVER,
          PROTOCOL_ERROR,
          UNSUPPORTED_VERSION,
          UNAUTHENTICATED,
          FORBIDDEN,
          NO_SUCH_SESSION,
          NO_SUCH_TARGET,
          TOO_LARGE,
          INTERNAL ->
          false;
    };
  }
}
