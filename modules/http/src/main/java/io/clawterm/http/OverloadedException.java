package io.clawterm.http;

/** More questions to the database are under way than the settings allow. */
final class OverloadedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  OverloadedException(int limit) {
    super(limit + " questions to the database are under way");
  }
}
