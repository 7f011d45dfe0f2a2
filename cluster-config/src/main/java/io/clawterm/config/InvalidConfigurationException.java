package io.clawterm.config;

import java.util.List;
import java.util.stream.Collectors;

/** The configuration is refused; the message lists each problem on a line of its own. */
public final class InvalidConfigurationException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final transient List<ConfigurationProblem> problems;

  public InvalidConfigurationException(List<ConfigurationProblem> problems) {
    super(
        problems.stream()
            .map(ConfigurationProblem::toString)
            .collect(Collectors.joining("\n  ", "the configuration is not valid:\n  ", "")));
    this.problems = List.copyOf(problems);
  }

  public List<ConfigurationProblem> problems() {
    return problems;
  }
}
