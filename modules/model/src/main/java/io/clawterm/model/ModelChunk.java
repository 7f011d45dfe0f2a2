package io.clawterm.model;

import java.util.Optional;

/** A piece of an answer, as it comes. */
public sealed interface ModelChunk {

  /** More of the answer's text; never empty. */
  record TextDelta(String text) implements ModelChunk {}

  /** More of what the model shows of its thinking; never empty. */
  record ThinkingDelta(String text) implements ModelChunk {}

  /**
   * The answer is whole; the last chunk of each answer that didn't fail.
   *
   * @param model the model that has answered, as the provider names it, where it does
   */
  record Finished(StopReason reason, Usage usage, Optional<String> model) implements ModelChunk {

    /** An answer whose provider doesn't name the model. */
    public Finished(StopReason reason, Usage usage) {
      this(reason, usage, Optional.empty());
    }
  }
}
