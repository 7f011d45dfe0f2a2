package io.clawterm.testkit;

/** A request that the real provider would refuse; carries the status it would refuse it with. */
final class BadRequestException extends Exception {

  private static final long serialVersionUID = 1;

  private final int status;
  private final String problem;

  BadRequestException(int status, String problem) {
    super(problem);
    this.status = status;
    this.problem = problem;
  }

  int status() {
    return status;
  }

  String problem() {
    return problem;
  }
}
