package io.clawterm.model;

/** A piece of an answer, as it comes. */
public sealed interface ModelChunk {

  /** More of the answer's text; never empty. */
  record TextDelta(String text) implements ModelChunk {}

  /** More of what the model shows of its thinking; never empty. */
  record ThinkingDelta(String text) implements ModelChunk {}

  /** The answer is whole; the last chunk of each answer that didn't fail. */
  record Finished(StopReason reason, Usage usage) implements ModelChunk {}
}
