package io.clawterm.edge;

/** The pod broke the protocol. */
final class PodViolationException extends RuntimeException {

  PodViolationException(String message) {
    super(message);
  }
}
