package io.clawterm.protocol;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Frames out of a stream that comes in chunks cut anywhere.
 *
 * <p>Use: {@link #feed} a chunk, then take {@link #next} until it is null, then feed again. A frame
 * that lies wholly inside a chunk is a view of the chunk; one that is cut is put together in an
 * array of its own, which is made when its header is complete and within the limit. So a decoder
 * holds at most one chunk and one frame. Not safe for use by several threads at once.
 */
public final class FrameDecoder {
  private static final byte[] NOTHING = new byte[0];

  private int maxPayload;

  private byte[] chunk = NOTHING;
  private int position;
  private int end;

  /** The beginning of a frame that the last chunks didn't finish: its header, then all of it. */
  private final byte[] header = new byte[Frame.HEADER];

  private byte @Nullable [] assembly;
  private int assembled;

  private @Nullable MalformedFrameException failure;

  /**
   * A decoder that refuses payloads above this many bytes, as soon as a header announces one.
   *
   * @param maxPayload 0 to {@link Frame#MAX_PAYLOAD}
   */
  public FrameDecoder(int maxPayload) {
    this.maxPayload = checkedLimit(maxPayload);
  }

  /**
   * Sets the limit for the frames whose header {@link #next} has not seen yet, such as a higher one
   * once the other side is known.
   */
  public void maxPayload(int bytes) {
    maxPayload = checkedLimit(bytes);
  }

  /**
   * Takes a chunk without a copy: the caller must never change these bytes again, because frames
   * are views of them.
   *
   * @throws IllegalStateException where the chunk before isn't used up, that is, {@link #next} has
   *     not been called until it answered null: more than one chunk is never held
   */
  public void feed(byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    failAgain();
    if (position < end) {
      throw new IllegalStateException(
          (end - position) + " bytes of the last chunk have not been taken with next()");
    }
    chunk = bytes;
    position = offset;
    end = offset + length;
  }

  /**
   * The next whole frame, or null where the bytes so far hold no more.
   *
   * @throws MalformedFrameException at the first byte that can't be right; a damaged stream is
   *     never mended by guessing, so each later call throws the same
   */
  public @Nullable Frame next() {
    failAgain();
    try {
      Frame frame = assembled == 0 ? inChunk() : across();
      if (position == end) {
        chunk = NOTHING;
        position = 0;
        end = 0;
      }
      return frame;
    } catch (MalformedFrameException e) {
      failure = e;
      chunk = NOTHING;
      position = 0;
      end = 0;
      assembly = null;
      assembled = 0;
      throw e;
    }
  }

  /** The bytes that were fed and have not been handed out in a frame. */
  public int buffered() {
    return assembled + end - position;
  }

  /** The next frame as a view of the chunk, or null after putting a cut one aside. */
  private @Nullable Frame inChunk() {
    int available = end - position;
    int length = Frame.check(chunk, position, available, maxPayload);
    if (length == Frame.UNKNOWN_LENGTH) {
      take(header, available);
      return null;
    }
    if (length > available) {
      assembly = new byte[length];
      take(assembly, available);
      return null;
    }
    Frame frame = Frame.view(chunk, position, length);
    position += length;
    return frame;
  }

  /** Goes on with a cut frame, or null where the chunk doesn't finish it either. */
  private @Nullable Frame across() {
    byte[] frame = assembly;
    if (frame == null) {
      take(header, Math.min(Frame.HEADER - assembled, end - position));
      int length = Frame.check(header, 0, assembled, maxPayload);
      if (length == Frame.UNKNOWN_LENGTH) {
        return null;
      }
      frame = Arrays.copyOf(header, length);
      assembly = frame;
    }
    take(frame, Math.min(frame.length - assembled, end - position));
    if (assembled < frame.length) {
      return null;
    }
    assembly = null;
    assembled = 0;
    return Frame.view(frame, 0, frame.length);
  }

  private void take(byte[] target, int count) {
    System.arraycopy(chunk, position, target, assembled, count);
    assembled += count;
    position += count;
  }

  private void failAgain() {
    if (failure != null) {
      throw failure;
    }
  }

  private static int checkedLimit(int bytes) {
    if (bytes < 0 || bytes > Frame.MAX_PAYLOAD) {
      throw new IllegalArgumentException(
          "maxPayload must be 0 to " + Frame.MAX_PAYLOAD + ", is " + bytes);
    }
    return bytes;
  }
}
