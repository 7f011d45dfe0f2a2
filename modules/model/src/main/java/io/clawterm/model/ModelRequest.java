package io.clawterm.model;

import io.clawterm.telemetry.TraceContext;
import java.util.List;
import java.util.Optional;

/**
 * A question to a model: the conversation so far.
 *
 * @param model the provider's own name of the model
 * @param turns at least one; the last is the user's, or, where the provider's {@link Continuation}
 *     is {@code PREFIX}, the beginning of the answer to go on from
 * @param maxOutputTokens above 0
 * @param system what the model is told about its task, apart from the conversation
 * @param origin whose question it is, for traces
 */
public record ModelRequest(
    String model,
    List<Turn> turns,
    int maxOutputTokens,
    Optional<String> system,
    Optional<Origin> origin) {

  /**
   * Whose question it is.
   *
   * @param trace the run that asks
   * @param conversation the id of the session that it belongs to
   */
  public record Origin(TraceContext trace, String conversation) {}

  public ModelRequest {
    turns = List.copyOf(turns);
    if (model.isBlank()) {
      throw new IllegalArgumentException("a request names a model");
    }
    if (turns.isEmpty()) {
      throw new IllegalArgumentException("a request has at least one turn");
    }
    if (maxOutputTokens < 1) {
      throw new IllegalArgumentException("maxOutputTokens must be above 0, is " + maxOutputTokens);
    }
  }

  /** A question in no trace. */
  public ModelRequest(
      String model, List<Turn> turns, int maxOutputTokens, Optional<String> system) {
    this(model, turns, maxOutputTokens, system, Optional.empty());
  }

  /** Conversations stay out of logs. */
  @Override
  public String toString() {
    return "ModelRequest[" + model + ", " + turns.size() + " turns]";
  }
}
