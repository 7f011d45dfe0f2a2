package io.clawterm.model;

import akka.actor.ClassicActorSystemProvider;
import io.clawterm.config.Secret;
import io.clawterm.model.ModelChoice.Chosen;
import io.clawterm.model.ModelChoice.NoModel;
import io.clawterm.telemetry.Tracing;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the model that answers: the one that {@code CLAWTERM_MODEL} or else the configuration
 * names; otherwise the default of the provider whose key is present, Anthropic before OpenAI;
 * otherwise the first model of a local Ollama.
 */
public final class Models {

  private static final Logger LOG = LoggerFactory.getLogger(Models.class);

  /** Each answer asks for the choice anew; who runs the process is to be warned once. */
  private static final Set<String> WARNED_OF = ConcurrentHashMap.newKeySet();

  private static final String HOW_TO_GET_ONE =
      """
      There are three ways to get a model:
        - a key: set ANTHROPIC_API_KEY or OPENAI_API_KEY in the environment of the server;
        - any server that speaks OpenAI's Chat Completions: set OPENAI_BASE_URL, and \
      CLAWTERM_MODEL=openai/NAME;
        - a model on this machine: install Ollama (https://ollama.com), then: ollama pull llama3.2
      After setting a variable, start the server again; a local Ollama is found without that.\
      """;

  private final ClassicActorSystemProvider system;
  private final ModelSettings settings;
  private final Map<String, String> environment;
  private final Tracing tracing;

  private Models(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      Map<String, String> environment,
      Tracing tracing) {
    this.system = system;
    this.settings = settings;
    this.environment = Map.copyOf(environment);
    this.tracing = tracing;
  }

  /**
   * The choice for this environment. It may look for a local Ollama and then takes up to the
   * probe's time-out; it doesn't fail for reasons outside of the program. Settings that make no
   * sense are {@link NoModel} with the reason.
   */
  public static CompletionStage<ModelChoice> resolve(
      ClassicActorSystemProvider system, ModelSettings settings, Map<String, String> environment) {
    return resolve(system, settings, environment, Tracing.OFF);
  }

  /** The same with a span for each question to the model. */
  public static CompletionStage<ModelChoice> resolve(
      ClassicActorSystemProvider system,
      ModelSettings settings,
      Map<String, String> environment,
      Tracing tracing) {
    return new Models(system, settings, environment, tracing).resolve();
  }

  private CompletionStage<ModelChoice> resolve() {
    try {
      String name = variable("CLAWTERM_MODEL").orElse(settings.name().strip());
      if (!name.isEmpty()) {
        return CompletableFuture.completedFuture(named(name));
      }
      if (variable("ANTHROPIC_API_KEY").isPresent()) {
        return CompletableFuture.completedFuture(anthropic(settings.defaultAnthropic()));
      }
      if (variable("OPENAI_API_KEY").isPresent()) {
        return CompletableFuture.completedFuture(openAi(settings.defaultOpenAi()));
      }
      return localOllama();
    } catch (UnusableSettingException e) {
      return CompletableFuture.completedFuture(new NoModel(e.explanation()));
    }
  }

  private ModelChoice named(String name) {
    int slash = name.indexOf('/');
    String provider = slash < 0 ? "" : name.substring(0, slash);
    String model = name.substring(slash + 1);
    if (model.isBlank()) {
      throw notAName(name);
    }
    return switch (provider) {
      case "anthropic" -> anthropic(model);
      case "openai" -> openAi(model);
      case "ollama" -> ollama(model);
      default -> throw notAName(name);
    };
  }

  private static UnusableSettingException notAName(String name) {
    return new UnusableSettingException(
        "The model is set to \"%s\", but expected is openai/NAME, anthropic/NAME or ollama/NAME."
            .formatted(name));
  }

  private ModelChoice anthropic(String model) {
    String url = url("ANTHROPIC_BASE_URL", AnthropicProvider.DEFAULT_BASE_URL);
    Secret key = key("ANTHROPIC_API_KEY", url.equals(AnthropicProvider.DEFAULT_BASE_URL), model);
    return new Chosen(new AnthropicProvider(system, settings, url, key, tracing), model);
  }

  private ModelChoice openAi(String model) {
    String url = url("OPENAI_BASE_URL", OpenAiProvider.DEFAULT_BASE_URL);
    Secret key = key("OPENAI_API_KEY", url.equals(OpenAiProvider.DEFAULT_BASE_URL), model);
    return new Chosen(new OpenAiProvider(system, settings, url, key, tracing), model);
  }

  private ModelChoice ollama(String model) {
    return new Chosen(new OllamaProvider(system, settings, ollamaHost(), tracing), model);
  }

  private CompletionStage<ModelChoice> localOllama() {
    return OllamaProvider.models(system, settings, ollamaHost())
        .handle((models, failure) -> {
          if (failure != null) {
            LOG.atDebug().addKeyValue("reason", failure.toString()).log("no Ollama found");
            return new NoModel("No model is set up, and no Ollama answers.\n" + HOW_TO_GET_ONE);
          }
          if (models.isEmpty()) {
            return new NoModel(
                "No model is set up; Ollama is running but has none that can chat."
                    + " To get one: ollama pull llama3.2\n"
                    + HOW_TO_GET_ONE);
          }
          return ollama(models.getFirst());
        });
  }

  private Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  private String url(String name, String otherwise) {
    String url = variable(name).orElse(otherwise);
    Endpoint endpoint = endpoint(name, url, Endpoint::of);
    if (!endpoint.tls() && !endpoint.isLoopback() && WARNED_OF.add(endpoint.address())) {
      LOG.atWarn()
          .addKeyValue("variable", name)
          .addKeyValue("address", endpoint.address())
          .log("keys and conversations go to this address without encryption");
    }
    return url;
  }

  private String ollamaHost() {
    String host = variable("OLLAMA_HOST").orElse(OllamaProvider.DEFAULT_HOST);
    endpoint("OLLAMA_HOST", host, Endpoint::ofOllama);
    return host;
  }

  private static Endpoint endpoint(String name, String value, Function<String, Endpoint> parse) {
    try {
      return parse.apply(value);
    } catch (IllegalArgumentException e) {
      // Without the value: it may hold a password.
      throw new UnusableSettingException(name + " is no usable address: " + e.getMessage() + ".");
    }
  }

  /** A server of one's own may do without a key. */
  private Secret key(String name, boolean required, String model) {
    String key = variable(name).orElse("");
    if (key.isEmpty() && required) {
      throw new UnusableSettingException(
          "The model \"%s\" needs a key, but %s is not set.%n%s"
              .formatted(model, name, HOW_TO_GET_ONE));
    }
    if (!key.chars().allMatch(character -> character > ' ' && character < 127)) {
      throw new UnusableSettingException(
          name + " holds a space, a line break or another character that no key has.");
    }
    return new Secret(key);
  }

  /** A setting that a person has to change. */
  private static final class UnusableSettingException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String explanation;

    UnusableSettingException(String explanation) {
      super(explanation);
      this.explanation = explanation;
    }

    String explanation() {
      return explanation;
    }
  }
}
