package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm settings history}. */
@Command(
    name = "history",
    description = "Who changed what, the newest first.",
    mixinStandardHelpOptions = true)
final class SettingsHistoryCommand implements Callable<Integer> {

  private static final int PAGE = 500;

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
    String query = "?limit=" + limit + (key == null ? "" : "&key=" + ApiClient.encoded(key));
    JsonNode changes;
    try (ApiClient server = ApiClient.ofData(data.folder())) {
      changes = server.get(SettingsCommand.PATH + "/history" + query).path("changes");
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(changes);
    } else if (changes.isEmpty()) {
      out.println("Nothing was changed.");
    } else {
      changes.forEach(change -> out.println(line(change)));
    }
    return 0;
  }

  private static String line(JsonNode change) {
    boolean file = change.path("scope").asText().equals("file");
    return change.path("version").asLong()
        + "  "
        + change.path("at").asText()
        + "  "
        + SettingText.change(change)
        + (file ? "  in the file of node " + change.path("node").asInt() : "")
        + "  by "
        + SettingText.who(change.path("by"), change);
  }
}
