package io.clawterm.protocol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Any frame, any fields, any bytes: the generators of the property tests. */
final class Arbitrary {
  private static final int[] SIZES = {0, 1, 2, 3, 7, 8, 15, 16, 17, 100, 255, 256, 1000};

  private Arbitrary() {}

  static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  static <T> T one(Random random, T[] choices) {
    return choices[random.nextInt(choices.length)];
  }

  static Frame frame(Random random) {
    FrameType type = one(random, FrameType.values());
    int flags = random.nextInt(Flags.KNOWN + 1);
    int session = type.worksWithoutSession() && random.nextBoolean() ? 0 : random.nextInt() | 1;
    return type == FrameType.DATA
        ? Frame.of(session, random.nextInt(), type, flags, payload(random))
        : Frame.of(session, random.nextInt(), type, flags, fields(random));
  }

  static List<Frame> frames(Random random, int count) {
    List<Frame> frames = new ArrayList<>();
    for (int index = 0; index < count; index++) {
      frames.add(frame(random));
    }
    return frames;
  }

  static byte[] payload(Random random) {
    if (random.nextInt(20) == 0) {
      return bytes(random, Frame.MAX_PAYLOAD - random.nextInt(3));
    }
    byte[] payload = bytes(random, SIZES[random.nextInt(SIZES.length)]);
    if (random.nextInt(4) == 0) {
      // Bytes that look like the start of a frame.
      Arrays.fill(payload, Frame.FLAG);
    }
    return payload;
  }

  static Fields fields(Random random) {
    Fields.Builder builder = Fields.builder();
    for (Tag tag : Tag.values()) {
      if (random.nextInt(3) == 0) {
        set(builder, tag, random);
      }
    }
    return builder.build();
  }

  static void set(Fields.Builder builder, Tag tag, Random random) {
    switch (tag) {
      case VERSION -> builder.version(random.nextInt(256));
      case TARGET -> builder.target(text(random, 200));
      case CREDENTIAL -> builder.credential(text(random, 200));
      case DEVICE -> builder.device(text(random, 16));
      case RESUME_TOKEN -> builder.resumeToken(bytes(random, 32));
      case LAST_SEQ -> builder.lastSeq(random.nextLong());
      case FIRST_SEQ -> builder.firstSeq(random.nextLong());
      case HEAD_SEQ -> builder.headSeq(random.nextLong());
      case KEEPALIVE_MS -> builder.keepaliveMs(unsignedInt(random));
      case MODE -> builder.mode(one(random, Mode.values()));
      case WINDOW -> builder.window(unsignedInt(random));
      case CODE -> builder.code(one(random, Code.values()));
      case TEXT -> builder.text(text(random, 200));
      case RETRY_AFTER_MS -> builder.retryAfterMs(unsignedInt(random));
      case TERMINAL_SIZE -> builder.terminalSize(random.nextInt(65536), random.nextInt(65536));
      case SESSION_KEY -> builder.sessionKey(text(random, 200));
      case ADDRESS -> builder.address(text(random, 200));
      case NONCE -> builder.nonce(bytes(random, 16));
      case EXPIRY_S -> builder.expirySeconds(unsignedInt(random));
      case EVENTS -> builder.events(random.nextBoolean());
    }
  }

  /** Text of code points from one to four bytes, at most this many of them. */
  static String text(Random random, int maxCodePoints) {
    int[] ends = {0x80, 0x800, 0xD800, Character.MAX_CODE_POINT + 1};
    StringBuilder text = new StringBuilder();
    for (int left = random.nextInt(maxCodePoints + 1); left > 0; left--) {
      int codePoint = random.nextInt(ends[random.nextInt(ends.length)]);
      boolean surrogate = codePoint >= 0xD800 && codePoint < 0xE000;
      text.appendCodePoint(surrogate ? 'x' : codePoint);
    }
    return text.toString();
  }

  private static long unsignedInt(Random random) {
    return Integer.toUnsignedLong(random.nextInt());
  }
}
