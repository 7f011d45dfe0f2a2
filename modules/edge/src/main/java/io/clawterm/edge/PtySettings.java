package io.clawterm.edge;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigUtil;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What may run on pseudo-terminals, and how: the block {@code clawterm.pty}.
 *
 * @param allow names of {@code commands}, exact command lines, or {@code *}
 * @param commands a program with its arguments for each name
 * @param environment names of the variables that a program sees of the node's own
 * @param folder where programs start; empty: the home folder
 */
public record PtySettings(
    List<String> allow,
    Map<String, List<String>> commands,
    List<String> environment,
    String folder,
    int maxPrograms,
    int outputBufferBytes,
    int inputBufferBytes,
    Duration killAfter) {

  /** The keys that may change while a node runs; programs that run keep theirs. */
  public static final Set<String> LIVE =
      Set.of("max-programs", "output-buffer", "input-buffer", "kill-after");

  /**
   * Those that let somebody run a program, so they change with the node's own file alone. A name
   * with a dot at its end is a block.
   */
  public static final Set<String> DOORS = Set.of("allow", "commands.");

  public PtySettings {
    allow = List.copyOf(allow);
    commands = Map.copyOf(commands);
    environment = List.copyOf(environment);
    commands.forEach((name, command) -> {
      if (command.isEmpty()) {
        throw new IllegalArgumentException("commands." + name + " must name a program");
      }
    });
    if (maxPrograms < 1 || maxPrograms > 1_000) {
      throw new IllegalArgumentException("max-programs must be 1 to 1000, is " + maxPrograms);
    }
    if (outputBufferBytes < 1_024) {
      throw new IllegalArgumentException(
          "output-buffer must be 1 KiB or more, is " + outputBufferBytes + " bytes");
    }
    if (inputBufferBytes < 1_024) {
      throw new IllegalArgumentException(
          "input-buffer must be 1 KiB or more, is " + inputBufferBytes + " bytes");
    }
    if (killAfter.isNegative()) {
      throw new IllegalArgumentException("kill-after must be 0 or more, is " + killAfter);
    }
  }

  /** Reads the block {@code clawterm.pty}. */
  public static PtySettings from(Config config) {
    Config commands = config.getConfig("commands");
    return new PtySettings(
        config.getStringList("allow"),
        commands.root().keySet().stream()
            .collect(
                Collectors.toMap(
                    name -> name, name -> commands.getStringList(ConfigUtil.joinPath(name)))),
        config.getStringList("environment"),
        config.getString("folder"),
        config.getInt("max-programs"),
        Math.toIntExact(config.getBytes("output-buffer")),
        Math.toIntExact(config.getBytes("input-buffer")),
        config.getDuration("kill-after"));
  }

  /** Whether this text after {@code pty:} may be run. */
  boolean allows(String command) {
    return allow.contains("*") || allow.contains(command);
  }

  /** The program and its arguments: a named command, or the text for {@code /bin/sh}. */
  List<String> line(String command) {
    return commands.getOrDefault(command, List.of("/bin/sh", "-c", command));
  }
}
