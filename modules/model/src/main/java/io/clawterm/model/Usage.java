package io.clawterm.model;

/**
 * What an answer cost in tokens, as the provider counts them; 0 where it doesn't say.
 *
 * @param inputTokens all tokens read, from a cache or not
 */
public record Usage(long inputTokens, long outputTokens) {

  /** Nothing is known. */
  public static final Usage UNKNOWN = new Usage(0, 0);
}
