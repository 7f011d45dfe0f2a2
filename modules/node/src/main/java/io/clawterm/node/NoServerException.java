package io.clawterm.node;

/** No server answers; the message says where it was looked for. */
final class NoServerException extends RuntimeException {

  private static final long serialVersionUID = 1;

  NoServerException(String message) {
    super(message);
  }
}
