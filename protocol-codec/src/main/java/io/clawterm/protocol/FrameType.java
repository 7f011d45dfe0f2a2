package io.clawterm.protocol;

import org.jspecify.annotations.Nullable;

/** What a frame is for: the byte TYPE. */
public enum FrameType {
  /** Client to server: opens a session, or joins one by its key. */
  CONNECT(0x01),
  /** Server to client: the session is open. */
  ACCEPT(0x02),
  /** Client to server: goes on with a session that this device had before. */
  RESUME(0x03),
  /** Server to client: the session goes on; the missed DATA frames follow. */
  RESUMED(0x04),
  /** Both ways: bytes of input or output; the only type whose SEQ is its own number. */
  DATA(0x10),
  /** Both ways: a sign of life and an acknowledgement. */
  KEEPALIVE(0x20),
  /** Client to server: lets go of a session that stays warm. */
  SUSPEND(0x30),
  /** Both ways: the end, with a reason. */
  DISCONNECT(0x40);

  private static final @Nullable FrameType[] BY_CODE = new @Nullable FrameType[DISCONNECT.code + 1];

  static {
    for (FrameType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;

  FrameType(int code) {
    this.code = code;
  }

  /** The value on the wire. */
  public int code() {
    return code;
  }

  /** The type with this value on the wire, or null where there is none. */
  public static @Nullable FrameType of(int code) {
    return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
  }

  /**
   * Whether a frame of this type may carry the session id 0: before there is a session, and in a
   * DISCONNECT that answers a connection which never got one.
   */
  boolean worksWithoutSession() {
    return this == CONNECT || this == DISCONNECT;
  }
}
