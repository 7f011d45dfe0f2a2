package io.clawterm.http;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/** Runs blocking questions to the database, a bounded number at once. */
final class Queries {

  private final Executor blocking;
  private final int limit;
  private final Semaphore permits;

  Queries(Executor blocking, int limit) {
    this.blocking = blocking;
    this.limit = limit;
    permits = new Semaphore(limit);
  }

  /** The answer; fails with {@link OverloadedException} when too many are under way. */
  <T> CompletionStage<T> ask(Supplier<T> question) {
    if (!permits.tryAcquire()) {
      return CompletableFuture.failedFuture(new OverloadedException(limit));
    }
    return CompletableFuture.supplyAsync(question, blocking)
        .whenComplete((answer, failure) -> permits.release());
  }
}
