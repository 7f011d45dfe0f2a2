package io.clawterm.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.session.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A log read by a judge of its own: what each run has said once retracts are applied. */
record Runs(List<Run> all, int retracts, int seams) {

  /** One run; the message that it answers and how it ended, if it did. */
  record Run(long answers, String text, String outcome) {}

  static Runs of(Map<Long, Entry> log) {
    List<Run> runs = new ArrayList<>();
    TreeMap<Long, String> standing = new TreeMap<>();
    long answers = 0;
    int retracts = 0;
    int seams = 0;
    long expected = 0;
    for (Map.Entry<Long, Entry> numbered : log.entrySet()) {
      if (numbered.getKey() != ++expected) {
        throw new AssertionError("hole before " + numbered.getKey());
      }
      Entry entry = numbered.getValue();
      if (entry.kind() == Entry.Kind.TEXT) {
        if (answers == 0) {
          throw new AssertionError("text outside of a run at " + expected);
        }
        standing.put(expected, entry.body().utf8());
        continue;
      }
      JsonNode event = json(entry);
      String type = event.path("type").asText();
      String run = event.path("run").asText();
      if (type.equals("status") && run.equals("started")) {
        if (answers != 0) {
          throw new AssertionError("two runs at once at " + expected);
        }
        answers = event.path("answers").asLong();
      } else if (type.equals("status")) {
        runs.add(
            new Run(answers, String.join("", standing.values()), event.path("outcome").asText()));
        standing.clear();
        answers = 0;
      } else if (type.equals("retract")) {
        retracts++;
        for (long n = event.path("from").asLong(); n <= event.path("to").asLong(); n++) {
          if (standing.remove(n) == null) {
            throw new AssertionError("a retract voids " + n + ", which is no text that stands");
          }
        }
      } else if (entry.body().utf8().contains("goes on")) {
        seams++;
      }
    }
    return new Runs(runs, retracts, seams);
  }

  private static JsonNode json(Entry entry) {
    try {
      return new ObjectMapper().readTree(entry.body().utf8());
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }
}
