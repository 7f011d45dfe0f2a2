package io.clawterm.model;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.Set;

/**
 * Which model answers, and the limits of its answers.
 *
 * @param name {@code provider/model}, or empty to go by the keys that are present
 * @param defaultAnthropic the model for a key of Anthropic while no model is named
 * @param defaultOpenAi the model for a key of OpenAI while no model is named
 */
public record ModelSettings(
    String name,
    String defaultAnthropic,
    String defaultOpenAi,
    int maxOutputTokens,
    Duration connectTimeout,
    Duration firstByteTimeout,
    Duration gapTimeout,
    Duration ollamaProbeTimeout,
    int maxLineBytes,
    int maxEventBytes,
    int maxAnswerChars) {

  /** The keys that may change while a node runs: from the next run on. */
  public static final Set<String> LIVE =
      Set.of(
          "name",
          "default-anthropic",
          "default-openai",
          "max-output-tokens",
          "connect-timeout",
          "first-byte-timeout",
          "gap-timeout",
          "ollama-probe-timeout",
          "max-line-size",
          "max-event-size",
          "max-answer-chars");

  private static final int MIN_SIZE = 1 << 10;
  private static final int MAX_SIZE = 64 << 20;

  public ModelSettings {
    positive("connect-timeout", connectTimeout);
    positive("first-byte-timeout", firstByteTimeout);
    positive("gap-timeout", gapTimeout);
    positive("ollama-probe-timeout", ollamaProbeTimeout);
    within("max-output-tokens", maxOutputTokens, 1, 1_000_000);
    within("max-line-size", maxLineBytes, MIN_SIZE, MAX_SIZE);
    within("max-event-size", maxEventBytes, MIN_SIZE, MAX_SIZE);
    within("max-answer-chars", maxAnswerChars, 1, Integer.MAX_VALUE);
  }

  /** Reads the block {@code clawterm.model}. */
  public static ModelSettings from(Config config) {
    return new ModelSettings(
        config.getString("name"),
        config.getString("default-anthropic"),
        config.getString("default-openai"),
        config.getInt("max-output-tokens"),
        config.getDuration("connect-timeout"),
        config.getDuration("first-byte-timeout"),
        config.getDuration("gap-timeout"),
        config.getDuration("ollama-probe-timeout"),
        Math.toIntExact(config.getBytes("max-line-size")),
        Math.toIntExact(config.getBytes("max-event-size")),
        config.getInt("max-answer-chars"));
  }

  private static void positive(String key, Duration value) {
    if (!value.isPositive()) {
      throw new IllegalArgumentException(key + " must be above 0, is " + value);
    }
  }

  private static void within(String key, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(key + " must be in " + min + ".." + max + ", is " + value);
    }
  }
}
