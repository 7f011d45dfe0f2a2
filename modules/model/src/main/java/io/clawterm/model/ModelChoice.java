package io.clawterm.model;

/** Which model answers, as far as there is one. */
public sealed interface ModelChoice {

  /** This model of this provider. */
  record Chosen(ModelProvider provider, String model) implements ModelChoice {}

  /**
   * None.
   *
   * @param explanation for people: what is missing, and how to get a model
   */
  record NoModel(String explanation) implements ModelChoice {}
}
