package io.clawterm.http;

import io.clawterm.storage.DatabaseHealth;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Asks whether the database answers, for everybody at once and at most each second: whoever asks
 * needs no authentication, so asking more often must not cost more.
 */
final class DatabaseProbe {

  private static final Duration GOOD_FOR = Duration.ofSeconds(1);

  private record Attempt(long startedNanos, CompletableFuture<Boolean> outcome) {
    boolean isCurrent() {
      return !outcome.isDone() || System.nanoTime() - startedNanos < GOOD_FOR.toNanos();
    }
  }

  private final DataSource database;
  private final Duration limit;
  private @Nullable Attempt last;

  DatabaseProbe(DataSource database, Duration limit) {
    this.database = database;
    this.limit = limit;
  }

  synchronized CompletionStage<Boolean> answers() {
    Attempt known = last;
    if (known == null || !known.isCurrent()) {
      known = new Attempt(System.nanoTime(), new CompletableFuture<>());
      last = known;
      start(known);
    }
    return known.outcome();
  }

  /** On a thread of its own: the shared ones may all be waiting for this very database. */
  private void start(Attempt attempt) {
    Thread.ofVirtual()
        .name("clawterm-database-probe")
        .start(() ->
            attempt
                .outcome()
                .completeAsync(() -> DatabaseHealth.answers(database, limit), Runnable::run));
  }
}
