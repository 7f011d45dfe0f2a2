package io.clawterm.node;

/** A command could not do what it was asked; the message is for people. */
final class CommandFailedException extends RuntimeException {

  private static final long serialVersionUID = 1;

  CommandFailedException(String message) {
    super(message);
  }
}
