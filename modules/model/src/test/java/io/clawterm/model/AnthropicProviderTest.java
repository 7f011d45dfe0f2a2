package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.config.Secret;
import io.clawterm.telemetry.Tracing;
import org.junit.jupiter.api.Test;

class AnthropicProviderTest extends ModelProviderContract {

  @Override
  ModelProvider provider(int port, ModelSettings settings, Tracing tracing) {
    return new AnthropicProvider(
        KIT.system(), settings, "http://127.0.0.1:" + port, new Secret(KEY), tracing);
  }

  @Test
  void aWrongKeyIsNamedByItsVariable() {
    server.requireKey("another");

    assertThat(failure(provider(server.port(), settings())))
        .hasMessage("Anthropic does not accept the key in ANTHROPIC_API_KEY (status 401)");
  }

  @Test
  void theVersionMayStandInTheBaseUrl() throws Exception {
    var provider =
        new AnthropicProvider(
            KIT.system(), settings(), server.anthropicBaseUrl() + "/v1", new Secret(KEY));

    assertThat(text(ask(provider))).isEqualTo("Hello é😀");
  }
}
