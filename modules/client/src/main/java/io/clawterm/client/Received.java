package io.clawterm.client;

import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import java.nio.charset.StandardCharsets;

/** Output of a session, in order, each number once. */
public sealed interface Received {

  /**
   * One DATA frame. Text in it is untrusted: strip control characters before showing it.
   *
   * @param number its number in the session, the same on all devices
   */
  record Entry(long number, Frame frame) implements Received {

    /** A copy of the bytes. */
    public byte[] bytes() {
      return frame.payload();
    }

    /** The bytes as UTF-8; where {@link #structured()}, a JSON object. */
    public String text() {
      return StandardCharsets.UTF_8.decode(frame.payloadBuffer()).toString();
    }

    /** Whether this is a JSON object with a {@code type}. */
    public boolean structured() {
      return frame.has(Flags.EVENT);
    }

    /** Whether it goes on in the next number. */
    public boolean more() {
      return frame.has(Flags.MORE);
    }

    /** Whether it was missed while this device was away. */
    public boolean replay() {
      return frame.has(Flags.REPLAY);
    }
  }

  /** Entries that this device will not get: retention has removed them, or it joined after them. */
  record Gap(long firstMissing, long lastMissing) implements Received {}
}
