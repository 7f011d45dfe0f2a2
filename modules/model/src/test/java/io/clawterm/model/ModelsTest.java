package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import com.typesafe.config.ConfigFactory;
import io.clawterm.model.ModelChoice.Chosen;
import io.clawterm.model.ModelChoice.NoModel;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelsTest {

  private static final ActorTestKit KIT = ActorTestKit.create();

  private final ScriptedModelServer server = ScriptedModelServer.start(Script.echo());

  @AfterAll
  static void stopSystem() {
    KIT.shutdownTestKit();
  }

  @AfterEach
  void stopServer() {
    server.close();
  }

  private static ModelChoice resolve(String configured, Map<String, String> environment)
      throws Exception {
    String config = "clawterm.model.name = \"" + configured + "\"";
    ModelSettings settings =
        ModelSettings.from(
            ConfigFactory.parseString(config)
                .withFallback(ConfigFactory.load())
                .getConfig("clawterm.model"));
    return Models.resolve(KIT.system(), settings, environment)
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
  }

  /** An environment without the Ollama that the machine of whoever runs this may have. */
  private Map<String, String> environment(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    environment.put("OLLAMA_HOST", "127.0.0.1:" + server.port());
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return environment;
  }

  private static void assertChosen(ModelChoice choice, String provider, String model) {
    assertThat(choice).isInstanceOf(Chosen.class);
    assertThat(((Chosen) choice).provider().name()).isEqualTo(provider);
    assertThat(((Chosen) choice).model()).isEqualTo(model);
  }

  private static String explanation(ModelChoice choice) {
    assertThat(choice).isInstanceOf(NoModel.class);
    return ((NoModel) choice).explanation();
  }

  @Test
  void theEnvironmentNamesTheModelBeforeTheConfigurationDoes() throws Exception {
    var keys = environment("OPENAI_API_KEY", "k", "ANTHROPIC_API_KEY", "k");
    assertChosen(resolve("anthropic/configured", keys), "anthropic", "configured");

    keys.put("CLAWTERM_MODEL", "openai/meta/llama");
    assertChosen(resolve("anthropic/configured", keys), "openai", "meta/llama");
  }

  @Test
  void withoutANameTheKeyDecides() throws Exception {
    var keys = environment("OPENAI_API_KEY", "k", "ANTHROPIC_API_KEY", " ");
    assertChosen(resolve("", keys), "openai", "gpt-5.5");

    keys.put("ANTHROPIC_API_KEY", "k");
    assertChosen(resolve("", keys), "anthropic", "claude-sonnet-5-5");
  }

  @Test
  void aServerOfOnesOwnNeedsNoKey() throws Exception {
    var own = environment("CLAWTERM_MODEL", "openai/m", "OPENAI_BASE_URL", server.openAiBaseUrl());

    assertChosen(resolve("", own), "openai", "m");
  }

  @Test
  void aMissingKeyIsNamed() throws Exception {
    assertThat(explanation(resolve("openai/gpt-5.5", environment())))
        .startsWith("The model \"gpt-5.5\" needs a key, but OPENAI_API_KEY is not set.")
        .contains("ollama pull");
  }

  @Test
  void aLocalOllamaIsFoundByItself() throws Exception {
    server.withOllamaModels("nomic-embed-text:latest", "llama3.2:3b", "qwen3");

    assertChosen(resolve("", environment()), "ollama", "llama3.2:3b");
  }

  @Test
  void anOllamaWithoutModelsSaysHowToGetOne() throws Exception {
    server.withOllamaModels("nomic-embed-text:latest");

    assertThat(explanation(resolve("", environment())))
        .contains("Ollama is running but has none")
        .contains("ollama pull");
  }

  @Test
  void withNothingItSaysHowToGetAModel() throws Exception {
    server.close();

    assertThat(explanation(resolve("", environment())))
        .startsWith("No model is set up")
        .contains("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLAWTERM_MODEL=openai/NAME", "Ollama");
  }

  @Test
  void somethingThatNeverAnswersIsNotWaitedFor() throws IOException, Exception {
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      long start = System.nanoTime();

      var choice = resolve("", environment("OLLAMA_HOST", "127.0.0.1:" + silent.getLocalPort()));

      assertThat(explanation(choice)).contains("no Ollama answers");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    }
  }

  @Test
  void anotherServerOnOllamasPortIsNone() throws Exception {
    var elsewhere = environment("OLLAMA_HOST", "http://127.0.0.1:" + server.port() + "/other");

    assertThat(explanation(resolve("", elsewhere))).contains("no Ollama answers");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-5", "openai/", "/x", "mistral/large", "openai"})
  void aNameThatIsNoneIsExplained(String name) throws Exception {
    assertThat(explanation(resolve(name, environment("OPENAI_API_KEY", "k"))))
        .contains("\"" + name + "\"", "openai/NAME, anthropic/NAME or ollama/NAME");
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:1", "ftp://h", "http://", "http://user:pass@h", "http://a b"})
  void anAddressThatIsNoneIsExplainedWithoutShowingIt(String url) throws Exception {
    var environment = environment("OPENAI_API_KEY", "k", "OPENAI_BASE_URL", url);

    assertThat(explanation(resolve("", environment)))
        .contains("OPENAI_BASE_URL is no usable address")
        .doesNotContain("pass");
  }

  @Test
  void aKeyThatWouldBreakTheHeaderIsRefusedWithoutShowingIt() throws Exception {
    var environment = environment("ANTHROPIC_API_KEY", "abc\r\nx-evil: 1");

    assertThat(explanation(resolve("", environment)))
        .contains("ANTHROPIC_API_KEY holds")
        .doesNotContain("evil");
  }

  @Test
  void keysDoNotShowInTheTextOfTheChoice() throws Exception {
    assertThat(resolve("", environment("OPENAI_API_KEY", "topsecret")).toString())
        .doesNotContain("topsecret");
  }
}
