package io.clawterm.load;

import io.clawterm.testkit.Violation;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What a run of the fault suite has seen.
 *
 * @param devices how many came over which transport
 * @param kills of the node, those at its start included
 * @param killsAtStart of them, those before it was ready
 * @param databaseKills of the database server
 * @param acknowledged inputs that were acknowledged and looked for
 * @param entries showings of entries that were compared
 * @param runs of the demo that have ended
 */
public record FaultReport(
    long seed,
    Map<Way.Transport, Long> devices,
    int kills,
    int killsAtStart,
    int databaseKills,
    long acknowledged,
    long entries,
    long runs,
    long resumes,
    int comebacks,
    Duration took,
    List<Violation> violations) {

  public FaultReport {
    devices = Collections.unmodifiableMap(new EnumMap<>(devices));
    violations = List.copyOf(violations);
  }

  /** One line. */
  public String summary() {
    return ("seed %d: devices %s; %d kills (%d while starting), %d of the database; %d inputs"
            + " acknowledged, %d entries checked, %d runs, %d resumes, %d restarts of clients;"
            + " %d violations; %d s")
        .formatted(
            seed,
            devices,
            kills,
            killsAtStart,
            databaseKills,
            acknowledged,
            entries,
            runs,
            resumes,
            comebacks,
            violations.size(),
            took.toSeconds());
  }
}
