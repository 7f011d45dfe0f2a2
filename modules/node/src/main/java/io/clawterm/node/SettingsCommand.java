package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code clawterm settings}. */
@Command(
    name = "settings",
    description = "Show and change settings while the nodes run.",
    mixinStandardHelpOptions = true,
    subcommands = {
      SettingsGetCommand.class,
      SettingsSetCommand.class,
      SettingsUnsetCommand.class,
      SettingsHistoryCommand.class,
      SettingsReloadCommand.class
    })
final class SettingsCommand implements Callable<Integer> {

  static final String PATH = "/api/v1/settings";

  private static final String ROW = "%-52s %-42s %s%n";
  private static final int SHOWN_CHARS = 40;

  @Mixin private ApiOption api;

  @Option(names = "--all", description = "Those as well that need a restart.")
  private boolean all;

  @Override
  public Integer call() throws Exception {
    return api.show(server -> server.get(PATH + (all ? "?all=true" : "")), SettingsCommand::tell);
  }

  private static void tell(PrintWriter out, JsonNode answer) {
    out.printf(Locale.ROOT, ROW, "KEY", "VALUE", "FROM");
    for (JsonNode setting : answer.path("settings")) {
      out.printf(
          Locale.ROOT,
          ROW,
          setting.path("key").asText(),
          shortened(setting.path("value").asText("-")),
          SettingText.from(setting));
    }
    for (JsonNode node : answer.path("nodes")) {
      SettingText.refused(node, "").forEach(out::println);
      if (node.path("version").asLong(-1) != answer.path("version").asLong()) {
        out.println(SettingText.node(node) + " does not follow the newest change");
      }
    }
  }

  private static String shortened(String value) {
    String line = value.replace('\n', ' ');
    return line.length() <= SHOWN_CHARS ? line : line.substring(0, SHOWN_CHARS - 1) + "…";
  }
}
