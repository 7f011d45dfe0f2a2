package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** How long one part of a node may take to start or to end. */
final class PartTimeout {

  static final Duration LIMIT = Duration.ofSeconds(30);

  private PartTimeout() {}

  static <T> T await(CompletionStage<T> stage, String part) throws Exception {
    try {
      return stage.toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new StartException(part + " did not answer in " + LIMIT.toSeconds() + " s", e);
    }
  }

  /** An actor system that has ended does not answer any more. */
  static void awaitEnd(ActorSystem<?> system, CompletionStage<?> stage, String part)
      throws Exception {
    await(
        CompletableFuture.anyOf(
            stage.toCompletableFuture(), system.getWhenTerminated().toCompletableFuture()),
        part);
  }
}
