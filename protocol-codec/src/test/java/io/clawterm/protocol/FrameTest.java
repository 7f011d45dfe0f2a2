package io.clawterm.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrameTest {
  private static final byte[] HELLO = "hello".getBytes(US_ASCII);

  @Test
  void aFrameTellsWhatItWasMadeOf() {
    Frame frame = Frame.of(0xFFFFFFFE, 7, FrameType.DATA, Flags.EVENT | Flags.MORE, HELLO);

    assertThat(frame.sessionId()).isEqualTo(0xFFFFFFFE);
    assertThat(frame.seq()).isEqualTo(7);
    assertThat(frame.type()).isEqualTo(FrameType.DATA);
    assertThat(frame.flags()).isEqualTo(Flags.EVENT | Flags.MORE);
    assertThat(frame.has(Flags.EVENT)).isTrue();
    assertThat(frame.has(Flags.REPLAY)).isFalse();
    assertThat(frame.payloadLength()).isEqualTo(5);
    assertThat(frame.payload()).isEqualTo(HELLO);
    assertThat(frame.length()).isEqualTo(Frame.OVERHEAD + 5);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, Frame.MAX_PAYLOAD})
  void theOverheadIsAlwaysFifteenBytes(int payloadLength) {
    Frame frame = Frame.of(1, 1, FrameType.DATA, 0, new byte[payloadLength]);

    assertThat(frame.toBytes()).hasSize(15 + payloadLength);
    assertThat(frame.payloadLength()).isEqualTo(payloadLength);
  }

  @Test
  void aPartOfAnArrayCanBeThePayload() {
    assertThat(Frame.of(1, 1, FrameType.DATA, 0, HELLO, 1, 3).payload())
        .isEqualTo("ell".getBytes(US_ASCII));
  }

  @Test
  void aFrameDoesNotChangeWithTheArraysThatWentInOrCameOut() {
    byte[] payload = HELLO.clone();
    Frame frame = Frame.of(1, 1, FrameType.DATA, 0, payload);

    payload[0] = 'j';
    frame.payload()[0] = 'j';
    frame.toBytes()[Frame.HEADER] = 'j';

    assertThat(frame.payload()).isEqualTo(HELLO);
    assertThatThrownBy(() -> frame.payloadBuffer().put(0, (byte) 'j'))
        .isInstanceOf(ReadOnlyBufferException.class);
    assertThatThrownBy(() -> frame.toBuffer().put(0, (byte) 'j'))
        .isInstanceOf(ReadOnlyBufferException.class);
  }

  @Test
  void buffersAndCopiesOfAFrameInsideAChunkShowThatFrameAlone() {
    byte[] chunk = new byte[100];
    int length = Frame.write(chunk, 40, 9, 3, FrameType.DATA, 0, HELLO, 0, HELLO.length);

    Frame frame = Frame.parse(chunk, 40, length, Frame.MAX_PAYLOAD);

    assertThat(frame).isEqualTo(Frame.of(9, 3, FrameType.DATA, 0, HELLO));
    assertThat(frame.payloadBuffer()).isEqualTo(ByteBuffer.wrap(HELLO));
    assertThat(frame.toBuffer()).isEqualTo(ByteBuffer.wrap(frame.toBytes()));
    ByteBuffer target = ByteBuffer.allocate(length);
    frame.writeTo(target);
    assertThat(target.array()).isEqualTo(frame.toBytes());
    byte[] part = new byte[4];
    frame.copyPayload(2, part, 1, 3);
    assertThat(part).isEqualTo(new byte[] {0, 'l', 'l', 'o'});
  }

  @Test
  void whatLiesBesideThePayloadCanNotBeCopiedOut() {
    Frame frame = Frame.of(1, 1, FrameType.DATA, 0, HELLO);

    assertThatThrownBy(() -> frame.copyPayload(2, new byte[9], 0, 4))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aCompactFrameIsEqualAndHoldsNoMoreThanItself() {
    byte[] chunk = new byte[100];
    int length = Frame.write(chunk, 40, 9, 3, FrameType.DATA, 0, HELLO, 0, HELLO.length);
    Frame view = Frame.parse(chunk, 40, length, Frame.MAX_PAYLOAD);

    Frame compact = view.compact();
    chunk[40 + Frame.HEADER] = 'j';

    assertThat(compact.payload()).isEqualTo(HELLO);
    assertThat(view.payload()).isNotEqualTo(HELLO);
    assertThat(compact.compact()).isSameAs(compact);
  }

  @Test
  void writingWithoutRoomWritesNothing() {
    byte[] target = new byte[30];

    assertThatThrownBy(() -> Frame.write(target, 11, 9, 3, FrameType.DATA, 0, HELLO, 0, 5))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(target).containsOnly(0);
    assertThatThrownBy(
            () -> Frame.of(1, 1, FrameType.DATA, 0, HELLO).writeTo(ByteBuffer.allocate(19)))
        .isInstanceOf(BufferOverflowException.class);
  }

  @Test
  void framesAreEqualByTheirBytes() {
    Frame frame = Frame.of(1, 1, FrameType.DATA, 0, HELLO);

    assertThat(frame)
        .isEqualTo(Frame.of(1, 1, FrameType.DATA, 0, HELLO))
        .hasSameHashCodeAs(Frame.of(1, 1, FrameType.DATA, 0, HELLO))
        .isNotEqualTo(Frame.of(1, 2, FrameType.DATA, 0, HELLO));
  }

  @Test
  void theStringOfAFrameHidesItsContent() {
    Frame frame = Frame.of(0x2A, -1, FrameType.DATA, Flags.EVENT, HELLO);

    assertThat(frame).hasToString("DATA session 0000002a seq 4294967295 flags 0x02, 5 bytes");
  }

  @Test
  void aPayloadAboveTheLengthFieldIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Frame.of(1, 1, FrameType.DATA, 0, new byte[65_536]));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Frame.of(1, 1, FrameType.DATA, 0, HELLO, 0, -1));
  }

  @ParameterizedTest
  @ValueSource(ints = {0x20, 0x40, 0x80, 0x100, -1})
  void flagsWithoutAMeaningAreNotSent(int flags) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Frame.of(1, 1, FrameType.DATA, flags, HELLO));
  }

  @ParameterizedTest
  @EnumSource
  void onlyConnectAndDisconnectDoWithoutASession(FrameType type) {
    if (type == FrameType.CONNECT || type == FrameType.DISCONNECT) {
      assertThat(Frame.of(0, 0, type, 0, Fields.none()).sessionId()).isZero();
    } else {
      assertThatIllegalArgumentException().isThrownBy(() -> Frame.of(0, 0, type, 0, Fields.none()));
    }
  }

  @Test
  void aMessageIsExactlyOneFrame() {
    byte[] bytes = Frame.of(1, 1, FrameType.DATA, 0, HELLO).toBytes();

    for (int length = 0; length < bytes.length; length++) {
      int shorter = length;
      assertThatThrownBy(() -> Frame.parse(bytes, 0, shorter, 100))
          .isInstanceOfSatisfying(
              MalformedFrameException.class,
              e -> assertThat(e.reason()).isEqualTo(Reason.TRUNCATED));
    }
    byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
    assertThatThrownBy(() -> Frame.parse(longer, 0, longer.length, 100))
        .isInstanceOfSatisfying(
            MalformedFrameException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.TRAILING_BYTES));
  }

  @Test
  void aMessageAboveTheLimitIsRefused() {
    byte[] bytes = Frame.of(1, 1, FrameType.DATA, 0, HELLO).toBytes();

    assertThat(Frame.parse(bytes, 0, bytes.length, 5).payload()).isEqualTo(HELLO);
    assertThatThrownBy(() -> Frame.parse(bytes, 0, bytes.length, 4))
        .isInstanceOfSatisfying(
            MalformedFrameException.class, e -> assertThat(e.code()).isEqualTo(Code.TOO_LARGE));
  }
}
