package io.clawterm.protocol;

/** The bits of a frame's FLAGS byte. */
public final class Flags {
  /** The entry goes on in the next DATA frame. */
  public static final int MORE = 0x01;

  /** The entry is one JSON object in UTF-8; without it the entry is plain terminal bytes. */
  public static final int EVENT = 0x02;

  /** The frame was sent because of a RESUME. */
  public static final int REPLAY = 0x04;

  /** The receiver answers with a KEEPALIVE at once. */
  public static final int ACK_NOW = 0x08;

  /** The payload carries an error code and text. */
  public static final int ERROR = 0x10;

  /** Every bit that has a meaning; the others are zero when sent and ignored when received. */
  static final int KNOWN = MORE | EVENT | REPLAY | ACK_NOW | ERROR;

  private Flags() {}
}
