package io.clawterm.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import io.clawterm.config.LiveSettings.Change;
import io.clawterm.config.LiveSettings.Overlay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveSettingsTest {

  private static final String SOFT = "clawterm.limits.soft";
  private static final String HARD = "clawterm.limits.hard";
  private static final String NAMES = "clawterm.limits.names";
  private static final String PORT = "clawterm.example.port";

  private static final SettingKeys KEYS =
      new SettingKeys(
          Set.of(SOFT, HARD, NAMES), Set.of("clawterm.limits.allow"), Set.of(), Map.of());

  @TempDir private Path folder;

  private record Limits(int soft, int hard, List<String> names, List<String> allow) {
    private Limits {
      if (soft < 1) {
        throw new IllegalArgumentException("soft must be above 0, is " + soft);
      }
      if (hard < soft) {
        throw new IllegalArgumentException("hard must be at least soft, is " + hard);
      }
    }

    static Limits from(Config config) {
      return new Limits(
          config.getInt("soft"),
          config.getInt("hard"),
          config.getStringList("names"),
          config.getStringList("allow"));
    }
  }

  private static Limits read(NodeConfiguration configuration) {
    Optional<Limits> limits = configuration.read("clawterm.limits", Limits::from);
    configuration.refuseIfWrong();
    return limits.orElseThrow();
  }

  @Test
  void anOverlayGoesBeforeTheFileAndItsEndBringsTheFileBack() throws IOException {
    LiveSettings<Limits> live = live("clawterm.limits.soft = 3");
    List<Integer> heard = new ArrayList<>();
    live.follow(limits -> heard.add(limits.soft()));
    assertThat(live.state().configuration().source(SOFT)).isEqualTo(NodeConfiguration.Source.FILE);

    live.apply(overlay(1, Map.of(SOFT, "7", NAMES, "[\"a\", \"b\"]")));

    assertThat(live.current().soft()).isEqualTo(7);
    assertThat(live.current().names()).containsExactly("a", "b");
    assertThat(live.state().configuration().source(SOFT))
        .isEqualTo(NodeConfiguration.Source.CLUSTER);
    assertThat(live.state().configuration().source(HARD))
        .isEqualTo(NodeConfiguration.Source.DEFAULT);
    assertThat(live.state().configuration().text(NAMES)).contains("[\"a\",\"b\"]");

    live.apply(overlay(2, Map.of()));

    assertThat(live.current().soft()).isEqualTo(3);
    assertThat(heard).containsExactly(3, 7, 3);
  }

  @Test
  void aChangeIsCheckedByTheSameRulesAsTheFile() {
    LiveSettings<Limits> live = live("");

    assertRefused(live, SOFT, "0", "soft must be above 0, is 0");
    assertRefused(live, SOFT, "many", "soft has type STRING rather than NUMBER");
    assertRefused(live, SOFT, "11", "hard must be at least soft, is 10");
    assertRefused(live, NAMES, "a, b", "a list in JSON");
    assertRefused(live, "clawterm.limits.sotf", "1", "did you mean clawterm.limits.soft?");
    assertRefused(live, "akka.loglevel", "DEBUG", "there is no such setting");
    assertRefused(live, PORT, "1", "needs a restart");
    assertRefused(live, "clawterm.limits.allow", "[\"*\"]", "in the node's file alone");
    live.check(SOFT, Optional.of("10"));

    assertThat(live.current().soft()).as("a check changes nothing").isEqualTo(1);
  }

  private static void assertRefused(
      LiveSettings<Limits> live, String key, String value, String why) {
    assertThatThrownBy(() -> live.check(key, Optional.of(value)))
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContaining(why);
  }

  /** The file says 20, so a soft limit of 15 made sense; without the hard one it does not. */
  @Test
  void anEndThatWouldMakeAnotherSettingWrongIsRefused() {
    LiveSettings<Limits> live = live("");
    var both = new LinkedHashMap<String, String>();
    both.put(HARD, "20");
    both.put(SOFT, "15");
    live.apply(overlay(2, both));

    assertThatThrownBy(() -> live.check(HARD, Optional.empty()))
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContaining(SOFT);
    live.check(SOFT, Optional.empty());
  }

  @Test
  void whatThisNodeCannotFollowIsToldAndTheRestHolds() {
    LiveSettings<Limits> live = live("");
    var later = new LinkedHashMap<String, String>();
    later.put("clawterm.limits.of-a-later-release", "1");
    later.put(SOFT, "-4");
    later.put(HARD, "30");

    live.apply(overlay(5, later));

    assertThat(live.current()).extracting(Limits::soft, Limits::hard).containsExactly(1, 30);
    assertThat(live.state().overlay().version()).isEqualTo(5);
    assertThat(live.state().refused())
        .containsOnlyKeys("clawterm.limits.of-a-later-release", SOFT)
        .containsEntry(SOFT, "soft must be above 0, is -4");
    live.check(HARD, Optional.of("31"));
  }

  @Test
  void twoSettingsThatOnlyMakeSenseTogetherAreTakenInAnyOrder() {
    LiveSettings<Limits> live = live("");
    var both = new LinkedHashMap<String, String>();
    both.put("clawterm.limits.unknown", "1");
    both.put(SOFT, "15");
    both.put(NAMES, "none");
    both.put(HARD, "20");

    live.apply(overlay(4, both));

    assertThat(live.current()).extracting(Limits::soft, Limits::hard).containsExactly(15, 20);
    assertThat(live.state().refused()).containsOnlyKeys("clawterm.limits.unknown", NAMES);
  }

  @Test
  void whatSomethingOnTheNodeGoesBeforeIsNoReasonToRefuseIt() {
    var live =
        new LiveSettings<>(
            NodeConfiguration.load(Map.of(), Optional.empty(), "none"),
            new SettingKeys(Set.of(SOFT), Set.of(), Set.of(), Map.of(SOFT, "VARIABLE is set")),
            LiveSettingsTest::read);

    live.check(SOFT, Optional.of("5"));
    live.apply(overlay(1, Map.of(SOFT, "5")));

    assertThat(live.current().soft()).isEqualTo(1);
    assertThat(live.state().refused()).containsEntry(SOFT, "VARIABLE is set");
  }

  @Test
  void aReloadTakesOverWhatCanChangeAndNamesWhatWaitsForARestart() throws IOException {
    LiveSettings<Limits> live = live("clawterm.limits { soft = 3, allow = [one] }");
    live.apply(overlay(1, Map.of(HARD, "40")));
    write("clawterm { limits { soft = 12, hard = 12, allow = [] }, example.port = 9 }");

    LiveSettings.Reloaded reloaded = live.reload();

    assertThat(reloaded.needRestart()).containsExactly(PORT);
    assertThat(reloaded.applied())
        .containsExactlyInAnyOrder(
            new Change("clawterm.limits.allow", Optional.of("[\"one\"]"), Optional.of("[]")),
            new Change(HARD, Optional.of("10"), Optional.of("12")),
            new Change(SOFT, Optional.of("3"), Optional.of("12")));
    assertThat(live.current()).isEqualTo(new Limits(12, 40, List.of(), List.of()));
    assertThat(live.state().configuration().text(PORT)).contains("7220");

    write("clawterm.limits.soft = 0");
    assertThatThrownBy(live::reload).isInstanceOf(InvalidConfigurationException.class);
    assertThat(live.current().soft()).isEqualTo(12);
  }

  private LiveSettings<Limits> live(String file) {
    try {
      write(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return new LiveSettings<>(
        NodeConfiguration.load(Map.of(), Optional.of(folder.resolve("config.conf")), "none"),
        KEYS,
        LiveSettingsTest::read);
  }

  private void write(String text) throws IOException {
    Files.writeString(folder.resolve("config.conf"), text);
  }

  private static Overlay overlay(long version, Map<String, String> values) {
    return new Overlay(version, values);
  }
}
