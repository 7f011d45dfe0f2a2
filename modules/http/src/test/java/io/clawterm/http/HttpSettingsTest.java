package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpSettingsTest {

  @Test
  void theDefaultsAreValidAndOnLoopback() {
    HttpSettings settings = HttpSettings.from(ConfigFactory.load().getConfig("clawterm.http"));

    assertThat(settings.host()).isEqualTo("127.0.0.1");
    assertThat(settings.port()).isEqualTo(3456);
    assertThat(settings.allowPlaintext()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "port, 65536",
    "max-connections, 0",
    "max-body-bytes, 1023",
    "max-page, 1001",
    "max-queries, 0",
    "request-timeout, 0s",
    "websocket-ping, 60s",
    "ask-timeout, 20s",
    "database-timeout, 20s",
    "drain-timeout, 0s",
    "sweep-interval, 0s"
  })
  void aValueBeyondItsLimitIsRefusedByItsName(String key, String value) {
    var config =
        ConfigFactory.parseMap(Map.of(key, value))
            .withFallback(ConfigFactory.load().getConfig("clawterm.http"));

    assertThatThrownBy(() -> HttpSettings.from(config)).hasMessageContaining(key);
  }
}
