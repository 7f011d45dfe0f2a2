package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a node has done per second between two looks at it, by its own clock.
 *
 * @param commitSeconds how long a commit took on average; empty where there was none
 */
record ClusterRates(OptionalDouble inputs, OptionalDouble entries, OptionalDouble commitSeconds) {

  /** Of a node that was not seen twice. */
  static final ClusterRates NONE =
      new ClusterRates(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty());

  /** The rates of each node, by the number of its life: a new life counts from nothing. */
  static Map<Integer, ClusterRates> between(JsonNode before, JsonNode now) {
    Map<Integer, JsonNode> earlier = new HashMap<>();
    before.path("nodes").forEach(node -> earlier.put(node.path("number").asInt(), figures(node)));
    Map<Integer, ClusterRates> rates = new HashMap<>();
    for (JsonNode node : now.path("nodes")) {
      JsonNode then = earlier.get(node.path("number").asInt());
      if (then != null) {
        rates.put(node.path("number").asInt(), of(then, figures(node)));
      }
    }
    return rates;
  }

  private static JsonNode figures(JsonNode node) {
    return node.path("figures");
  }

  private static ClusterRates of(JsonNode then, JsonNode now) {
    if (then.isMissingNode() || now.isMissingNode()) {
      return NONE;
    }
    double seconds =
        Duration.between(
                    Instant.parse(then.path("at").asText()), Instant.parse(now.path("at").asText()))
                .toMillis()
            / 1_000.0;
    if (seconds <= 0) {
      return NONE; // its clock was set
    }
    double commits = grown("commits", then, now);
    return new ClusterRates(
        OptionalDouble.of(grown("inputs", then, now) / seconds),
        OptionalDouble.of(grown("entries", then, now) / seconds),
        commits > 0
            ? OptionalDouble.of(grown("commitSeconds", then, now) / commits)
            : OptionalDouble.empty());
  }

  private static double grown(String field, JsonNode then, JsonNode now) {
    return now.path(field).asDouble() - then.path(field).asDouble();
  }
}
