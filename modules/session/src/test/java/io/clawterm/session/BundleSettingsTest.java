package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import org.junit.jupiter.api.Test;

class BundleSettingsTest {

  private static BundleSettings with(String changes) {
    return BundleSettings.from(
        ConfigFactory.parseString(changes)
            .withFallback(ConfigFactory.load().getConfig("clawterm.bundle")));
  }

  @Test
  void theDefaultsHold() {
    BundleSettings settings = with("");

    assertThat(settings.maxBytes()).isEqualTo(268_435_456);
    assertThat(settings.maxWaitingBytes()).isEqualTo(4_194_304);
    assertThat(settings.trusted()).isEmpty();
  }

  @Test
  void whatIsNoFingerprintIsRefusedByName() {
    String good = "ab:".repeat(31) + "ab";
    assertThat(with("trusted = [\"" + good + "\"]").trusted()).containsExactly(good);

    assertThatThrownBy(() -> with("trusted = [\"ab:cd\"]"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("trusted")
        .hasMessageContaining("ab:cd");
    assertThatThrownBy(() -> with("max-bytes = 1 KiB")).hasMessageContaining("max-bytes");
    assertThatThrownBy(() -> with("max-waiting-bytes = 1 KiB"))
        .hasMessageContaining("max-waiting-bytes");
    assertThatThrownBy(() -> with("max-imports = 0")).hasMessageContaining("max-imports");
  }
}
