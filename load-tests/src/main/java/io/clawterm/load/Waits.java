package io.clawterm.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** When a device was without its session, and when it got answers. Safe for several threads. */
final class Waits {

  /** From one {@link System#nanoTime} to another. */
  record Span(long from, long to) {
    long nanos() {
      return to - from;
    }
  }

  private final List<Span> absences = new ArrayList<>();
  private final List<Long> answers = new ArrayList<>();
  private Optional<Long> lostAt = Optional.empty();

  synchronized void lost() {
    lostAt = lostAt.or(() -> Optional.of(System.nanoTime()));
  }

  synchronized void back() {
    lostAt.ifPresent(from -> absences.add(new Span(from, System.nanoTime())));
    lostAt = Optional.empty();
  }

  synchronized void answered() {
    answers.add(System.nanoTime());
  }

  /** The times without the session that began in a span and are over. */
  synchronized List<Span> absences(Span within) {
    return absences.stream()
        .filter(absence -> absence.from() >= within.from() && absence.from() < within.to())
        .toList();
  }

  /**
   * The longest time without an answer in a span, and the first answer after that time; empty where
   * there is no answer after its beginning.
   */
  synchronized Optional<Span> longestSilence(Span within) {
    Optional<Span> longest = Optional.empty();
    long since = within.from();
    for (long answer : answers) {
      if (answer > within.from() && since < within.to()) {
        var silence = new Span(since, answer);
        longest =
            longest
                .filter(other -> other.nanos() >= silence.nanos())
                .or(() -> Optional.of(silence));
        since = answer;
      }
    }
    return longest;
  }

  /** Whether there has been an answer since then. */
  synchronized boolean answeredSince(long nanoTime) {
    return !answers.isEmpty() && answers.getLast() >= nanoTime;
  }
}
