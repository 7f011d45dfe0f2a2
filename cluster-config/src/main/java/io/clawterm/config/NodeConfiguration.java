package io.clawterm.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The configuration of a node, read once: what the caller sets, then the file, then the profile,
 * then the defaults of each module. It collects all problems before it refuses.
 */
public final class NodeConfiguration {

  /** Blocks whose keys are names that people choose. */
  private static final List<String> OPEN_BLOCKS = List.of("clawterm.pty.commands");

  private final Config config;
  private final List<ConfigurationProblem> problems = new ArrayList<>();

  private NodeConfiguration(Config config) {
    this.config = config;
  }

  /**
   * Reads the configuration.
   *
   * @param overrides whole keys and their values; the strongest
   * @param file HOCON; it must exist where it is given
   * @param profile a resource of the class path, such as {@code clawterm-laptop}
   * @throws InvalidConfigurationException if the file cannot be read or has an unknown key
   */
  public static NodeConfiguration load(
      Map<String, ?> overrides, Optional<Path> file, String profile) {
    Config defaults = ConfigFactory.defaultReferenceUnresolved();
    Config given = given(overrides, file);
    Config whole =
        given.withFallback(ConfigFactory.parseResourcesAnySyntax(profile)).withFallback(defaults);
    NodeConfiguration read;
    try {
      read = new NodeConfiguration(whole.resolve(ConfigResolveOptions.defaults()));
    } catch (ConfigException e) {
      throw refused(e, "");
    }
    read.refuseUnknownKeys(given, defaults);
    return read;
  }

  private static Config given(Map<String, ?> overrides, Optional<Path> file) {
    Config given = ConfigFactory.empty();
    for (Map.Entry<String, ?> override : overrides.entrySet()) {
      given =
          given.withValue(
              override.getKey(),
              ConfigValueFactory.fromAnyRef(override.getValue(), "what the caller has set"));
    }
    if (file.isPresent()) {
      try {
        given =
            given.withFallback(
                ConfigFactory.parseFile(
                    file.get().toFile(), ConfigParseOptions.defaults().setAllowMissing(false)));
      } catch (ConfigException e) {
        throw refused(e, "");
      }
    }
    return given;
  }

  private void refuseUnknownKeys(Config given, Config defaults) {
    if (!given.hasPath("clawterm")) {
      return;
    }
    for (Map.Entry<String, ConfigValue> entry : given.getConfig("clawterm").entrySet()) {
      String key = "clawterm." + entry.getKey();
      boolean open = OPEN_BLOCKS.stream().anyMatch(block -> key.startsWith(block + "."));
      if (!open && !defaults.hasPathOrNull(key)) {
        problems.add(
            new ConfigurationProblem(
                where(entry.getValue().origin()),
                key,
                "there is no such setting" + nearest(key, defaults)));
      }
    }
  }

  /** The known key that differs least, to be offered where it is near. */
  private static String nearest(String key, Config defaults) {
    String best = "";
    int least = 4;
    var known = new TreeSet<String>();
    defaults.getConfig("clawterm").entrySet().forEach(e -> known.add("clawterm." + e.getKey()));
    for (String candidate : known) {
      int distance = distance(key, candidate);
      if (distance < least) {
        least = distance;
        best = candidate;
      }
    }
    return best.isEmpty() ? "" : "; did you mean " + best + "?";
  }

  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(change, Math.min(above, row[j - 1]) + 1);
        diagonal = above;
      }
    }
    return row[b.length()];
  }

  /** Reads one block into its settings; a problem is kept and told by {@link #refuseIfWrong()}. */
  public <T> Optional<T> read(String block, Function<Config, T> settings) {
    try {
      return Optional.of(settings.apply(config.getConfig(block)));
    } catch (ConfigException e) {
      problems.addAll(refused(e, block + ".").problems());
    } catch (IllegalArgumentException e) {
      problems.add(brokenRule(block, e));
    }
    return Optional.empty();
  }

  /** A rule of a settings record; by convention its message begins with the key. */
  private ConfigurationProblem brokenRule(String block, IllegalArgumentException e) {
    String message = String.valueOf(e.getMessage());
    String key = message.split("[ :]", 2)[0];
    if (key.startsWith(block + ".")) {
      key = key.substring(block.length() + 1);
    }
    Config in = config.getConfig(block);
    if (key.matches("[a-z0-9.-]+") && in.hasPath(key)) {
      ConfigValue value = in.getValue(key);
      return new ConfigurationProblem(where(value.origin()), block + "." + key, message);
    }
    return new ConfigurationProblem(where(in.origin()), block, message);
  }

  /**
   * Ends the reading.
   *
   * @throws InvalidConfigurationException if anything was wrong
   */
  public void refuseIfWrong() {
    if (!problems.isEmpty()) {
      throw new InvalidConfigurationException(problems);
    }
  }

  /** All of it, for the actor system. */
  public Config config() {
    return config;
  }

  private static InvalidConfigurationException refused(ConfigException e, String prefix) {
    ConfigOrigin origin = e.origin();
    String message = String.valueOf(e.getMessage());
    // The library puts the origin before its message; it is told once.
    String where = origin == null ? "the configuration" : where(origin);
    String told = origin == null ? message : message.replace(origin.description() + ": ", "");
    return new InvalidConfigurationException(
        List.of(
            new ConfigurationProblem(
                where, prefix.isEmpty() ? "" : prefix.replaceAll("\\.$", ""), told)));
  }

  private static String where(ConfigOrigin origin) {
    return origin.description();
  }
}
