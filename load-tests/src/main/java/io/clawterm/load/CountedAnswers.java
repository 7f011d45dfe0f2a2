package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.testkit.Violation;
import io.clawterm.testkit.Violation.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Reads the runs of an agent that counts out of a log. What a run has said, without what was
 * retracted, is known beforehand: each number once, after a label where it is the demo. A run that
 * was cut more often than the agent tries may end early, but says so; so may one whose provider
 * fails, which is counted, as only who makes a provider fail knows how often that may be.
 */
final class CountedAnswers {

  private static final String LABEL = "[demo: a script counts, no model is asked]\n";
  private static final int NUMBERS_IN_A_LINE = 20;

  /** How the reason begins where the provider has failed. */
  private static final String PROVIDER = "OpenAI ";

  private final Scenario scenario;
  private final List<Violation> violations = new ArrayList<>();
  private final List<String> inputs = new ArrayList<>();
  private final Map<Long, String> messages = new TreeMap<>();
  private final Set<Long> answered = new HashSet<>();
  private final TreeMap<Long, String> said = new TreeMap<>();
  private long answers;
  private int runs;
  private int givenUp;

  private CountedAnswers(Scenario scenario) {
    this.scenario = scenario;
  }

  /** Reads a whole log. */
  static CountedAnswers in(Scenario scenario, Map<Long, String> log) {
    var reading = new CountedAnswers(scenario);
    new TreeMap<>(log)
        .forEach((number, content) ->
            Device.jsonOf(content).ifPresent(json -> reading.entry(number, json)));
    reading.end();
    return reading;
  }

  List<Violation> violations() {
    return List.copyOf(violations);
  }

  /** The inputs in the order of the log. */
  List<String> inputs() {
    return List.copyOf(inputs);
  }

  /** The runs that have ended. */
  int runs() {
    return runs;
  }

  /** Of these, those that ended early because their provider failed. */
  int givenUp() {
    return givenUp;
  }

  private void entry(long number, JsonNode json) {
    switch (json.path("type").asText()) {
      case "message" -> {
        inputs.add(json.path("text").asText());
        messages.put(number, json.path("text").asText());
      }
      case "text" -> said.put(number, json.path("text").asText());
      case "retract" ->
          said.subMap(json.path("from").asLong(), true, json.path("to").asLong(), true).clear();
      case "status" -> status(number, json);
      default -> {} // notices are for people
    }
  }

  private void status(long number, JsonNode json) {
    if (json.path("run").asText().equals("started")) {
      if (answers != 0) {
        wrong("the run at %d starts while that of %d is open".formatted(number, answers));
      }
      answers = json.path("answers").asLong();
      said.clear();
      if (!messages.containsKey(answers)) {
        wrong("the run at %d answers %d, which is no message".formatted(number, answers));
      }
      if (!answered.add(answers)) {
        wrong("the message %d is answered twice".formatted(answers));
      }
    } else {
      String text = String.join("", said.values());
      String outcome = json.path("outcome").asText();
      boolean right =
          outcome.equals("done") ? text.equals(expected()) : expected().startsWith(text);
      String error = json.path("error").asText();
      boolean early = !outcome.equals("done") && !error.contains("cut off");
      boolean byProvider = scenario.kind() == Scenario.Kind.MODEL && error.startsWith(PROVIDER);
      givenUp += early && byProvider ? 1 : 0;
      if (!right || (early && !byProvider)) {
        wrong("the run that answers %d ended %s and said <%s>".formatted(answers, json, text));
      }
      answers = 0;
      runs++;
    }
  }

  private void end() {
    if (answers != 0) {
      wrong("the run that answers %d never ended".formatted(answers));
    }
    if (answered.size() < messages.size()) {
      wrong(
          "%d of %d messages have no answer"
              .formatted(messages.size() - answered.size(), messages.size()));
    }
  }

  private String expected() {
    return switch (scenario.kind()) {
      case DEMO -> demo();
      case MODEL ->
          IntStream.rangeClosed(1, scenario.count())
              .mapToObj(String::valueOf)
              .collect(Collectors.joining(" "));
      case POD -> throw new IllegalStateException("a pod has no runs");
    };
  }

  private String demo() {
    var text = new StringBuilder(LABEL);
    for (int n = 1; n <= scenario.count(); n++) {
      text.append(n).append(n % NUMBERS_IN_A_LINE == 0 || n == scenario.count() ? '\n' : ' ');
    }
    return text.toString();
  }

  private void wrong(String text) {
    violations.add(new Violation(Kind.OTHER, scenario.key(), text));
  }
}
