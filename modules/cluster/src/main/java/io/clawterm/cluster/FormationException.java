package io.clawterm.cluster;

/** A node cannot become a member of the cluster; the message says why and what to do. */
public final class FormationException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  FormationException(String message) {
    super(message);
  }

  FormationException(String message, Throwable cause) {
    super(message, cause);
  }
}
