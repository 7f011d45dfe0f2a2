package io.clawterm.node;

import io.clawterm.agent.AgentSettings;
import io.clawterm.config.SettingKeys;
import io.clawterm.edge.EdgeSettings;
import io.clawterm.edge.PodSettings;
import io.clawterm.edge.PtySettings;
import io.clawterm.http.HttpSettings;
import io.clawterm.model.ModelSettings;
import io.clawterm.session.SessionSettings;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Which settings of all modules may change while a node runs. */
final class LiveKeys {

  private static final String MODEL = "CLAWTERM_MODEL";

  private LiveKeys() {}

  /**
   * The keys.
   *
   * @param environment some of its variables go before settings
   */
  static SettingKeys of(Map<String, String> environment) {
    Set<String> live = new HashSet<>();
    add(live, "clawterm.session.", SessionSettings.LIVE);
    add(live, "clawterm.edge.", EdgeSettings.LIVE);
    add(live, "clawterm.agent.", AgentSettings.LIVE);
    add(live, "clawterm.model.", ModelSettings.LIVE);
    add(live, "clawterm.pty.", PtySettings.LIVE);
    add(live, "clawterm.pods.", PodSettings.LIVE);
    add(live, "clawterm.http.", HttpSettings.LIVE);
    live.add("clawterm.node.log-level");
    Set<String> doors = new HashSet<>();
    add(doors, "clawterm.pty.", PtySettings.DOORS);
    return new SettingKeys(live, doors, Set.of("clawterm.node.database"), held(environment));
  }

  private static void add(Set<String> all, String block, Set<String> keys) {
    keys.forEach(key -> all.add(block + key));
  }

  private static Map<String, String> held(Map<String, String> environment) {
    return environment.getOrDefault(MODEL, "").isBlank()
        ? Map.of()
        : Map.of("clawterm.model.name", MODEL + " in the environment of this node goes before it");
  }
}
