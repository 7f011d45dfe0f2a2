package io.clawterm.config;

import java.util.Map;
import java.util.Set;

/**
 * What may be done with which settings while a node runs.
 *
 * @param live may be changed for all nodes at once
 * @param ofFile change when the node reads its file anew, and only so: they open doors, and who
 *     writes the file has the rights of the node already. A name that ends in a dot is a block
 * @param secret are never shown
 * @param held live ones that something on this node goes before, and what that is
 */
public record SettingKeys(
    Set<String> live, Set<String> ofFile, Set<String> secret, Map<String, String> held) {

  public SettingKeys {
    live = Set.copyOf(live);
    ofFile = Set.copyOf(ofFile);
    secret = Set.copyOf(secret);
    held = Map.copyOf(held);
  }

  /** Whether a change in the file is taken over when the node reads it anew. */
  boolean reloads(String key) {
    return live.contains(key)
        || ofFile.stream()
            .anyMatch(each -> each.endsWith(".") ? key.startsWith(each) : each.equals(key));
  }
}
