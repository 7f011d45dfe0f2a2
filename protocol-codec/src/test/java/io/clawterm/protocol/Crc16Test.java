package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class Crc16Test {

  @Test
  void theDigitsOneToNineGiveThePublishedCheckValue() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);

    assertThat(Crc16.of(digits, 0, digits.length)).isEqualTo(0xBB3D);
  }

  @Test
  void anyRangeGivesWhatTheDefinitionBitByBitGives() {
    Seeded.times(
        300,
        random -> {
          byte[] bytes = Arbitrary.bytes(random, random.nextInt(200));
          int offset = random.nextInt(bytes.length + 1);
          int length = random.nextInt(bytes.length - offset + 1);

          assertThat(Crc16.of(bytes, offset, length)).isEqualTo(bitByBit(bytes, offset, length));
        });
  }

  @Test
  void aChecksumGoesOnWhereItStopped() {
    Seeded.times(
        300,
        random -> {
          byte[] bytes = Arbitrary.bytes(random, random.nextInt(200));
          int cut = random.nextInt(bytes.length + 1);

          int first = Crc16.of(bytes, 0, cut);

          assertThat(Crc16.update(first, bytes, cut, bytes.length - cut))
              .isEqualTo(Crc16.of(bytes, 0, bytes.length));
        });
  }

  @Test
  void aRangeOutsideOfTheArrayIsRefused() {
    assertThatThrownBy(() -> Crc16.of(new byte[20], 5, 16))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  private static int bitByBit(byte[] bytes, int offset, int length) {
    int crc = 0;
    for (int at = offset; at < offset + length; at++) {
      crc ^= bytes[at] & 0xFF;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 1 ? (crc >>> 1) ^ 0xA001 : crc >>> 1;
      }
    }
    return crc;
  }
}
