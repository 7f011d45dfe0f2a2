package io.clawterm.node;

/** A node cannot start; the message says why and what to do about it. */
final class StartException extends RuntimeException {

  private static final long serialVersionUID = 1;

  StartException(String message) {
    super(message);
  }

  StartException(String message, Throwable cause) {
    super(message, cause);
  }
}
