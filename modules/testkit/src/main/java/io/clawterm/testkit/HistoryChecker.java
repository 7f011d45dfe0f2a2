package io.clawterm.testkit;

import io.clawterm.testkit.History.Step;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.Violation.Kind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Compares what devices were promised and shown with what is left of their sessions: each
 * acknowledged input is there exactly once, each other one at most once, in the order of its
 * device; a number never has two contents; nothing is left out unless it was told; and what was
 * shown is in the log. Pure: the same histories give the same verdict.
 */
public final class HistoryChecker {

  private static final int UNKNOWN = -1;

  private final List<Violation> violations = new ArrayList<>();
  private long acknowledged;
  private long entries;

  private HistoryChecker() {}

  /**
   * The verdict on a whole run.
   *
   * @param acknowledged the inputs that were acknowledged
   * @param entries the showings of entries that were compared
   */
  public record Verdict(List<Violation> violations, long acknowledged, long entries) {
    public Verdict {
      violations = List.copyOf(violations);
    }
  }

  /** Checks all sessions; a history without an outcome is a violation itself. */
  public static Verdict check(Collection<History> histories, Collection<Outcome> outcomes) {
    var checker = new HistoryChecker();
    Map<String, List<History>> bySession = new LinkedHashMap<>();
    histories.forEach(history ->
        bySession.computeIfAbsent(history.session(), key -> new ArrayList<>()).add(history));
    Map<String, Outcome> outcomeOf = new HashMap<>();
    outcomes.forEach(outcome -> outcomeOf.put(outcome.session(), outcome));
    bySession.forEach((session, devices) -> {
      Outcome outcome = outcomeOf.get(session);
      if (outcome == null) {
        checker.violated(Kind.OTHER, session, "nothing is known of how it ended");
      } else {
        checker.session(devices, outcome);
      }
    });
    return new Verdict(checker.violations, checker.acknowledged, checker.entries);
  }

  private void session(List<History> devices, Outcome outcome) {
    inputs(devices, outcome);
    for (View view : View.values()) {
      List<History> alike = devices.stream().filter(device -> device.view() == view).toList();
      if (!alike.isEmpty()) {
        contents(alike, outcome, view);
      }
    }
    devices.forEach(this::order);
  }

  private void inputs(List<History> devices, Outcome outcome) {
    Map<String, List<Integer>> places = new HashMap<>();
    for (int i = 0; i < outcome.inputs().size(); i++) {
      places.computeIfAbsent(outcome.inputs().get(i), key -> new ArrayList<>()).add(i);
    }
    places.forEach((input, at) -> {
      if (at.size() > 1) {
        violated(
            Kind.DOUBLED_INPUT,
            outcome.session(),
            "%s is there %d times".formatted(input, at.size()));
      }
    });
    Set<String> sentByAll = new HashSet<>();
    for (History device : devices) {
      int last = UNKNOWN;
      for (Step step : device.steps()) {
        if (step instanceof Step.Sent(String input)) {
          sentByAll.add(input);
          int at = places.getOrDefault(input, List.of(UNKNOWN)).getFirst();
          if (at != UNKNOWN && at < last) {
            violated(
                Kind.REORDERED_INPUT,
                outcome.session(),
                "%s of %s stands before what was sent before it".formatted(input, device.device()));
          }
          last = Math.max(last, at);
        } else if (step instanceof Step.Acknowledged(String input)) {
          acknowledged++;
          if (!places.containsKey(input)) {
            violated(
                Kind.LOST_INPUT,
                outcome.session(),
                "%s of %s was acknowledged and is not there".formatted(input, device.device()));
          }
        }
      }
    }
    for (String input : places.keySet()) {
      if (!sentByAll.contains(input)) {
        violated(Kind.UNKNOWN_INPUT, outcome.session(), "nobody has sent %s".formatted(input));
      }
    }
  }

  /** The same number, the same content: among devices of one view, and between them and the log. */
  private void contents(List<History> devices, Outcome outcome, View view) {
    Map<Long, String> log = outcome.logs().get(view);
    if (log == null) {
      violated(
          Kind.OTHER, outcome.session(), "nobody has read the log in the view %s".formatted(view));
      return;
    }
    long firstKept = log.keySet().stream().mapToLong(number -> number).min().orElse(1);
    Map<Long, String> seen = new HashMap<>(log);
    for (History device : devices) {
      for (Step step : device.steps()) {
        if (step instanceof Step.Shown(long number, String content)) {
          entries++;
          String before = seen.putIfAbsent(number, content);
          if (before != null && !before.equals(content)) {
            violated(
                Kind.TWO_CONTENTS,
                outcome.session(),
                "%d was <%s> to %s, but also <%s>"
                    .formatted(number, content, device.device(), before));
          }
          if (number >= firstKept && !log.containsKey(number)) {
            violated(
                Kind.SHOWN_NOT_STORED,
                outcome.session(),
                "%d <%s> was shown to %s".formatted(number, content, device.device()));
          }
        }
      }
    }
  }

  private void order(History device) {
    long holds = UNKNOWN;
    long newest = 0;
    for (Step step : device.steps()) {
      switch (step) {
        case Step.Sent sent -> {}
        case Step.Acknowledged done -> {}
        case Step.Began(long after) -> {
          if (after > newest) {
            violated(
                Kind.HOLE,
                device.session(),
                "%s reads on after %d, but has had %d at most"
                    .formatted(device.device(), after, newest));
          }
          holds = after;
        }
        case Step.Shown(long number, String content) -> {
          follows(device, holds, number, "was given");
          holds = Math.max(holds, number);
        }
        case Step.Missing(long first, long last) -> {
          follows(device, holds, first, "was told to miss");
          holds = Math.max(holds, last);
        }
      }
      newest = Math.max(newest, holds);
    }
  }

  private void follows(History device, long holds, long number, String how) {
    long expected = Math.max(holds, 0) + 1;
    if (number > expected) {
      violated(
          Kind.HOLE,
          device.session(),
          "%s %s %d where %d belongs".formatted(device.device(), how, number, expected));
    } else if (number < expected) {
      violated(
          Kind.DOUBLED_OUTPUT,
          device.session(),
          "%s %s %d, holding %d".formatted(device.device(), how, number, holds));
    }
  }

  private void violated(Kind kind, String session, String text) {
    violations.add(new Violation(kind, session, text));
  }
}
