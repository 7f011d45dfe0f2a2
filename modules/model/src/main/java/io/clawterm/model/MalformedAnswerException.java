package io.clawterm.model;

/** Bytes that aren't in the provider's format; becomes a {@link ModelException} that names it. */
final class MalformedAnswerException extends RuntimeException {

  private static final long serialVersionUID = 1;

  /** The message says what is wrong with the format and quotes nothing of the answer. */
  MalformedAnswerException(String message) {
    super(message);
  }
}
