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
 * @param runs that have ended
 * @param model what the model's side tells of runs
 * @param journal what the journal tells of its writers
 */
record FaultReport(
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
    ModelJudge model,
    JournalJudge journal,
    Duration took,
    List<Violation> violations) {

  FaultReport {
    devices = Collections.unmodifiableMap(new EnumMap<>(devices));
    violations = List.copyOf(violations);
  }

  /** One line. */
  String summary() {
    return ("seed %d: devices %s; %d kills (%d while starting), %d of the database; %d inputs"
            + " acknowledged, %d entries checked, %d runs, %d resumes, %d restarts of clients;"
            + " %s; %d events of %d lives in the journal; %d violations; %d s")
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
            model,
            journal.events(),
            journal.lives(),
            violations.size(),
            took.toSeconds());
  }
}
