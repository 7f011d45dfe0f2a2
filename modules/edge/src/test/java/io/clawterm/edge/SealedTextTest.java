package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

final class SealedTextTest {

  private final SealedText seal = new SealedText(new byte[32]);

  @Test
  void whatWasSealedOpens() {
    assertThat(new SealedText(new byte[32]).open(seal.seal("grüße", "a"), "a")).contains("grüße");
    assertThat(seal.open(seal.seal("", "a"), "a")).contains("");
  }

  @Test
  void theSameTextIsNeverSealedTheSameWay() {
    assertThat(seal.seal("x", "a")).isNotEqualTo(seal.seal("x", "a"));
  }

  @Test
  void anotherSecretOrContextDoesNotOpenIt() {
    byte[] other = new byte[32];
    other[31] = 1;

    assertThat(new SealedText(other).open(seal.seal("x", "a"), "a")).isEmpty();
    assertThat(seal.open(seal.seal("x", "a"), "b")).isEmpty();
  }

  @Test
  void whatWasChangedDoesNotOpen() {
    byte[] sealed = HexFormat.of().parseHex(seal.seal("some text", "a"));
    for (int bit = 0; bit < sealed.length * 8; bit++) {
      byte[] changed = sealed.clone();
      changed[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThat(seal.open(HexFormat.of().formatHex(changed), "a")).isEmpty();
    }
    for (int length = 0; length < sealed.length; length++) {
      assertThat(seal.open(HexFormat.of().formatHex(sealed, 0, length), "a")).isEmpty();
    }
    assertThat(seal.open("no hexadecimal", "a")).isEmpty();
  }

  @Test
  void aShortSecretIsRefused() {
    assertThatThrownBy(() -> new SealedText(new byte[31]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("32");
  }
}
