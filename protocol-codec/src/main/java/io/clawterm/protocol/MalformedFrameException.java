package io.clawterm.protocol;

/**
 * Bytes from the other side that break the protocol. The message never shows content, so that it
 * can be logged.
 */
public final class MalformedFrameException extends RuntimeException {

  /** The rule that was broken. */
  public enum Reason {
    /** A frame doesn't begin with the byte 0x7E. */
    NO_FLAG(Code.PROTOCOL_ERROR),
    /** The byte TYPE is none of version 1. */
    UNKNOWN_TYPE(Code.PROTOCOL_ERROR),
    /** The session id is 0 in a type that needs a session. */
    NO_SESSION(Code.PROTOCOL_ERROR),
    /** A DATA frame announces a payload above the limit. */
    DATA_TOO_LONG(Code.TOO_LARGE),
    /** A frame of fields announces a payload above the limit. */
    FIELDS_TOO_LONG(Code.PROTOCOL_ERROR),
    /** The checksum doesn't fit the bytes. */
    BAD_CHECKSUM(Code.BAD_CHECKSUM),
    /** A message that must be one frame ends before the frame does. */
    TRUNCATED(Code.PROTOCOL_ERROR),
    /** A message that must be one frame goes on after it. */
    TRAILING_BYTES(Code.PROTOCOL_ERROR),
    /** A field ends after the payload. */
    FIELD_TRUNCATED(Code.PROTOCOL_ERROR),
    /** A tag is given twice. */
    FIELD_REPEATED(Code.PROTOCOL_ERROR),
    /** A field's value is of the wrong size. */
    FIELD_SIZE(Code.PROTOCOL_ERROR),
    /** A field's text isn't UTF-8. */
    FIELD_TEXT(Code.PROTOCOL_ERROR),
    /** A field's value is none of those that version 1 defines. */
    FIELD_VALUE(Code.PROTOCOL_ERROR);

    private final Code code;

    Reason(Code code) {
      this.code = code;
    }
  }

  private final Reason reason;

  MalformedFrameException(Reason reason, String message) {
    super(reason + ": " + message);
    this.reason = reason;
  }

  /** The rule that was broken. */
  public Reason reason() {
    return reason;
  }

  /** The code to answer with. */
  public Code code() {
    return reason.code;
  }
}
