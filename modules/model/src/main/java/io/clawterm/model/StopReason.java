package io.clawterm.model;

/** Why an answer ended. */
public enum StopReason {
  /** The model had said what it wanted to. */
  END,
  /** It reached the limit of tokens: there would be more. */
  LENGTH,
  /** The model or the provider's filter declined to answer, or to go on. */
  REFUSED,
  /** A reason of the provider's own. */
  OTHER
}
