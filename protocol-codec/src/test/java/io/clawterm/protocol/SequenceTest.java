package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SequenceTest {

  @Test
  void aNumberIsFoundAgainFromAnythingLessThanHalfTheSpanAway() {
    Seeded.times(
        1000,
        random -> {
          long number = random.nextLong() >>> (1 + random.nextInt(62));
          long away = random.nextLong(-(1L << 31) + 1, 1L << 31);
          long near = Math.max(0, number + away);

          assertThat(Sequence.extend(near, Sequence.wire(number))).isEqualTo(number);
        });
  }

  @Test
  void theStepOverThe32BitBorderIsOneStep() {
    assertThat(Sequence.extend(0xFFFF_FFFFL, 0)).isEqualTo(0x1_0000_0000L);
    assertThat(Sequence.extend(0x1_0000_0000L, -1)).isEqualTo(0xFFFF_FFFFL);
  }

  @Test
  void aNumberIsNeverBelowZero() {
    assertThat(Sequence.extend(0, -1)).isEqualTo(0xFFFF_FFFFL);
  }
}
