package io.clawterm.load;

import java.util.Arrays;
import java.util.Locale;

/** What a benchmark prints: a heading, lines, and each target with what was reached. */
final class BenchReport {

  private BenchReport() {}

  static void title(String text) {
    line("");
    line("== " + text);
  }

  static void line(String text) {
    System.out.println(text);
    System.out.flush();
  }

  /** What came out against what is asked for. */
  static void target(String what, double reached, String relation, double asked, String unit) {
    boolean met = relation.equals("<=") ? reached <= asked : reached >= asked;
    line(
        String.format(
            Locale.ROOT,
            "TARGET %-34s %9.3f %s %s %s: %s",
            what,
            reached,
            relation,
            asked,
            unit,
            met ? "met" : "MISSED"));
  }

  /** The one in the middle; with an even number the mean of the two. */
  static double median(double... values) {
    return (percentile(50, values) - percentile(50, negated(values))) / 2;
  }

  private static double[] negated(double[] values) {
    return Arrays.stream(values).map(value -> -value).toArray();
  }

  /** The smallest value that so many percent of all are not above; NaN where there is none. */
  static double percentile(double percent, double... values) {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int rank = (int) Math.ceil(percent / 100 * sorted.length);
    return sorted[Math.clamp(rank - 1, 0, sorted.length - 1)];
  }
}
