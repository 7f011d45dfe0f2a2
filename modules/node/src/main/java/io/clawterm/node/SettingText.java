package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** How the commands speak of settings, of who changed them, and of nodes that follow or don't. */
final class SettingText {

  private SettingText() {}

  /** Where a setting's value comes from. */
  static String from(JsonNode setting) {
    String where =
        switch (setting.path("source").asText()) {
          case "cluster" -> "cluster";
          case "file" -> setting.path("where").asText();
          case "start" -> "the command line";
          default -> "default";
        };
    boolean holds = setting.has("changedAt");
    return holds
        ? where
            + ", version "
            + setting.path("version").asLong()
            + " by "
            + who(setting.path("changedBy"), setting)
            + " at "
            + setting.path("changedAt").asText()
        : where;
  }

  /**
   * Who it was, and why.
   *
   * @param said holds what that principal has said of itself
   */
  static String who(JsonNode principal, JsonNode said) {
    String by = said.path("saidBy").asText();
    String reason = said.path("reason").asText();
    return principal.asText()
        + (by.isEmpty() ? "" : " (" + by + ")")
        + (reason.isEmpty() ? "" : ": " + reason);
  }

  static String change(JsonNode change) {
    return change.path("key").asText()
        + ": "
        + change.path("before").asText("-")
        + " -> "
        + change.path("after").asText("-");
  }

  static String node(JsonNode node) {
    return "node " + node.path("number").asInt() + " (" + node.path("address").asText() + ")";
  }

  /** What this node has refused of the settings that begin so, a line each. */
  static List<String> refused(JsonNode node, String begin) {
    List<String> lines = new ArrayList<>();
    for (JsonNode refused : node.path("refused")) {
      if (refused.asText().startsWith(begin)) {
        lines.add(node(node) + " does not follow " + refused.asText());
      }
    }
    return lines;
  }
}
