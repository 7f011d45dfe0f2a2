package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm settings} and what belongs to it. */
@Command(
    name = "settings",
    description = "Show and change settings while the nodes run.",
    mixinStandardHelpOptions = true,
    subcommands = {
      SettingsCommand.Get.class,
      SettingsCommand.Set.class,
      SettingsCommand.Unset.class,
      SettingsCommand.History.class,
      SettingsCommand.Reload.class
    })
final class SettingsCommand implements Callable<Integer> {

  private static final String PATH = "/api/v1/settings";
  private static final int PAGE = 500;
  private static final int SHOWN_CHARS = 40;

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(names = "--all", description = "Those as well that need a restart.")
  private boolean all;

  @Option(names = "--json", description = "As a JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    PrintWriter out = spec.commandLine().getOut();
    JsonNode answer;
    try (ApiClient api = ApiClient.ofData(data.folder())) {
      answer = api.get(PATH + (all ? "?all=true" : ""));
    }
    if (json) {
      out.println(answer);
      return 0;
    }
    out.printf(Locale.ROOT, "%-52s %-42s %s%n", "KEY", "VALUE", "FROM");
    for (JsonNode setting : answer.path("settings")) {
      out.printf(
          Locale.ROOT,
          "%-52s %-42s %s%n",
          setting.path("key").asText(),
          shortened(setting.path("value").asText("-")),
          from(setting));
    }
    for (JsonNode node : answer.path("nodes")) {
      tellRefused(out, node, "");
      if (node.path("version").asLong(-1) != answer.path("version").asLong()) {
        out.println(name(node) + " does not follow the newest change");
      }
    }
    return 0;
  }

  private static String shortened(String value) {
    String line = value.replace('\n', ' ');
    return line.length() <= SHOWN_CHARS ? line : line.substring(0, SHOWN_CHARS - 1) + "…";
  }

