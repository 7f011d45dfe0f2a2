package io.clawterm.load;

import io.clawterm.testkit.Violation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What a run of the cluster suite has seen.
 *
 * @param skipped what this machine cannot do
 * @param acknowledged inputs that were acknowledged and looked for
 * @param entries showings of entries that were compared
 * @param runs that have ended
 */
record ClusterReport(
    long seed,
    int nodes,
    int devices,
    List<Row> rows,
    List<ClusterFault> skipped,
    long acknowledged,
    long entries,
    long runs,
    ModelJudge model,
    JournalJudge journal,
    Duration took,
    List<Violation> violations) {

  ClusterReport {
    rows = List.copyOf(rows);
    skipped = List.copyOf(skipped);
    violations = List.copyOf(violations);
  }

  /**
   * One fault.
   *
   * @param victims how many nodes were hit
   * @param lasted until it was healed
   * @param hit the longest time without an answer of each session that a victim had, in order
   * @param others the same of the other sessions
   * @param absences how long devices were without their session
   * @param absencesLater the same of those that began when the fault was being mended
   */
  record Row(
      ClusterFault fault,
      int victims,
      Duration lasted,
      List<Duration> hit,
      List<Duration> others,
      List<Duration> absences,
      List<Duration> absencesLater) {

    Row {
      hit = List.copyOf(hit);
      others = List.copyOf(others);
      absences = List.copyOf(absences);
      absencesLater = List.copyOf(absencesLater);
    }

    String line() {
      return ("%s %s, %d hit, %s s; without an answer: %d sessions hit %s, %d others %s;"
              + " without the session: %d times %s, later %d times %s")
          .formatted(
              fault.number(),
              fault.title(),
              victims,
              seconds(lasted),
              hit.size(),
              spread(hit),
              others.size(),
              spread(others),
              absences.size(),
              spread(absences),
              absencesLater.size(),
              spread(absencesLater));
    }
  }

  /** A line for each kind of fault, over all its rows. */
  List<String> table() {
    Map<ClusterFault, List<Row>> byFault =
        new TreeMap<>(rows.stream().collect(Collectors.groupingBy(Row::fault)));
    List<String> lines = new ArrayList<>();
    lines.add(
        "| fault | times | sessions hit | without an answer p50 | p99 | others p99 | absences | p50"
            + " | p99 | later | p50 | p99 |");
    byFault.forEach((fault, all) -> {
      List<Duration> hit = sorted(all, Row::hit);
      List<Duration> absences = sorted(all, Row::absences);
      List<Duration> later = sorted(all, Row::absencesLater);
      lines.add(
          "| %s %s | %d | %d | %s | %s | %s | %d | %s | %s | %d | %s | %s |"
              .formatted(
                  fault.number(),
                  fault.title(),
                  all.size(),
                  hit.size(),
                  quantile(hit, 0.5),
                  quantile(hit, 0.99),
                  quantile(sorted(all, Row::others), 0.99),
                  absences.size(),
                  quantile(absences, 0.5),
                  quantile(absences, 0.99),
                  later.size(),
                  quantile(later, 0.5),
                  quantile(later, 0.99)));
    });
    return lines;
  }

  private static List<Duration> sorted(List<Row> rows, Function<Row, List<Duration>> values) {
    return rows.stream().map(values).flatMap(List::stream).sorted().toList();
  }

  /** How many nodes were killed with kill -9. */
  long kills() {
    return rows.stream().filter(row -> row.fault().kills()).mapToLong(Row::victims).sum();
  }

  /** One line. */
  String summary() {
    return ("seed %d: %d nodes, %d devices; %d faults (%d nodes killed, skipped %s); %d inputs"
            + " acknowledged, %d entries checked, %d runs; %s; %d events of %d lives in the"
            + " journal; %d violations; %d s")
        .formatted(
            seed,
            nodes,
            devices,
            rows.size(),
            kills(),
            skipped,
            acknowledged,
            entries,
            runs,
            model,
            journal.events(),
            journal.lives(),
            violations.size(),
            took.toSeconds());
  }

  private static String spread(List<Duration> sorted) {
    return sorted.isEmpty()
        ? ""
        : "p50 %s p99 %s s".formatted(quantile(sorted, 0.5), quantile(sorted, 0.99));
  }

  static String quantile(List<Duration> sorted, double part) {
    return sorted.isEmpty()
        ? "-"
        : seconds(sorted.get((int) Math.min(sorted.size() - 1, (long) (part * sorted.size()))));
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f", duration.toMillis() / 1_000.0);
  }
}
