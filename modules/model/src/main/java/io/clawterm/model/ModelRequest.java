package io.clawterm.model;

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
 */
public record ModelRequest(
    String model, List<Turn> turns, int maxOutputTokens, Optional<String> system) {

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

  /** Conversations stay out of logs. */
  @Override
  public String toString() {
    return "ModelRequest[" + model + ", " + turns.size() + " turns]";
  }
}
