package io.clawterm.load;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * In what way a node is started this time.
 *
 * @param prefix what stands before its command
 * @param home the folder of another release's distribution; empty: this one's
 * @param jvmOptions which win over those that it has always
 * @param environment variables beyond those of this process
 */
record Launch(
    List<String> prefix,
    Optional<Path> home,
    List<String> jvmOptions,
    Map<String, String> environment) {

  /** As it was set up. */
  static final Launch USUAL = new Launch(List.of(), Optional.empty(), List.of(), Map.of());

  Launch {
    prefix = List.copyOf(prefix);
    jvmOptions = List.copyOf(jvmOptions);
    environment = Map.copyOf(environment);
  }

  static Launch of(Path home) {
    return new Launch(List.of(), Optional.of(home), List.of(), Map.of());
  }
}
