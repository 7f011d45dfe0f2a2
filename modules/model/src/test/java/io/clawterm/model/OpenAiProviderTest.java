package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.config.Secret;
import io.clawterm.telemetry.Tracing;
import io.clawterm.testkit.Script;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OpenAiProviderTest extends ModelProviderContract {

  @Override
  ModelProvider provider(int port, ModelSettings settings, Tracing tracing) {
    return new OpenAiProvider(
        KIT.system(), settings, "http://127.0.0.1:" + port + "/v1/", new Secret(KEY), tracing);
  }

  @Test
  void aWrongKeyIsNamedByItsVariable() {
    server.requireKey("another");

    assertThat(failure(provider(server.port(), settings())))
        .hasMessage("OpenAI does not accept the key in OPENAI_API_KEY (status 401)");
  }

  @Test
  void anEmptyAccountIsNoRateLimit() {
    server.always(
        Script.refuse(
            429,
            Map.of(),
            "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"of " + KEY + "\"}}"));

    ModelException failure = failure(provider(server.port(), settings()));

    assertThat(failure.kind()).isEqualTo(ModelException.Kind.QUOTA);
    assertThat(failure).hasMessageEndingWith("of ***");
  }
}
