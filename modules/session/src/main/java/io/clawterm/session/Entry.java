package io.clawterm.session;

import io.clawterm.protocol.Frame;

/**
 * One record of the log without its number: one DATA frame on every device.
 *
 * @param kind how {@code body} is read
 * @param body for BYTES terminal bytes, for TEXT the text, for EVENT a JSON object; each fits one
 *     frame in every form that it is shown in
 * @param plain what a device without structured entries is shown of an EVENT; empty for the others,
 *     which it is shown as they are
 * @param more the entry goes on in the next record (BYTES only)
 */
public record Entry(Kind kind, Bytes body, Bytes plain, boolean more) {

  /** How the body of an entry is read. */
  public enum Kind {
    /** Terminal bytes, the same on every device. */
    BYTES,
    /** A delta of assistant text; a structured device gets it as an object of type {@code text}. */
    TEXT,
    /** A JSON object with a {@code type}. */
    EVENT
  }

  public Entry {
    // What does not fit a frame would break each device that ever replays it.
    if (body.length() > Frame.MAX_PAYLOAD || plain.length() > Frame.MAX_PAYLOAD) {
      throw new IllegalArgumentException(
          "an entry fits one frame of "
              + Frame.MAX_PAYLOAD
              + " bytes, this one has "
              + Math.max(body.length(), plain.length()));
    }
  }

  /** Terminal bytes; {@code more} when the entry goes on in the next record. */
  public static Entry bytes(Bytes body, boolean more) {
    return new Entry(Kind.BYTES, body, Bytes.EMPTY, more);
  }

  /** A delta of assistant text, at most {@link Entries#MAX_TEXT_CHARS} long. */
  public static Entry text(String delta) {
    if (delta.length() > Entries.MAX_TEXT_CHARS) {
      throw new IllegalArgumentException(
          "a delta has at most "
              + Entries.MAX_TEXT_CHARS
              + " characters, this one has "
              + delta.length());
    }
    return new Entry(Kind.TEXT, Bytes.of(delta), Bytes.EMPTY, false);
  }

  /** A structured object, and what it looks like as text (often nothing). */
  public static Entry event(String json, String plain) {
    return new Entry(Kind.EVENT, Bytes.of(json), Bytes.of(plain), false);
  }

  /** The bytes that this entry holds in memory and on the way to a device. */
  public int size() {
    return body.length() + plain.length() + 32;
  }
}
