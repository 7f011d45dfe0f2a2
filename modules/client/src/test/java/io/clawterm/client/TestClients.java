package io.clawterm.client;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.awaitility.core.ConditionFactory;

/** Clients of a scripted server, and bounded waiting. */
final class TestClients {
  static final Duration LIMIT = Duration.ofSeconds(20);

  private TestClients() {}

  /** A client that reconnects within milliseconds. */
  static ClawTermClient.Builder clientOf(ScriptedServer server) {
    return ClawTermClient.builder()
        .address(server.address())
        .device("test")
        .backoff(Duration.ofMillis(1), Duration.ofMillis(20));
  }

  /** Awaitility's own interval of 100 ms would make minutes of two thousand cuts. */
  static ConditionFactory eventually() {
    return await().atMost(LIMIT).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(2));
  }

  /** What a stage gives, within the limit. */
  static <T> T resultOf(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }
}
