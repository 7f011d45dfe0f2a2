package io.clawterm.config;

/**
 * One thing that is wrong with the configuration.
 *
 * @param where file and line, or what else the value came from
 * @param key the whole key, or empty where the file cannot be read at all
 * @param expected what would be right
 */
public record ConfigurationProblem(String where, String key, String expected) {

  @Override
  public String toString() {
    return where + ": " + (key.isEmpty() ? "" : key + ": ") + expected;
  }
}
