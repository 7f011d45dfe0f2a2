package io.clawterm.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class QueriesTest {

  @Test
  void aQuestionBeyondTheLimitIsRefusedUntilAnotherIsAnswered() {
    Queue<Runnable> waiting = new ArrayDeque<>();
    Queries queries = new Queries(waiting::add, 2);
    var first = queries.ask(() -> 1).toCompletableFuture();
    var second =
        queries
            .<Integer>ask(() -> {
              throw new IllegalStateException("fails");
            })
            .toCompletableFuture();

    assertThatThrownBy(() -> queries.ask(() -> 3).toCompletableFuture().join())
        .hasCauseInstanceOf(OverloadedException.class);

    waiting.remove().run();
    waiting.remove().run();
    assertThat(first).isCompletedWithValue(1);
    assertThat(second).isCompletedExceptionally();
    queries.ask(() -> 4);
    queries.ask(() -> 5);
    assertThat(waiting).hasSize(2);
  }
}
