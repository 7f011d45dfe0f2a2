package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelSettingsTest {

  private static ModelSettings read(String override) {
    return ModelSettings.from(
        ConfigFactory.parseString("clawterm.model { " + override + " }")
            .withFallback(ConfigFactory.load())
            .getConfig("clawterm.model"));
  }

  @Test
  void theDefaultsAreThoseOfTheDesign() {
    ModelSettings settings = read("");

    assertThat(settings.connectTimeout()).isEqualTo(Duration.ofSeconds(30));
    assertThat(settings.firstByteTimeout()).isEqualTo(Duration.ofMinutes(5));
    assertThat(settings.gapTimeout()).isEqualTo(Duration.ofMinutes(3));
    assertThat(settings.name()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "connect-timeout = 0s",
        "first-byte-timeout = -1s",
        "gap-timeout = 0s",
        "ollama-probe-timeout = 0s",
        "max-output-tokens = 0",
        "max-line-size = 1023 B",
        "max-event-size = 65 MiB",
        "max-answer-chars = 0"
      })
  void aValueOutOfItsRangeIsRefusedByName(String override) {
    assertThatThrownBy(() -> read(override))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(override.split(" ", 2)[0]);
  }
}
