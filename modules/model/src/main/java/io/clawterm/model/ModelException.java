package io.clawterm.model;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A provider's failure to answer. The message is for people: it names the provider, says what
 * happened and, where there is something to do, what; it holds no key and nothing of the
 * conversation.
 */
public final class ModelException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final Kind kind;
  private final @Nullable Duration retryAfter;

  /** What went wrong. */
  public enum Kind {
    /** The provider doesn't accept the key, or the key doesn't allow this. */
    AUTHENTICATION(false),
    /** The account has nothing left to spend. */
    QUOTA(false),
    /** Too many requests or tokens for now. */
    RATE_LIMITED(true),
    /** The provider can't answer for now: overloaded, or an error on its side (5xx). */
    OVERLOADED(true),
    /** The provider doesn't accept the request, such as a model that it doesn't have. */
    INVALID_REQUEST(false),
    /** No TCP connection in time. */
    CONNECT_TIMEOUT(true),
    /** No head of a response in time. */
    FIRST_BYTE_TIMEOUT(true),
    /** Silence in the middle of an answer for too long. */
    GAP_TIMEOUT(true),
    /** The connection ended before the answer did. */
    CUT(true),
    /** The answer isn't in the provider's format. */
    MALFORMED(false),
    /** The answer is longer than the limit. */
    TOO_LONG(false),
    /** Nobody answers at that address, or its certificate isn't trusted. */
    UNREACHABLE(true);

    private final boolean passing;

    Kind(boolean passing) {
      this.passing = passing;
    }

    /** Whether the same request may well succeed later. */
    public boolean isPassing() {
      return passing;
    }
  }

  /** A failure with the time that the provider asks to wait, and its cause, where there are any. */
  public ModelException(
      Kind kind, String message, Optional<Duration> retryAfter, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.retryAfter = retryAfter.orElse(null);
  }

  ModelException(Kind kind, String message) {
    this(kind, message, Optional.empty(), null);
  }

  /** What went wrong. */
  public Kind kind() {
    return kind;
  }

  /** How long the provider asks to wait before the next request. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
