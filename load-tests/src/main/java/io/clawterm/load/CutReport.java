package io.clawterm.load;

import io.clawterm.testkit.Violation;
import java.time.Duration;
import java.util.List;

/**
 * What a run of {@link CutEverywhere} has seen.
 *
 * @param bytes of the conversation, both connections and both directions together
 * @param conversations that were held, each with a cut at another place
 * @param cuts that took place; a conversation may end before its last bytes
 */
public record CutReport(
    long bytes,
    int conversations,
    int cuts,
    long resumes,
    Duration took,
    List<Violation> violations) {

  public CutReport {
    violations = List.copyOf(violations);
  }

  /** One line. */
  public String summary() {
    return "%d bytes: %d conversations, %d cut, %d resumes; %d violations; %d s"
        .formatted(bytes, conversations, cuts, resumes, violations.size(), took.toSeconds());
  }
}
