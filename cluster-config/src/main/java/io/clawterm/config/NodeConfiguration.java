package io.clawterm.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The configuration of a node, read once: what the caller sets, then the file, then the profile,
 * then the defaults of each module. It collects all problems before it refuses.
 */
public final class NodeConfiguration {

  /** Blocks whose keys are names that people choose. */
  private static final List<String> OPEN_BLOCKS = List.of("clawterm.pty.commands");

  private static final String CALLER = "what the caller has set";

  /** What a value that all nodes share is said to come from. */
  static final String CLUSTER = "the settings of the cluster";

  /** Where a configuration is read from. */
  private record Origins(Map<String, ?> overrides, Optional<Path> file, String profile) {}

  /** Where a value comes from, the strongest first. */
  public enum Source {
    /** It was set for all nodes while they ran. */
    CLUSTER,
    /** The command line, or the builder of an embedded node. */
    START,
    /** The node's own file. */
    FILE,
    /** Nobody has set it. */
    DEFAULT
  }

  private final Origins origins;
  private final Config config;
  private final List<ConfigurationProblem> problems = new ArrayList<>();

  private NodeConfiguration(Origins origins, Config config) {
    this.origins = origins;
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
    return load(new Origins(new HashMap<>(overrides), file, profile));
  }

  /** The same read anew: the file may have changed. */
  public NodeConfiguration reread() {
    return load(origins);
  }

  private static NodeConfiguration load(Origins origins) {
    Config defaults = ConfigFactory.defaultReferenceUnresolved();
    Config given = given(origins.overrides(), origins.file());
    Config whole =
        given
            .withFallback(ConfigFactory.parseResourcesAnySyntax(origins.profile()))
            .withFallback(defaults);
    NodeConfiguration read;
    try {
      read = new NodeConfiguration(origins, whole.resolve(ConfigResolveOptions.defaults()));
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
              override.getKey(), ConfigValueFactory.fromAnyRef(override.getValue(), CALLER));
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
    return nearest(key, keys(defaults));
  }

  private static String nearest(String key, Set<String> known) {
    String best = "";
    int least = 4;
    for (String candidate : known) {
      int distance = distance(key, candidate);
      if (distance < least) {
        least = distance;
        best = candidate;
      }
    }
    return best.isEmpty() ? "" : "; did you mean " + best + "?";
  }

  private static Set<String> keys(Config config) {
    var keys = new TreeSet<String>();
    config.getConfig("clawterm").entrySet().forEach(e -> keys.add("clawterm." + e.getKey()));
    return keys;
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

  /** All keys of {@code clawterm}, sorted. */
  public Set<String> keys() {
    return keys(config);
  }

  /** The whole value of a key, as text; a list is JSON. */
  public Optional<String> text(String key) {
    return value(key).map(NodeConfiguration::text);
  }

  static String text(ConfigValue value) {
    return value.valueType() == ConfigValueType.STRING
        ? String.valueOf(value.unwrapped())
        : value.render(ConfigRenderOptions.concise());
  }

  Optional<ConfigValue> value(String key) {
    return key.startsWith("clawterm.") && keys().contains(key)
        ? Optional.of(config.getValue(key))
        : Optional.empty();
  }

  /** Where the value of this key comes from. */
  public Source source(String key) {
    String origin = where(key);
    if (origin.startsWith(CLUSTER)) {
      return Source.CLUSTER;
    }
    if (origin.startsWith(CALLER)) {
      return Source.START;
    }
    return origins.file().filter(file -> origin.startsWith(file.toString())).isPresent()
        ? Source.FILE
        : Source.DEFAULT;
  }

  /** The same in words, such as file and line. */
  public String where(String key) {
    return value(key).map(value -> where(value.origin())).orElse("");
  }

  /** What is said of a key that there is not. */
  public ConfigurationProblem unknown(String key) {
    return new ConfigurationProblem(
        CLUSTER, key, "there is no such setting" + nearest(key, keys()));
  }

  /**
   * The same with a value for a key that there is, as a person types it: a list in JSON, anything
   * else as it stands. Whether it makes sense shows when the settings are read.
   *
   * @throws InvalidConfigurationException if a list is expected and this is none
   */
  NodeConfiguration with(String key, String text) {
    boolean list = value(key).filter(is -> is.valueType() == ConfigValueType.LIST).isPresent();
    return with(
        key, Optional.of(list ? list(key, text) : ConfigValueFactory.fromAnyRef(text, CLUSTER)));
  }

  /** The same with another value for a key, or with none. */
  NodeConfiguration with(String key, Optional<ConfigValue> value) {
    return new NodeConfiguration(
        origins, value.isPresent() ? config.withValue(key, value.get()) : config.withoutPath(key));
  }

  private static ConfigValue list(String key, String text) {
    try {
      return ConfigFactory.parseString(
              "{\"list\":" + text + "}",
              ConfigParseOptions.defaults()
                  .setSyntax(ConfigSyntax.JSON)
                  .setOriginDescription(CLUSTER))
          .getList("list");
    } catch (ConfigException e) {
      throw new InvalidConfigurationException(
          List.of(
              new ConfigurationProblem(
                  CLUSTER, key, "expected is a list in JSON, such as [\"one\", \"two\"]")));
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
