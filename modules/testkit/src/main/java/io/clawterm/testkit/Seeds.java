package io.clawterm.testkit;

import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The seeds that generated tests draw from. A run has one seed, printed once; with {@code
 * -Dclawterm.seed=} it is given, and everything that depends on it comes out again.
 */
public final class Seeds {

  /** The system property that gives the seed of the run. */
  public static final String PROPERTY = "clawterm.seed";

  private static final long RUN = ofRun(System.getProperty(PROPERTY));

  static {
    System.getLogger(Seeds.class.getName())
        .log(System.Logger.Level.INFO, "this run repeats with -D{0}={1}", PROPERTY, "" + RUN);
  }

  private Seeds() {}

  /** The seed of this run. */
  public static long ofRun() {
    return RUN;
  }

  /**
   * Seeds for the cases of a test, different for each purpose. The purpose is the test's own name,
   * so that neither other tests nor their order change what it gets.
   */
  public static LongStream cases(String purpose, int count) {
    return new Random(mixed(purpose)).longs(count);
  }

  /** A generator for one purpose, always the same within a run. */
  public static RandomGenerator generator(String purpose) {
    return new Random(mixed(purpose));
  }

  private static long mixed(String purpose) {
    return RUN * 31 + purpose.hashCode();
  }

  static long ofRun(@Nullable String given) {
    return given == null ? new Random().nextLong() : Long.parseLong(given);
  }
}
