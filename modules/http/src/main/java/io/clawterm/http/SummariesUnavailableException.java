package io.clawterm.http;

/** The database does not answer; a later attempt may succeed. */
public final class SummariesUnavailableException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  SummariesUnavailableException(Throwable cause) {
    super("the list of sessions can't be read: " + cause.getMessage(), cause);
  }
}
