package io.clawterm.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The settings that are in force now: what the node was started with, and over it what was set for
 * all nodes of its cluster. They change as a whole, after the same check as at the start, and
 * whoever asks for {@link #current()} has them from the next moment on. Safe for use by several
 * threads.
 *
 * @param <T> the settings of all modules
 */
public final class LiveSettings<T> {

  /**
   * What was set for all nodes.
   *
   * @param version grows with each change
   * @param values by key, the one that was changed longest ago first
   */
  public record Overlay(long version, Map<String, String> values) {

    /** Nothing was ever set. */
    public static final Overlay NONE = new Overlay(0, Map.of());

    public Overlay {
      values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** The same after one more change; without a value the key is no longer set. */
    public Overlay with(String key, Optional<String> value) {
      var changed = new LinkedHashMap<>(values);
      changed.remove(key);
      value.ifPresent(text -> changed.put(key, text));
      return new Overlay(version + 1, changed);
    }
  }

  /**
   * What holds at one moment.
   *
   * @param refused keys of the overlay that this node does not follow, and why
   */
  public record State<T>(
      Overlay overlay, NodeConfiguration configuration, T settings, Map<String, String> refused) {

    public State {
      refused = Collections.unmodifiableMap(new TreeMap<>(refused));
    }
  }

  /** Where a problem is that lies in what was set for all nodes. */
  public static final String WHERE = NodeConfiguration.CLUSTER;

  /** A key whose value in the file is another one than before; empty: none. */
  public record Change(String key, Optional<String> before, Optional<String> after) {}

  /**
   * What has come of reading the file anew.
   *
   * @param applied is in force now, unless the cluster says otherwise
   * @param needRestart differs from what the node was started with and waits for its next start
   */
  public record Reloaded(List<Change> applied, List<String> needRestart) {

    public Reloaded {
      applied = List.copyOf(applied);
      needRestart = List.copyOf(needRestart);
    }
  }

  private final SettingKeys keys;
  private final Function<NodeConfiguration, T> reader;
  private final List<Consumer<T>> listeners = new CopyOnWriteArrayList<>();
  private NodeConfiguration own;
  private volatile State<T> state;

  /**
   * The settings that a node starts with.
   *
   * @param reader reads all of them, and refuses with {@link InvalidConfigurationException}
   */
  public LiveSettings(
      NodeConfiguration start, SettingKeys keys, Function<NodeConfiguration, T> reader) {
    this.keys = keys;
    this.reader = reader;
    this.own = start;
    this.state = new State<>(Overlay.NONE, start, reader.apply(start), Map.of());
  }

  /** What holds now. */
  public T current() {
    return state.settings();
  }

  /** The same, with where it comes from. */
  public State<T> state() {
    return state;
  }

  /** Which keys may change, and how. */
  public SettingKeys keys() {
    return keys;
  }

  /** Tells this one the settings, now and after each change, on the thread that changes them. */
  public void follow(Consumer<T> listener) {
    listeners.add(listener);
    listener.accept(current());
  }

  /**
   * Follows an overlay. What this node can't follow stays as it is here, and is told in {@link
   * State#refused()}: a node of another release, or with another file, must not be stopped by it.
   */
  public synchronized State<T> apply(Overlay overlay) {
    return become(over(own, overlay));
  }

  /** Why a key is not changed for all nodes, whatever its value. */
  public synchronized Optional<ConfigurationProblem> refusal(String key) {
    return unfit(own, key);
  }

  /**
   * Whether a change makes sense.
   *
   * @throws InvalidConfigurationException if not; the problems say what is expected
   */
  public synchronized void check(String key, Optional<String> value) {
    if (value.isPresent()) {
      ConfigurationProblem wrong = unfit(own, key).orElse(null);
      if (wrong != null) {
        throw new InvalidConfigurationException(List.of(wrong));
      }
    }
    State<T> then = over(own, state.overlay().with(key, value));
    List<ConfigurationProblem> problems = new ArrayList<>();
    then.refused()
        .forEach((refused, why) -> {
          boolean held = why.equals(keys.held().get(refused));
          if (!held && !why.equals(state.refused().get(refused))) {
            problems.add(new ConfigurationProblem(WHERE, refused, why));
          }
        });
    if (!problems.isEmpty()) {
      throw new InvalidConfigurationException(problems);
    }
  }

  /**
   * Reads the node's file anew and takes over what can change while it runs.
   *
   * @throws InvalidConfigurationException if the file is wrong; then nothing has changed
   */
  public synchronized Reloaded reload() {
    NodeConfiguration read = own.reread();
    T unused = reader.apply(read);
    NodeConfiguration next = own;
    List<Change> applied = new ArrayList<>();
    List<String> needRestart = new ArrayList<>();
    Set<String> all = new TreeSet<>(own.keys());
    all.addAll(read.keys());
    for (String key : all) {
      Change change = new Change(key, own.text(key), read.text(key));
      boolean differs = !Objects.equals(change.before(), change.after());
      if (keys.reloads(key)) {
        // Equal ones as well: they may come from another line now.
        next = next.with(key, read.value(key));
        if (differs) {
          applied.add(change);
        }
      } else if (differs) {
        needRestart.add(key);
      }
    }
    // Each part makes sense with the file's others, but need not with those of the start.
    unused = reader.apply(next);
    own = next;
    become(over(own, state.overlay()));
    return new Reloaded(applied, needRestart);
  }

  private State<T> become(State<T> next) {
    state = next;
    listeners.forEach(listener -> listener.accept(next.settings()));
    return next;
  }

  /** All of the overlay where that makes sense as a whole, else as much of it as does. */
  private State<T> over(NodeConfiguration base, Overlay overlay) {
    Map<String, String> refused = new TreeMap<>();
    Map<String, String> wanted = new LinkedHashMap<>();
    overlay
        .values()
        .forEach((key, text) -> {
          Optional<String> why =
              Optional.ofNullable(keys.held().get(key))
                  .or(() -> unfit(base, key).map(ConfigurationProblem::expected));
          why.ifPresentOrElse(reason -> refused.put(key, reason), () -> wanted.put(key, text));
        });
    try {
      NodeConfiguration whole = base;
      for (Map.Entry<String, String> each : wanted.entrySet()) {
        whole = whole.with(each.getKey(), each.getValue());
      }
      return new State<>(overlay, whole, reader.apply(whole), refused);
    } catch (InvalidConfigurationException e) {
      return oneByOne(base, overlay, wanted, refused);
    }
  }

  /** Two settings may only make sense together, so what is refused is tried again after others. */
  private State<T> oneByOne(
      NodeConfiguration base,
      Overlay overlay,
      Map<String, String> wanted,
      Map<String, String> refused) {
    NodeConfiguration good = base;
    T settings = reader.apply(base);
    Set<String> left = new LinkedHashSet<>(wanted.keySet());
    boolean again = true;
    while (again) {
      again = false;
      for (String key : List.copyOf(left)) {
        try {
          NodeConfiguration next = good.with(key, String.valueOf(wanted.get(key)));
          settings = reader.apply(next);
          good = next;
          left.remove(key);
          refused.remove(key);
          again = true;
        } catch (InvalidConfigurationException e) {
          refused.put(key, reason(e));
        }
      }
    }
    return new State<>(overlay, good, settings, refused);
  }

  private static String reason(InvalidConfigurationException e) {
    return String.join("; ", e.problems().stream().map(ConfigurationProblem::expected).toList());
  }

  private Optional<ConfigurationProblem> unfit(NodeConfiguration base, String key) {
    if (keys.live().contains(key)) {
      return Optional.empty();
    }
    if (!base.keys().contains(key)) {
      return Optional.of(base.unknown(key));
    }
    return Optional.of(
        new ConfigurationProblem(
            WHERE,
            key,
            keys.reloads(key)
                ? "it opens a door, so it changes in the node's file alone; then: clawterm settings"
                    + " reload"
                : "needs a restart: change it in the node's file"));
  }
}
