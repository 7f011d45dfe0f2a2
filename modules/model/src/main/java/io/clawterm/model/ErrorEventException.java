package io.clawterm.model;

/** An error that a provider reports in the middle of a stream. */
final class ErrorEventException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final String type;
  private final String detail;

  /**
   * @param type the provider's word for it, such as {@code overloaded_error}; may be empty
   * @param detail the provider's message, untrusted; may be empty
   */
  ErrorEventException(String type, String detail) {
    super("the provider reports " + type);
    this.type = type;
    this.detail = detail;
  }

  String type() {
    return type;
  }

  String detail() {
    return detail;
  }
}
