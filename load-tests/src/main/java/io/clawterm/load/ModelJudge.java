package io.clawterm.load;

import io.clawterm.testkit.ReceivedRequest;
import io.clawterm.testkit.ReceivedTurn;
import io.clawterm.testkit.Violation;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the model's side tells of runs: where one input was being answered twice at the same time,
 * two nodes took themselves to have its session. The logs show whether both were heard; this shows
 * what it cost.
 *
 * @param inputs that the model was asked about
 * @param again of these, after an answer that was cut off
 * @param atOnce of these, while the answer before was still being sent
 * @param longest of these times
 */
record ModelJudge(int inputs, int again, int atOnce, Duration longest) {

  static ModelJudge of(List<ReceivedRequest> requests) {
    Map<String, List<ReceivedRequest>> byInput = new HashMap<>();
    for (ReceivedRequest request : requests) {
      input(request)
          .ifPresent(input ->
              byInput.merge(
                  input,
                  List.of(request),
                  (some, more) -> Stream.concat(some.stream(), more.stream()).toList()));
    }
    int again = 0;
    int atOnce = 0;
    Duration longest = Duration.ZERO;
    for (List<ReceivedRequest> asked : byInput.values()) {
      Duration overlap = overlap(asked);
      again += asked.size() > 1 ? 1 : 0;
      atOnce += overlap.isPositive() ? 1 : 0;
      longest = overlap.compareTo(longest) > 0 ? overlap : longest;
    }
    return new ModelJudge(byInput.size(), again, atOnce, longest);
  }

  /** No run is in two places: what is asked twice at once is paid for twice. */
  Optional<Violation> violation() {
    return atOnce == 0
        ? Optional.empty()
        : Optional.of(new Violation(Violation.Kind.DOUBLE_RUN, "the model's log", toString()));
  }

  /** The last that a person has said; each input is unlike any other. */
  private static Optional<String> input(ReceivedRequest request) {
    return request.turns().stream()
        .filter(turn -> turn.role().equals("user"))
        .reduce((first, second) -> second)
        .map(ReceivedTurn::text);
  }

  private static Duration overlap(List<ReceivedRequest> asked) {
    List<ReceivedRequest> inOrder =
        asked.stream().sorted(Comparator.comparing(ReceivedRequest::at)).toList();
    Duration longest = Duration.ZERO;
    for (int i = 1; i < inOrder.size(); i++) {
      Instant from = inOrder.get(i).at();
      Instant before = end(inOrder.get(i - 1));
      Instant end = end(inOrder.get(i)).isBefore(before) ? end(inOrder.get(i)) : before;
      Duration overlap = Duration.between(from, end);
      longest = overlap.compareTo(longest) > 0 ? overlap : longest;
    }
    return longest;
  }

  private static Instant end(ReceivedRequest request) {
    return switch (request.outcome()) {
      case ReceivedRequest.Outcome.Running running -> Instant.now();
      case ReceivedRequest.Outcome.Completed completed -> completed.at();
      case ReceivedRequest.Outcome.Cut cut -> cut.at();
      case ReceivedRequest.Outcome.Cancelled cancelled -> cancelled.at();
      case ReceivedRequest.Outcome.Refused refused -> refused.at();
    };
  }

  @Override
  public String toString() {
    return "%d inputs given to the model, %d again, %d twice at once (%d ms at most)"
        .formatted(inputs, again, atOnce, longest.toMillis());
  }
}
