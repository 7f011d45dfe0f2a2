package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * What the commands that change a setting have in common: what they are told, and what they tell.
 */
final class SettingsChange {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Why, for the history; one line.")
  private String reason = "";

  @Option(
      names = "--if-version",
      paramLabel = "N",
      description = "Only if this is the key's newest version; 0: it was never set.")
  private @Nullable Long version;

  /** One request, with the version that the caller has seen or that was read just before. */
  @FunctionalInterface
  interface Request {
    JsonNode send(ApiClient server, String path, long version) throws Exception;
  }

  int run(ApiOption api, SettingParameter setting, Request change) throws Exception {
    JsonNode before;
    JsonNode answer;
    try (ApiClient server = api.client()) {
      before = server.get(setting.path());
      answer =
          change.send(
              server,
              setting.path()
                  + "?by="
                  + ApiClient.encoded(ServerOption.defaultDevice())
                  + "&reason="
                  + ApiClient.encoded(reason),
              version == null ? before.path("version").asLong() : version);
    }
    if (api.json()) {
      api.out().println(answer);
    } else {
      tell(api.out(), setting.key(), before, answer);
    }
    return answer.path("behind").isEmpty() ? 0 : Main.FAILED;
  }

  private static void tell(PrintWriter out, String key, JsonNode before, JsonNode answer) {
    out.println(told(key, before, answer));
    List<String> exceptions = new ArrayList<>();
    for (JsonNode node : answer.path("nodes")) {
      exceptions.addAll(SettingText.refused(node, key + ":"));
    }
    for (JsonNode node : answer.path("behind")) {
      exceptions.add(SettingText.node(node) + " has not confirmed it yet");
    }
    exceptions.forEach(out::println);
    if (exceptions.isEmpty()) {
      int nodes = answer.path("nodes").size();
      out.println("It holds on " + (nodes == 1 ? "the one node." : "all " + nodes + " nodes."));
    }
  }

  private static String told(String key, JsonNode before, JsonNode answer) {
    JsonNode setting = answer.path("setting");
    if (!answer.path("changed").asBoolean()) {
      return key + " is " + setting.path("value").asText() + " already.";
    }
    return key
        + ": "
        + before.path("value").asText()
        + " -> "
        + setting.path("value").asText()
        + " (version "
        + setting.path("version").asLong()
        + ")";
  }
}
