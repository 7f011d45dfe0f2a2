package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AgentSettingsTest {

  private static final AgentSettings SETTINGS =
      new AgentSettings(1_000, 100, 5, Duration.ofSeconds(1), 10, "");

  @Test
  void theWaitDoublesUpToFiveMinutes() {
    assertThat(SETTINGS.waitAfter(1, Optional.empty(), 0)).isEqualTo(Duration.ofSeconds(1));
    assertThat(SETTINGS.waitAfter(4, Optional.empty(), 0)).isEqualTo(Duration.ofSeconds(8));
    assertThat(SETTINGS.waitAfter(60, Optional.empty(), 0)).isEqualTo(Duration.ofMinutes(5));
  }

  @Test
  void aProviderNamesAnother() {
    assertThat(SETTINGS.waitAfter(4, Optional.of(Duration.ZERO), 0)).isEqualTo(Duration.ZERO);
    assertThat(SETTINGS.waitAfter(1, Optional.of(Duration.ofMinutes(9)), 0))
        .isEqualTo(Duration.ofMinutes(9));
  }

  @Test
  void whoMayComeAtOnceComesNearly() {
    assertThat(SETTINGS.waitAfter(4, Optional.of(Duration.ZERO), 1))
        .isEqualTo(Duration.ofMillis(250));
  }

  @Test
  void runsThatWereTurnedAwayTogetherComeBackOneByOne() {
    assertThat(SETTINGS.waitAfter(1, Optional.empty(), 0.5)).isEqualTo(Duration.ofMillis(1_125));
    assertThat(SETTINGS.waitAfter(1, Optional.of(Duration.ofSeconds(20)), 1))
        .isEqualTo(Duration.ofSeconds(25));
  }
}
