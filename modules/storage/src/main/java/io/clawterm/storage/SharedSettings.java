package io.clawterm.storage;

import io.clawterm.config.ConfigurationProblem;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.LiveSettings;
import io.clawterm.config.NodeConfiguration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The settings of a node that follow those of its cluster. Nodes learn of a change by asking for
 * its number, again and again: that finds its way after a lost connection by itself, where a
 * notification would be lost with it.
 */
public final class SharedSettings {

  /** What has come of an attempt to change a setting. */
  public sealed interface Outcome {
    /** It is done, and holds on this node. */
    record Changed(SettingChange change) implements Outcome {}

    /** It stays as it was, because it is so already. */
    record Same(long version) implements Outcome {}

    /** Somebody else has changed it since the version that the caller has seen. */
    record Overtaken(Optional<SettingChange> newest) implements Outcome {}
  }

  private static final Logger LOG = LoggerFactory.getLogger(SharedSettings.class);

  /** Attempts to get a change in between those of others. */
  private static final int ATTEMPTS = 20;

  private final LiveSettings<?> live;
  private final StoredSettings stored;

  public SharedSettings(LiveSettings<?> live, StoredSettings stored) {
    this.live = live;
    this.stored = stored;
  }

  /** What holds on this node now. */
  public LiveSettings.State<?> state() {
    return live.state();
  }

  /** The same for all nodes, as the database has it. */
  public StoredSettings stored() {
    return stored;
  }

  /** Whether the value of a key may be shown. */
  public boolean isSecret(String key) {
    return live.keys().secret().contains(key);
  }

  /** Whether a key may be changed for all nodes. */
  public boolean isLive(String key) {
    return live.keys().live().contains(key);
  }

  /** Why a key is not changed for all nodes, whatever its value. */
  public Optional<ConfigurationProblem> refusal(String key) {
    return live.refusal(key);
  }

  /**
   * Takes over what the cluster has, and says so there; the first time in any case.
   *
   * @throws StorageException when the database does not answer; all stays as it is
   */
  public void start() {
    take();
  }

  /** The same where anything is new. */
  public void follow() {
    if (stored.version() != live.state().overlay().version()) {
      take();
    }
  }

  private synchronized void take() {
    Map<String, String> refusedBefore = live.state().refused();
    LiveSettings.Overlay before = live.state().overlay();
    LiveSettings.State<?> now = live.apply(stored.overlay());
    stored.confirm(now);
    if (now.overlay().version() != before.version()) {
      LOG.atInfo()
          .addKeyValue("version", now.overlay().version())
          .addKeyValue("set", now.overlay().values().keySet())
          .log("the settings of the cluster hold here");
    }
    now.refused()
        .forEach((key, why) -> {
          if (!why.equals(refusedBefore.get(key))) {
            LOG.atWarn()
                .addKeyValue("key", key)
                .addKeyValue("reason", why)
                .log("this node does not follow a setting of the cluster");
          }
        });
  }

  /**
   * Changes a setting for all nodes, and takes it over here.
   *
   * @param after empty: each node's own value holds again
   * @param seen the version of this key's newest change that the caller has seen, 0 for none; it is
   *     refused if that is not the newest. Empty: whatever it is
   * @throws InvalidConfigurationException if it makes no sense
   * @throws StorageException when the database does not answer
   */
  public Outcome change(
      String key, Optional<String> after, OptionalLong seen, SettingChange.Author author) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      follow();
      LiveSettings.Overlay overlay = live.state().overlay();
      Optional<SettingChange> newest = Optional.ofNullable(stored.newest().get(key));
      if (seen.isPresent() && seen.getAsLong() != newest.map(SettingChange::version).orElse(0L)) {
        return new Outcome.Overtaken(newest);
      }
      live.check(key, after);
      if (Objects.equals(Optional.ofNullable(overlay.values().get(key)), after)) {
        return new Outcome.Same(overlay.version());
      }
      StoredSettings.Outcome outcome = stored.change(key, after, overlay.version(), author);
      if (outcome instanceof StoredSettings.Outcome.Changed changed) {
        LOG.atInfo()
            .addKeyValue("key", key)
            .addKeyValue("principal", author.tenant() + "/" + author.principal())
            .addKeyValue("version", changed.change().version())
            .log(after.isPresent() ? "a setting was changed" : "a setting was given up");
        take();
        return new Outcome.Changed(changed.change());
      }
    }
    throw new StorageException("The settings are being changed all the time; try again");
  }

  /**
   * Reads this node's file anew.
   *
   * @throws InvalidConfigurationException if the file is wrong; then nothing has changed
   * @throws StorageException when the database does not answer: what the file says holds, and is
   *     missing in the history
   */
  public LiveSettings.Reloaded reload(SettingChange.Author author) {
    LiveSettings.Reloaded reloaded = live.reload();
    LOG.atInfo()
        .addKeyValue("applied", reloaded.applied().stream().map(LiveSettings.Change::key).toList())
        .addKeyValue("waiting", reloaded.needRestart())
        .addKeyValue("principal", author.tenant() + "/" + author.principal())
        .log("the file with the settings was read anew");
    if (!reloaded.applied().isEmpty()) {
      stored.reloaded(reloaded.applied(), author);
    }
    take();
    return reloaded;
  }

  /** Nodes that do not follow this version yet. */
  public List<StoredSettings.Follower> behind(long version) {
    Predicate<StoredSettings.Follower> follows =
        node -> node.version().isPresent() && node.version().getAsLong() >= version;
    return stored.followers().stream().filter(follows.negate()).toList();
  }

  /** The whole value of a key on this node; nothing of a secret is shown. */
  public Optional<String> shown(String key) {
    NodeConfiguration configuration = live.state().configuration();
    return configuration.text(key).map(text -> isSecret(key) && !text.isEmpty() ? "***" : text);
  }
}
