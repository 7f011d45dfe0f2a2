package io.clawterm.agent;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * The limits of runs; {@code reference.conf} says what each is for.
 *
 * @param contextChars how much of a conversation a model is given
 * @param maxOutputTokens how long an answer may be
 * @param maxAttempts how often a run is tried
 * @param retryAfter how long to wait before the second attempt; doubled for each further one, up to
 *     5 minutes
 * @param maxQueuedMessages messages that may wait for a run
 */
public record AgentSettings(
    int contextChars,
    int maxOutputTokens,
    int maxAttempts,
    Duration retryAfter,
    int maxQueuedMessages,
    String instructions) {

  /**
   * The keys that may change while a node runs: from the next question to a model on; {@code
   * context-chars} for each conversation from its next waking on.
   */
  public static final Set<String> LIVE =
      Set.of(
          "context-chars",
          "max-output-tokens",
          "max-attempts",
          "retry-after",
          "max-queued-messages",
          "instructions");

  private static final Duration MAX_WAIT = Duration.ofMinutes(5);

  public AgentSettings {
    require(contextChars >= 1_000, "context-chars must be at least 1000");
    require(maxOutputTokens >= 1, "max-output-tokens must be above 0");
    require(maxAttempts >= 1, "max-attempts must be above 0");
    require(
        retryAfter.isPositive() && retryAfter.compareTo(MAX_WAIT) <= 0,
        "retry-after must be above 0 and at most 5 minutes");
    require(maxQueuedMessages >= 1, "max-queued-messages must be above 0");
  }

  /** Reads the block {@code clawterm.agent}. */
  public static AgentSettings from(Config config) {
    return new AgentSettings(
        config.getInt("context-chars"),
        config.getInt("max-output-tokens"),
        config.getInt("max-attempts"),
        config.getDuration("retry-after"),
        config.getInt("max-queued-messages"),
        config.getString("instructions"));
  }

  /**
   * How long to wait after an attempt. Up to a quarter is added to it, and of {@code retryAfter} at
   * least: runs that a provider has turned away together must not come back together.
   *
   * @param attempt counted from 1
   * @param named the time that the provider has asked for
   * @param draw at random, from 0 to 1
   */
  Duration waitAfter(int attempt, Optional<Duration> named, double draw) {
    Duration wait =
        named.orElseGet(() -> {
          Duration doubled = retryAfter.multipliedBy(1L << Math.min(attempt - 1, 20));
          return doubled.compareTo(MAX_WAIT) > 0 ? MAX_WAIT : doubled;
        });
    long spread = Math.max(wait.toMillis(), retryAfter.toMillis()) / 4;
    return wait.plusMillis((long) (spread * draw));
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
