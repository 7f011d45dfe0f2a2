package io.clawterm.testkit;

import io.clawterm.testkit.History.View;
import java.util.List;
import java.util.Map;

/**
 * What is left of a session when all is over.
 *
 * @param logs the whole log by number, as read from the server in each view that a device had
 * @param inputs the inputs in the order in which the session, or what stands behind it, has them
 */
public record Outcome(String session, Map<View, Map<Long, String>> logs, List<String> inputs) {

  public Outcome {
    logs = Map.copyOf(logs);
    inputs = List.copyOf(inputs);
  }
}
