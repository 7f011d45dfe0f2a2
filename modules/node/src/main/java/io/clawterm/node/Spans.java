package io.clawterm.node;

import java.time.Duration;

/** Spans of time for people. */
final class Spans {

  private Spans() {}

  /** The two largest units: {@code 2 min 5 s}; nothing is below zero. */
  static String text(Duration span) {
    Duration time = span.isNegative() ? Duration.ZERO : span;
    if (time.toDays() > 0) {
      return time.toDays() + " d " + time.toHoursPart() + " h";
    }
    if (time.toHours() > 0) {
      return time.toHours() + " h " + time.toMinutesPart() + " min";
    }
    return time.toMinutes() > 0
        ? time.toMinutes() + " min " + time.toSecondsPart() + " s"
        : time.toSeconds() + " s";
  }
}
