package io.clawterm.storage;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Runs the same at once in several threads. The common pool would not do: on two cores it has one
 * thread, and all would go in turn.
 */
final class Together {

  private Together() {}

  static <T> List<T> times(int threads, Callable<T> task)
      throws InterruptedException, ExecutionException {
    CountDownLatch allThere = new CountDownLatch(threads);
    try (var executor = Executors.newFixedThreadPool(threads)) {
      List<Future<T>> running =
          IntStream.range(0, threads)
              .mapToObj(i ->
                  executor.submit(() -> {
                    allThere.countDown();
                    allThere.await();
                    return task.call();
                  }))
              .toList();
      List<T> results = new ArrayList<>();
      for (Future<T> future : running) {
        results.add(future.get());
      }
      return results;
    }
  }
}
