package io.clawterm.protocol;

import java.util.Random;
import java.util.function.Consumer;

/**
 * A random source whose seed is told when a test fails; {@code -Dclawterm.seed=} repeats the run.
 */
final class Seeded {
  private Seeded() {}

  /**
   * Runs a property this many times, each with a source of its own, so that one seed repeats it.
   */
  static void times(int runs, Consumer<Random> property) {
    Long given = Long.getLong("clawterm.seed");
    if (given != null) {
      run(given, property);
      return;
    }
    long first = System.nanoTime();
    for (int index = 0; index < runs; index++) {
      run(first + index, property);
    }
  }

  private static void run(long seed, Consumer<Random> property) {
    try {
      property.accept(new Random(seed));
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError("repeat with -Dclawterm.seed=" + seed, e);
    }
  }
}
