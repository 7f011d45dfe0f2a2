package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.MalformedFrameException.Reason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FrameDecoderPropertyTest {

  @Test
  void whatIsEncodedIsDecoded() {
    Seeded.times(
        200,
        random -> {
          List<Frame> frames = Arbitrary.frames(random, 20);

          assertThat(inRandomChunks(random, Streams.join(frames))).isEqualTo(frames);
        });
  }

  @Test
  void aCutAnywhereChangesNothing() {
    Seeded.times(
        10,
        random -> {
          List<Frame> frames = small(random, 4);
          byte[] bytes = Streams.join(frames);
          for (int cut = 0; cut <= bytes.length; cut++) {
            var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
            List<Frame> decoded = new ArrayList<>(Streams.feed(decoder, bytes, 0, cut));
            decoded.addAll(Streams.feed(decoder, bytes, cut, bytes.length - cut));
            assertThat(decoded).isEqualTo(frames);
          }
        });
  }

  @Test
  void twoCutsAnywhereInOneFrameChangeNothing() {
    Seeded.times(
        3,
        random -> {
          Frame frame = Frame.of(1, 2, FrameType.DATA, 0, Arbitrary.bytes(random, 30));
          byte[] bytes = frame.toBytes();
          for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
              var decoder = new FrameDecoder(30);
              List<Frame> decoded = new ArrayList<>(Streams.feed(decoder, bytes, 0, first));
              decoded.addAll(Streams.feed(decoder, bytes, first, second - first));
              decoded.addAll(Streams.feed(decoder, bytes, second, bytes.length - second));
              assertThat(decoded).containsExactly(frame);
            }
          }
        });
  }

  @Test
  void aPrefixGivesTheFramesThatItHoldsAndWaitsForTheRest() {
    Seeded.times(
        10,
        random -> {
          List<Frame> frames = small(random, 3);
          byte[] bytes = Streams.join(frames);
          for (int length = 0; length <= bytes.length; length++) {
            var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
            List<Frame> decoded = Streams.feed(decoder, bytes, 0, length);
            int whole = decoded.stream().mapToInt(Frame::length).sum();
            assertThat(decoded).isEqualTo(frames.subList(0, decoded.size()));
            assertThat(decoder.buffered()).isEqualTo(length - whole);
            if (decoded.size() < frames.size()) {
              assertThat(decoder.buffered()).isLessThan(frames.get(decoded.size()).length());
            }
          }
        });
  }

  @Test
  void byteByByteChangesNothing() {
    Seeded.times(
        20,
        random -> {
          List<Frame> frames = Arbitrary.frames(random, 10);
          byte[] bytes = Streams.join(frames);
          var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
          List<Frame> decoded = new ArrayList<>();
          for (int at = 0; at < bytes.length; at++) {
            decoded.addAll(Streams.feed(decoder, bytes, at, 1));
          }
          assertThat(decoded).isEqualTo(frames);
        });
  }

  @Test
  void noFlippedBitGetsThrough() {
    Seeded.times(
        20,
        random -> {
          byte[] bytes = small(random, 1).get(0).toBytes();
          for (int bit = 0; bit < bytes.length * 8; bit++) {
            byte[] damaged = bytes.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            // A longer LEN makes the decoder wait; the zeros that follow must not save the frame.
            byte[] stream = Arrays.copyOf(damaged, damaged.length + Frame.MAX_PAYLOAD);
            Outcome outcome = decode(random, stream, Frame.MAX_PAYLOAD);
            assertThat(outcome.refusal).as("bit %d", bit).isNotNull();
            if (!shortens(bytes, damaged)) {
              assertThat(outcome.frames).as("bit %d", bit).isEmpty();
            }
          }
        });
  }

  @Test
  void aDamagedStreamGivesTheFramesBeforeTheDamageAndNoneAfterIt() {
    Seeded.times(
        200,
        random -> {
          List<Frame> frames = Arbitrary.frames(random, 6);
          byte[] bytes = Streams.join(frames);
          int victim = random.nextInt(frames.size());
          int start = frames.subList(0, victim).stream().mapToInt(Frame::length).sum();
          int bit = bitOutsideOfLength(random, frames.get(victim).length());
          bytes[start + bit / 8] ^= (byte) (1 << bit % 8);

          Outcome outcome = decode(random, bytes, Frame.MAX_PAYLOAD);

          assertThat(outcome.frames).isEqualTo(frames.subList(0, victim));
          assertThat(outcome.refusal).isNotNull();
        });
  }

  @Test
  void anyBytesGiveFramesOrARefusalWhereverTheyAreCut() {
    Seeded.times(
        2000,
        random -> {
          byte[] bytes = likely(random);
          int limit = random.nextInt(300);

          Outcome one = decode(random, bytes, limit);
          Outcome other = decode(random, bytes, limit);

          assertThat(other.frames).isEqualTo(one.frames);
          assertThat(other.reason()).isEqualTo(one.reason());
        });
  }

  @Test
  void noMoreIsHeldThanOneFrameOfTheLimit() {
    Seeded.times(
        200,
        random -> {
          int limit = random.nextInt(1000);
          byte[] bytes =
              random.nextBoolean() ? likely(random) : Streams.join(Arbitrary.frames(random, 5));
          var decoder = new FrameDecoder(limit);
          try {
            for (int at = 0; at < bytes.length; ) {
              int length = Math.min(1 + random.nextInt(50), bytes.length - at);
              Streams.feed(decoder, bytes, at, length);
              at += length;
              assertThat(decoder.buffered()).isLessThan(limit + Frame.OVERHEAD);
            }
          } catch (MalformedFrameException e) {
            assertThat(decoder.buffered()).isZero();
          }
        });
  }

  /**
   * Whether the damage made LEN smaller. Then other bytes stand where the checksum is looked for,
   * which fit by chance once in 65,536 times; every other single bit is found for certain.
   */
  private static boolean shortens(byte[] sound, byte[] damaged) {
    return lengthOf(damaged) < lengthOf(sound);
  }

  private static int lengthOf(byte[] frame) {
    return (frame[11] & 0xFF) << 8 | (frame[12] & 0xFF);
  }

  private static int bitOutsideOfLength(Random random, int frameLength) {
    int bit = random.nextInt(frameLength * 8 - 16);
    return bit < 11 * 8 ? bit : bit + 16;
  }

  /** Random bytes, half of them with a header that can be right, so that they get further. */
  private static byte[] likely(Random random) {
    byte[] bytes = Arbitrary.bytes(random, random.nextInt(400));
    if (bytes.length >= Frame.HEADER && random.nextBoolean()) {
      bytes[0] = Frame.FLAG;
      bytes[9] = (byte) Arbitrary.one(random, FrameType.values()).code();
      bytes[11] = (byte) random.nextInt(2);
      int end = Frame.HEADER + lengthOf(bytes);
      if (end + 2 <= bytes.length && random.nextBoolean()) {
        int crc = Crc16.of(bytes, 0, end);
        bytes[end] = (byte) (crc >>> 8);
        bytes[end + 1] = (byte) crc;
      }
    }
    return bytes;
  }

  private static List<Frame> small(Random random, int count) {
    return random
        .ints(count, 0, 40)
        .mapToObj(size ->
            Frame.of(
                random.nextInt() | 1,
                random.nextInt(),
                FrameType.DATA,
                random.nextInt(32),
                Arbitrary.bytes(random, size)))
        .toList();
  }

  private static List<Frame> inRandomChunks(Random random, byte[] bytes) {
    Outcome outcome = decode(random, bytes, Frame.MAX_PAYLOAD);
    assertThat(outcome.refusal).isNull();
    return outcome.frames;
  }

  private static Outcome decode(Random random, byte[] bytes, int limit) {
    var decoder = new FrameDecoder(limit);
    List<Frame> frames = new ArrayList<>();
    int most = 1 + random.nextInt(random.nextBoolean() ? 40 : 70_000);
    try {
      for (int at = 0; at < bytes.length; ) {
        int length = Math.min(1 + random.nextInt(most), bytes.length - at);
        decoder.feed(bytes, at, length);
        for (@Nullable Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
          frames.add(frame);
        }
        at += length;
      }
      return new Outcome(frames, null);
    } catch (MalformedFrameException e) {
      return new Outcome(frames, e);
    }
  }

  private record Outcome(List<Frame> frames, @Nullable MalformedFrameException refusal) {
    @Nullable Reason reason() {
      return refusal == null ? null : refusal.reason();
    }
  }
}
