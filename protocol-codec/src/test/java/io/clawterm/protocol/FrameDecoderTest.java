package io.clawterm.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameDecoderTest {
  private static final Frame DATA = Frame.of(5, 1, FrameType.DATA, 0, "hello".getBytes(US_ASCII));

  @Test
  void aDecoderWithoutBytesHasNoFrame() {
    var decoder = new FrameDecoder(100);

    assertThat(decoder.next()).isNull();
    decoder.feed(new byte[3], 1, 0);
    assertThat(decoder.next()).isNull();
    assertThat(decoder.buffered()).isZero();
  }

  @Test
  void framesOfOneChunkComeOneByOne() {
    var decoder = new FrameDecoder(100);
    Frame second = Frame.of(5, 1, FrameType.KEEPALIVE, 0, Fields.none());
    byte[] bytes = Streams.join(List.of(DATA, second));

    decoder.feed(bytes, 0, bytes.length);

    assertThat(decoder.next()).isEqualTo(DATA);
    assertThat(decoder.buffered()).isEqualTo(15);
    assertThat(decoder.next()).isEqualTo(second);
    assertThat(decoder.next()).isNull();
  }

  @Test
  void aFrameInsideAChunkIsAViewAndACutOneIsNot() {
    byte[] bytes = DATA.toBytes();
    var decoder = new FrameDecoder(100);
    List<Frame> frames = new ArrayList<>(Streams.feed(decoder, bytes, 0, bytes.length));
    frames.addAll(Streams.feed(decoder, bytes, 0, 15));
    frames.addAll(Streams.feed(decoder, bytes, 15, bytes.length - 15));

    bytes[Frame.HEADER] = 'j';

    assertThat(frames).hasSize(2);
    assertThat(frames.get(0).payload()).isEqualTo("jello".getBytes(US_ASCII));
    assertThat(frames.get(1)).isEqualTo(DATA);
  }

  @Test
  void theNextChunkIsRefusedWhileThisOneIsNotUsedUp() {
    var decoder = new FrameDecoder(100);
    byte[] bytes = DATA.toBytes();
    decoder.feed(bytes, 0, bytes.length);

    assertThatIllegalStateException().isThrownBy(() -> decoder.feed(bytes, 0, bytes.length));
    assertThat(decoder.next()).isEqualTo(DATA);
    assertThat(decoder.next()).isNull();
    assertThat(Streams.feed(decoder, bytes, 0, bytes.length)).containsExactly(DATA);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 4096})
  void aPayloadOfJustTheLimitIsTaken(int limit) {
    var decoder = new FrameDecoder(limit);
    byte[] bytes = Frame.of(5, 1, FrameType.DATA, 0, new byte[limit]).toBytes();

    assertThat(Streams.feed(decoder, bytes, 0, bytes.length)).hasSize(1);
  }

  @Test
  void aPayloadAboveTheLimitIsRefusedWithTheHeaderAlone() {
    byte[] data = Frame.of(5, 1, FrameType.DATA, 0, new byte[4097]).toBytes();
    byte[] connect = data.clone();
    connect[9] = (byte) FrameType.CONNECT.code();

    assertThat(refusal(4096, data, Frame.HEADER).reason()).isEqualTo(Reason.DATA_TOO_LONG);
    assertThat(refusal(4096, data, Frame.HEADER).code()).isEqualTo(Code.TOO_LARGE);
    assertThat(refusal(4096, connect, Frame.HEADER).code()).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void theLimitCanBeRaisedBetweenTwoFramesOfOneChunk() {
    var decoder = new FrameDecoder(10);
    Frame first = Frame.of(0, 0, FrameType.CONNECT, 0, Fields.none());
    Frame second = Frame.of(5, 1, FrameType.DATA, 0, new byte[11]);
    byte[] bytes = Streams.join(List.of(first, second));
    decoder.feed(bytes, 0, bytes.length);
    assertThat(decoder.next()).isEqualTo(first);

    decoder.maxPayload(11);

    assertThat(decoder.next()).isEqualTo(second);
  }

  @Test
  void theFirstByteIsEnoughToRefuseAStranger() {
    MalformedFrameException refusal = refusal(100, "GET / HTTP/1.1".getBytes(US_ASCII), 1);

    assertThat(refusal.reason()).isEqualTo(Reason.NO_FLAG);
    assertThat(refusal.code()).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void anUnknownTypeIsRefusedBeforeItsLengthHasCome() {
    byte[] bytes = DATA.toBytes();
    bytes[9] = 0x11;

    assertThat(refusal(100, bytes, 10).reason()).isEqualTo(Reason.UNKNOWN_TYPE);
  }

  @Test
  void aDamagedFrameIsRefusedAndWhatFollowsIsNot() {
    byte[] bytes = Streams.join(List.of(DATA, DATA, DATA));
    bytes[DATA.length() + Frame.HEADER] ^= 1;
    var decoder = new FrameDecoder(100);
    decoder.feed(bytes, 0, bytes.length);
    assertThat(decoder.next()).isEqualTo(DATA);

    var refusal = catchThrowableOfType(MalformedFrameException.class, decoder::next);

    assertThat(refusal.reason()).isEqualTo(Reason.BAD_CHECKSUM);
    assertThat(refusal.code()).isEqualTo(Code.BAD_CHECKSUM);
    assertThat(decoder.buffered()).isZero();
    assertThatThrownBy(decoder::next).isSameAs(refusal);
    assertThatThrownBy(() -> decoder.feed(bytes, 0, 1)).isSameAs(refusal);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 65_536})
  void aLimitThatNoFrameCanReachIsRefused(int limit) {
    assertThatIllegalArgumentException().isThrownBy(() -> new FrameDecoder(limit));
    assertThatIllegalArgumentException().isThrownBy(() -> new FrameDecoder(1).maxPayload(limit));
  }

  private static MalformedFrameException refusal(int limit, byte[] bytes, int length) {
    var decoder = new FrameDecoder(limit);
    decoder.feed(bytes, 0, length);
    return catchThrowableOfType(MalformedFrameException.class, decoder::next);
  }
}