  private static String from(JsonNode setting) {
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

  private static String who(JsonNode principal, JsonNode said) {
    String by = said.path("saidBy").asText();
    String reason = said.path("reason").asText();
    return principal.asText()
        + (by.isEmpty() ? "" : " (" + by + ")")
        + (reason.isEmpty() ? "" : ": " + reason);
  }

  private static String name(JsonNode node) {
    return "node " + node.path("number").asInt() + " (" + node.path("address").asText() + ")";
  }

  /** Whether this node has refused any, of those that begin so. */
  private static boolean tellRefused(PrintWriter out, JsonNode node, String begin) {
    boolean any = false;
    for (JsonNode refused : node.path("refused")) {
      if (refused.asText().startsWith(begin)) {
        out.println(name(node) + " does not follow " + refused.asText());
        any = true;
      }
    }
    return any;
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /** {@code clawterm settings get}. */
  @Command(name = "get", description = "Show one setting.", mixinStandardHelpOptions = true)
  static final class Get implements Callable<Integer> {

    @Spec private CommandSpec spec;
    @Mixin private DataOption data;

    @Option(names = "--json", description = "As a JSON object.")
    private boolean json;

    @Parameters(paramLabel = "KEY", description = "Such as clawterm.edge.retry-after.")
    private String key;

    @Override
    public Integer call() throws Exception {
      Logs.onTerminal();
      PrintWriter out = spec.commandLine().getOut();
      try (ApiClient api = ApiClient.ofData(data.folder())) {
        JsonNode setting = api.get(PATH + "/" + encoded(key));
        if (json) {
          out.println(setting);
          return 0;
        }
        out.println(key + " = " + setting.path("value").asText());
        out.println("  from: " + from(setting));
        if (setting.has("notFollowed")) {
          out.println(
              "  the cluster's is "
                  + setting.path("cluster").asText()
                  + ", not followed here: "
                  + setting.path("notFollowed").asText());
        }
        if (!setting.path("live").asBoolean()) {
          out.println("  not changed by `settings set`: it is for the node's file");
        }
      }
      return 0;
    }
  }

  /** What a change needs to be told. */
  static final class ChangeOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Mixin private DataOption data;

    @Option(
        names = "--reason",
        paramLabel = "TEXT",
        description = "Why, for the history; one line.")
    private String reason = "";

    @Option(
        names = "--if-version",
        paramLabel = "N",
        description = "Only if this is the key's newest version; 0: it was never set.")
    private @Nullable Long version;

    @Option(names = "--json", description = "As a JSON object.")
    private boolean json;

    /** One request, with the version that the caller has seen or that was read just before. */
    @FunctionalInterface
    interface Change {
      JsonNode send(ApiClient api, String path, long version) throws Exception;
    }

    int run(String key, Change change) throws Exception {
      Logs.onTerminal();
      PrintWriter out = spec.commandLine().getOut();
      JsonNode before;
      JsonNode answer;
      try (ApiClient api = ApiClient.ofData(data.folder())) {
        before = api.get(PATH + "/" + encoded(key));
        answer =
            change.send(
                api,
                PATH
                    + "/"
                    + encoded(key)
                    + "?by="
                    + encoded(ServerOption.defaultDevice())
                    + "&reason="
                    + encoded(reason),
                version == null ? before.path("version").asLong() : version);
      }
      if (json) {
        out.println(answer);
      }
      List<JsonNode> behind = new ArrayList<>();
      answer.path("behind").forEach(behind::add);
      boolean all = behind.isEmpty();
      if (!json) {
        out.println(told(key, before, answer));
        for (JsonNode node : answer.path("nodes")) {
          all = !tellRefused(out, node, key + ":") && all;
        }
        behind.forEach(node -> out.println(name(node) + " has not confirmed it yet"));
        if (all) {
          int nodes = answer.path("nodes").size();
          out.println("It holds on " + (nodes == 1 ? "the one node." : "all " + nodes + " nodes."));
        }
      }
      return behind.isEmpty() ? 0 : Main.FAILED;
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

  /** {@code clawterm settings set}. */
  @Command(
      name = "set",
      description = "Change a setting on all nodes, now and at each of their starts.",
      mixinStandardHelpOptions = true)
  static final class Set implements Callable<Integer> {

    @Mixin private ChangeOptions options;

    @Parameters(index = "0", paramLabel = "KEY", description = "Such as clawterm.edge.retry-after.")
    private String key;

    @Parameters(
        index = "1",
        paramLabel = "VALUE",
        description = "As in the configuration; a list as JSON.")
    private String value;

    @Override
    public Integer call() throws Exception {
      JsonNode body = new ObjectMapper().createObjectNode().put("value", value);
      return options.run(key, (api, path, version) -> api.put(path, body, version));
    }
  }

  /** {@code clawterm settings unset}. */
  @Command(
      name = "unset",
      description = "Let each node's own value hold again: its file's, or the default.",
      mixinStandardHelpOptions = true)
  static final class Unset implements Callable<Integer> {

    @Mixin private ChangeOptions options;

    @Parameters(paramLabel = "KEY", description = "Such as clawterm.edge.retry-after.")
    private String key;

    @Override
    public Integer call() throws Exception {
      return options.run(key, ApiClient::delete);
    }
  }

  /** {@code clawterm settings history}. */
  @Command(
      name = "history",
      description = "Who changed what, the newest first.",
      mixinStandardHelpOptions = true)
  static final class History implements Callable<Integer> {

    @Spec private CommandSpec spec;
    @Mixin private DataOption data;

    @Option(
        names = "--limit",
        paramLabel = "N",
        description = "At most so many; 50 unless given, up to 500.")
    private int limit = 50;

    @Option(names = "--json", description = "As a JSON array.")
    private boolean json;

    @Parameters(arity = "0..1", paramLabel = "KEY", description = "Of this setting alone.")
    private @Nullable String key;

    @Override
    public Integer call() throws Exception {
      if (limit < 1 || limit > PAGE) {
        throw new CommandLine.ParameterException(
            spec.commandLine(), "--limit is 1 to " + PAGE + ", not " + limit);
      }
      Logs.onTerminal();
      PrintWriter out = spec.commandLine().getOut();
      JsonNode changes;
      try (ApiClient api = ApiClient.ofData(data.folder())) {
        changes =
            api.get(PATH + "/history?limit=" + limit + (key == null ? "" : "&key=" + encoded(key)))
                .path("changes");
      }
      if (json) {
        out.println(changes);
        return 0;
      }
      for (JsonNode change : changes) {
        boolean file = change.path("scope").asText().equals("file");
        out.println(
            change.path("version").asLong()
                + "  "
                + change.path("at").asText()
                + "  "
                + change.path("key").asText()
                + ": "
                + change.path("before").asText("-")
                + " -> "
                + change.path("after").asText("-")
                + (file ? "  in the file of node " + change.path("node").asInt() : "")
                + "  by "
                + who(change.path("by"), change));
      }
      if (changes.isEmpty()) {
        out.println("Nothing was changed.");
      }
      return 0;
    }
  }

  /** {@code clawterm settings reload}. */
  @Command(
      name = "reload",
      description = "Let the node of the data folder read its file anew.",
      mixinStandardHelpOptions = true)
  static final class Reload implements Callable<Integer> {

    @Spec private CommandSpec spec;
    @Mixin private DataOption data;

    @Option(names = "--json", description = "As a JSON object.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
      Logs.onTerminal();
      PrintWriter out = spec.commandLine().getOut();
      JsonNode answer;
      try (ApiClient api = ApiClient.ofData(data.folder())) {
        answer = api.post(PATH + "/reload?by=" + encoded(ServerOption.defaultDevice()));
      }
      if (json) {
        out.println(answer);
        return 0;
      }
      for (JsonNode change : answer.path("applied")) {
        out.println(
            change.path("key").asText()
                + ": "
                + change.path("before").asText("-")
                + " -> "
                + change.path("after").asText("-"));
      }
      for (JsonNode key : answer.path("needRestart")) {
        out.println(key.asText() + " waits for the next start of this node");
      }
      if (answer.path("applied").isEmpty() && answer.path("needRestart").isEmpty()) {
        out.println("Nothing has changed in the file.");
      }
      return 0;
    }
  }
}
