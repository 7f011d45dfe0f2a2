package io.clawterm.protocol;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * One frame, immutable: a view of its own wire bytes (section "The frame").
 *
 * <p>A frame that a {@link FrameDecoder} found whole inside a chunk shares the chunk's array; who
 * keeps frames for long calls {@link #compact()}, so that twenty bytes don't hold on to a chunk.
 */
public final class Frame {
  /** The bytes that a frame is longer than its payload. */
  public static final int OVERHEAD = 15;

  /** The bytes before the payload. */
  public static final int HEADER = 13;

  /** The longest payload, in bytes. */
  public static final int MAX_PAYLOAD = 65_535;

  /** The first byte of each frame. */
  public static final byte FLAG = 0x7E;

  /** What {@link #check} answers as long as it can't tell the length. */
  static final int UNKNOWN_LENGTH = -1;

  private static final int SESSION_AT = 1;
  private static final int SEQ_AT = 5;
  private static final int TYPE_AT = 9;
  private static final int FLAGS_AT = 10;
  private static final int LENGTH_AT = 11;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);

  private final byte[] wire;
  private final int at;
  private final int length;
  private final FrameType type;

  private Frame(byte[] wire, int at, int length, FrameType type) {
    this.wire = wire;
    this.at = at;
    this.length = length;
    this.type = type;
  }

  /** A frame with a copy of this payload. */
  public static Frame of(int sessionId, int seq, FrameType type, int flags, byte[] payload) {
    return of(sessionId, seq, type, flags, payload, 0, payload.length);
  }

  /**
   * A frame with a copy of a part of this array as its payload.
   *
   * @param sessionId unsigned; 0 only in CONNECT and DISCONNECT
   * @param seq the low 32 bits of the number
   * @param flags bits of {@link Flags}
   */
  public static Frame of(
      int sessionId,
      int seq,
      FrameType type,
      int flags,
      byte[] payload,
      int offset,
      int payloadLength) {
    byte[] wire = new byte[OVERHEAD + checkedPayloadLength(payloadLength)];
    write(wire, 0, sessionId, seq, type, flags, payload, offset, payloadLength);
    return new Frame(wire, 0, wire.length, type);
  }

  /** A frame whose payload is these fields. */
  public static Frame of(int sessionId, int seq, FrameType type, int flags, Fields fields) {
    return of(sessionId, seq, type, flags, fields.toBytes());
  }

  /**
   * Encodes a frame straight into an array and answers with the number of bytes written, {@link
   * #OVERHEAD} more than {@code payloadLength}. For a sender that fills one buffer with many
   * frames.
   *
   * @throws IndexOutOfBoundsException where the array has no room for it; nothing is written then
   */
  public static int write(
      byte[] target,
      int at,
      int sessionId,
      int seq,
      FrameType type,
      int flags,
      byte[] payload,
      int offset,
      int payloadLength) {
    int length = OVERHEAD + checkedPayloadLength(payloadLength);
    Objects.checkFromIndexSize(at, length, target.length);
    Objects.checkFromIndexSize(offset, payloadLength, payload.length);
    if ((flags & ~Flags.KNOWN) != 0) {
      throw new IllegalArgumentException("flags must be bits of Flags, are " + flags);
    }
    if (sessionId == 0 && !type.worksWithoutSession()) {
      throw new IllegalArgumentException(type + " needs a session id other than 0");
    }
    target[at] = FLAG;
    INT.set(target, at + SESSION_AT, sessionId);
    INT.set(target, at + SEQ_AT, seq);
    target[at + TYPE_AT] = (byte) type.code();
    target[at + FLAGS_AT] = (byte) flags;
    SHORT.set(target, at + LENGTH_AT, (short) payloadLength);
    System.arraycopy(payload, offset, target, at + HEADER, payloadLength);
    int checksumAt = HEADER + payloadLength;
    SHORT.set(target, at + checksumAt, (short) Crc16.of(target, at, checksumAt));
    return length;
  }

  /**
   * Reads a message that must be exactly one frame, as a WebSocket message is. The frame is a view
   * of the array, which must not change any more.
   *
   * @param maxPayload the longest payload to take, in bytes
   * @throws MalformedFrameException for anything but one whole frame
   */
  public static Frame parse(byte[] message, int offset, int messageLength, int maxPayload) {
    Objects.checkFromIndexSize(offset, messageLength, message.length);
    int length = check(message, offset, messageLength, maxPayload);
    if (length == UNKNOWN_LENGTH || length > messageLength) {
      throw new MalformedFrameException(Reason.TRUNCATED, messageLength + " bytes");
    }
    if (length < messageLength) {
      throw new MalformedFrameException(
          Reason.TRAILING_BYTES, (messageLength - length) + " bytes left");
    }
    return view(message, offset, length);
  }

  /**
   * Refuses what can be refused by looking at the first bytes of a frame, and answers with its
   * whole length or {@link #UNKNOWN_LENGTH} while the header isn't complete. Each check is made as
   * soon as its bytes are there and in an order that doesn't depend on how many came at once, so
   * that the same stream is refused for the same reason wherever it was cut.
   */
  static int check(byte[] bytes, int at, int available, int maxPayload) {
    if (available == 0) {
      return UNKNOWN_LENGTH;
    }
    if (bytes[at] != FLAG) {
      throw new MalformedFrameException(
          Reason.NO_FLAG, "a frame begins with 0x7E, not with " + hex(bytes[at]));
    }
    if (available <= TYPE_AT) {
      return UNKNOWN_LENGTH;
    }
    FrameType type = FrameType.of(bytes[at + TYPE_AT] & 0xFF);
    if (type == null) {
      throw new MalformedFrameException(
          Reason.UNKNOWN_TYPE, "no type has the value " + hex(bytes[at + TYPE_AT]));
    }
    if ((int) INT.get(bytes, at + SESSION_AT) == 0 && !type.worksWithoutSession()) {
      throw new MalformedFrameException(Reason.NO_SESSION, type + " with session id 0");
    }
    if (available < HEADER) {
      return UNKNOWN_LENGTH;
    }
    int payloadLength = (short) SHORT.get(bytes, at + LENGTH_AT) & 0xFFFF;
    if (payloadLength > maxPayload) {
      throw new MalformedFrameException(
          type == FrameType.DATA ? Reason.DATA_TOO_LONG : Reason.FIELDS_TOO_LONG,
          type + " with " + payloadLength + " bytes, the limit is " + maxPayload);
    }
    return OVERHEAD + payloadLength;
  }

  /** A view of a whole frame whose header {@link #check} has passed; here the checksum follows. */
  static Frame view(byte[] bytes, int at, int length) {
    int checksumAt = length - Short.BYTES;
    int computed = Crc16.of(bytes, at, checksumAt);
    int received = (short) SHORT.get(bytes, at + checksumAt) & 0xFFFF;
    if (computed != received) {
      throw new MalformedFrameException(
          Reason.BAD_CHECKSUM, "a frame of " + length + " bytes was damaged on its way");
    }
    FrameType type = FrameType.of(bytes[at + TYPE_AT] & 0xFF);
    return new Frame(bytes, at, length, Objects.requireNonNull(type, "check found a type"));
  }

  /** The virtual circuit, unsigned. */
  public int sessionId() {
    return (int) INT.get(wire, at + SESSION_AT);
  }

  /** DATA: the low 32 bits of its number. Any other type: those of the highest number received. */
  public int seq() {
    return (int) INT.get(wire, at + SEQ_AT);
  }

  /** What the frame is for. */
  public FrameType type() {
    return type;
  }

  /** The bits of {@link Flags}; bits without a meaning are left out. */
  public int flags() {
    return wire[at + FLAGS_AT] & Flags.KNOWN;
  }

  /** Whether this flag, one of {@link Flags}, is set. */
  public boolean has(int flag) {
    return (flags() & flag) != 0;
  }

  /** The bytes of the payload. */
  public int payloadLength() {
    return length - OVERHEAD;
  }

  /** A copy of the payload. */
  public byte[] payload() {
    return Arrays.copyOfRange(wire, at + HEADER, at + HEADER + payloadLength());
  }

  /** The payload, read-only and without a copy. */
  public ByteBuffer payloadBuffer() {
    return ByteBuffer.wrap(wire, at + HEADER, payloadLength()).slice().asReadOnlyBuffer();
  }

  /** Copies a part of the payload, from its byte {@code from} on, to another array. */
  public void copyPayload(int from, byte[] to, int targetAt, int count) {
    Objects.checkFromIndexSize(from, count, payloadLength());
    System.arraycopy(wire, at + HEADER + from, to, targetAt, count);
  }

  /** The bytes of the whole frame on the wire. */
  public int length() {
    return length;
  }

  /** A copy of the wire bytes. */
  public byte[] toBytes() {
    return Arrays.copyOfRange(wire, at, at + length);
  }

  /** The wire bytes, read-only and without a copy. */
  public ByteBuffer toBuffer() {
    return ByteBuffer.wrap(wire, at, length).slice().asReadOnlyBuffer();
  }

  /**
   * Puts the wire bytes into a buffer.
   *
   * @throws java.nio.BufferOverflowException where it has no room for them; nothing is written then
   */
  public void writeTo(ByteBuffer target) {
    target.put(wire, at, length);
  }

  /** This frame with an array of its own, of just its length; itself where it has one already. */
  public Frame compact() {
    return wire.length == length ? this : new Frame(toBytes(), 0, length, type);
  }

  /**
   * The payload read as fields.
   *
   * @throws MalformedFrameException where it isn't a list of fields
   */
  public Fields fields() {
    return Fields.parse(wire, at + HEADER, payloadLength());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Frame that
        && Arrays.equals(wire, at, at + length, that.wire, that.at, that.at + that.length);
  }

  @Override
  public int hashCode() {
    // The checksum covers every byte; session and number spread frames that share one.
    return 31 * (31 * sessionId() + seq()) + (short) SHORT.get(wire, at + length - Short.BYTES);
  }

  /** The header for people; never content. */
  @Override
  public String toString() {
    return "%s session %08x seq %d flags 0x%02x, %d bytes"
        .formatted(type, sessionId(), Integer.toUnsignedLong(seq()), flags(), payloadLength());
  }

  private static int checkedPayloadLength(int payloadLength) {
    if (payloadLength < 0 || payloadLength > MAX_PAYLOAD) {
      throw new IllegalArgumentException(
          "a payload has 0 to " + MAX_PAYLOAD + " bytes, not " + payloadLength);
    }
    return payloadLength;
  }

  private static String hex(byte value) {
    return "0x%02x".formatted(value);
  }
}
