package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SessionSettingsTest {

  private static final Config DEFAULTS =
      ConfigFactory.parseResources("reference.conf").getConfig("clawterm.session");

  @Test
  void theDefaultsHold() {
    SessionSettings settings = SessionSettings.from(DEFAULTS);

    assertThat(settings.tailBytes()).isEqualTo(262_144);
    assertThat(settings.defaultExpiry()).hasDays(30);
    assertThat(settings.snapshotEvery()).isEqualTo(500);
  }

  @ParameterizedTest
  @CsvSource({
    "tail-bytes, 4095, tail-bytes must be at least 4 KiB",
    "max-waiting-bytes, 65535, max-waiting-bytes must be at least 64 KiB",
    "max-devices, 0, max-devices must be above 0",
    "passivate-after, 0s, passivate-after must be above 0",
    "default-expiry, 0s, default-expiry must be above 0",
    "max-expiry, 29d, max-expiry must be at least default-expiry",
    "retain-bytes, 131071, retain-bytes must be at least 128 KiB",
    "retain-hard-bytes, 1 MiB, retain-hard-bytes must be at least retain-bytes",
    "retain-for, 0s, retain-for must be above 0",
    "snapshot-every, 9, snapshot-every must be at least 10"
  })
  void aValueOutOfItsRangeIsRefusedWithItsRule(String key, String value, String rule) {
    Config wrong = ConfigFactory.parseString(key + " = " + value).withFallback(DEFAULTS);

    assertThatThrownBy(() -> SessionSettings.from(wrong))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(rule);
  }
}
