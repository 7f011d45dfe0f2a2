package io.clawterm.http;

import io.clawterm.config.LiveSettings;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.storage.SettingChange;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StoredSettings;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Settings on the wire. */
final class SettingsJson {

  private SettingsJson() {}

  /**
   * One setting.
   *
   * @param version of the newest change for all nodes; 0: there was none
   * @param cluster what was set for all nodes, where this one does not follow
   */
  record Setting(
      String key,
      @Nullable String value,
      String source,
      String where,
      boolean live,
      long version,
      @Nullable String changedAt,
      @Nullable String changedBy,
      @Nullable String saidBy,
      @Nullable String reason,
      @Nullable String cluster,
      @Nullable String notFollowed) {

    static Setting of(SharedSettings settings, String key, Map<String, SettingChange> newest) {
      LiveSettings.State<?> state = settings.state();
      Optional<SettingChange> change = Optional.ofNullable(newest.get(key));
      Optional<SettingChange> holds = change.filter(each -> each.after().isPresent());
      String refused = state.refused().get(key);
      NodeConfiguration.Source source = state.configuration().source(key);
      return new Setting(
          key,
          settings.shown(key).orElse(null),
          source.name().toLowerCase(Locale.ROOT),
          source == NodeConfiguration.Source.DEFAULT ? "" : state.configuration().where(key),
          settings.isLive(key),
          change.map(SettingChange::version).orElse(0L),
          holds.map(each -> each.at().toString()).orElse(null),
          holds.map(SettingsJson::by).orElse(null),
          holds.map(each -> each.author().saidBy()).orElse(null),
          holds.map(each -> each.author().reason()).orElse(null),
          refused == null ? null : state.overlay().values().get(key),
          refused);
    }
  }

  /** What one node follows. */
  record Node(
      int number, String address, String release, @Nullable Long version, List<String> refused) {

    static Node of(StoredSettings.Follower follower) {
      return new Node(
          follower.node().number(),
          follower.node().address(),
          follower.node().version(),
          follower.version().isPresent() ? follower.version().getAsLong() : null,
          follower.refused());
    }
  }

  record Listing(long version, List<Setting> settings, List<Node> nodes) {}

  /** The nodes in {@code behind} did not follow in time. */
  record Changed(Setting setting, boolean changed, List<Node> nodes, List<Node> behind) {}

  /** A line of the history. */
  record Change(
      long version,
      String key,
      @Nullable String before,
      @Nullable String after,
      String scope,
      String by,
      String saidBy,
      String reason,
      int node,
      String at) {

    static Change of(SettingChange change) {
      return new Change(
          change.version(),
          change.key(),
          change.before().orElse(null),
          change.after().orElse(null),
          change.scope().name().toLowerCase(Locale.ROOT),
          SettingsJson.by(change),
          change.author().saidBy(),
          change.author().reason(),
          change.node(),
          change.at().toString());
    }
  }

  record History(List<Change> changes, @Nullable String nextCursor) {}

  record ReloadedChange(String key, @Nullable String before, @Nullable String after) {}

  /** What a node has found in its file. */
  record Reloaded(List<ReloadedChange> applied, List<String> needRestart) {

    static Reloaded of(LiveSettings.Reloaded reloaded) {
      return new Reloaded(
          reloaded.applied().stream()
              .map(change ->
                  new ReloadedChange(
                      change.key(), change.before().orElse(null), change.after().orElse(null)))
              .toList(),
          reloaded.needRestart());
    }
  }

  static List<Node> nodes(List<StoredSettings.Follower> followers) {
    return followers.stream().map(Node::of).toList();
  }

  /** Which principal it was. */
  static String by(SettingChange change) {
    return change.author().tenant() + "/" + change.author().principal();
  }
}
