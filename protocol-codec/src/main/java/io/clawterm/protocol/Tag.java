package io.clawterm.protocol;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The fields of version 1, each with the rule that its value keeps (section "Fields"). */
enum Tag {
  VERSION(0x01, Kind.BYTES, 1),
  TARGET(0x02, Kind.TEXT, Frame.MAX_PAYLOAD),
  CREDENTIAL(0x03, Kind.TEXT, Frame.MAX_PAYLOAD),
  DEVICE(0x04, Kind.TEXT, 64),
  RESUME_TOKEN(0x05, Kind.BYTES, 32),
  LAST_SEQ(0x06, Kind.BYTES, 8),
  FIRST_SEQ(0x07, Kind.BYTES, 8),
  HEAD_SEQ(0x08, Kind.BYTES, 8),
  KEEPALIVE_MS(0x09, Kind.BYTES, 4),
  MODE(0x0A, Kind.BYTES, 1) {
    @Override
    boolean allows(byte[] value) {
      return Mode.of(value[0]) != null;
    }
  },
  WINDOW(0x0B, Kind.BYTES, 4),
  CODE(0x0C, Kind.BYTES, 2),
  TEXT(0x0D, Kind.TEXT, Frame.MAX_PAYLOAD),
  RETRY_AFTER_MS(0x0E, Kind.BYTES, 4),
  TERMINAL_SIZE(0x0F, Kind.BYTES, 4),
  SESSION_KEY(0x10, Kind.TEXT, Frame.MAX_PAYLOAD),
  ADDRESS(0x11, Kind.TEXT, Frame.MAX_PAYLOAD),
  NONCE(0x12, Kind.BYTES, 16),
  EXPIRY_S(0x13, Kind.BYTES, 4),
  EVENTS(0x14, Kind.BYTES, 1) {
    @Override
    boolean allows(byte[] value) {
      return value[0] == 0 || value[0] == 1;
    }
  };

  /** Whether {@link #size} is the exact size or, for UTF-8, the largest one. */
  private enum Kind {
    BYTES,
    TEXT
  }

  private static final Tag[] BY_CODE = values();

  private final int code;
  private final Kind kind;
  private final int size;

  Tag(int code, Kind kind, int size) {
    this.code = code;
    this.kind = kind;
    this.size = size;
  }

  int code() {
    return code;
  }

  /** The size in bytes: the exact one, or the largest for a text. */
  int size() {
    return size;
  }

  /** The tag with this value on the wire, or null where this version knows none. */
  static @Nullable Tag of(int code) {
    // The codes count 1, 2, 3 and so on, as the declarations do.
    return code >= 1 && code <= BY_CODE.length ? BY_CODE[code - 1] : null;
  }

  /** Whether a value of this size may stand here, which is known before its bytes are. */
  boolean fits(int length) {
    return switch (kind) {
      case BYTES -> length == size;
      case TEXT -> length <= size;
    };
  }

  /** The rule that this value breaks, or null where it is a good one. */
  @Nullable Reason problem(byte[] value) {
    if (!fits(value.length)) {
      return Reason.FIELD_SIZE;
    }
    if (kind == Kind.TEXT && !isUtf8(value)) {
      return Reason.FIELD_TEXT;
    }
    return allows(value) ? null : Reason.FIELD_VALUE;
  }

  /** Whether a value of the right size is one of those that are defined. */
  boolean allows(byte[] value) {
    return true;
  }

  private static boolean isUtf8(byte[] value) {
    try {
      // A new decoder reports what is malformed; a new String would put U+FFFD in its place.
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }
}
