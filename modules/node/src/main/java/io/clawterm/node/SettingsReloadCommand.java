package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm settings reload}. */
@Command(
    name = "reload",
    description = "Let the node of the data folder read its file anew.",
    mixinStandardHelpOptions = true)
final class SettingsReloadCommand implements Callable<Integer> {

  @Mixin private ApiOption api;

  @Override
  public Integer call() throws Exception {
    String path =
        SettingsCommand.PATH + "/reload?by=" + ApiClient.encoded(ServerOption.defaultDevice());
    return api.show(server -> server.post(path), SettingsReloadCommand::tell);
  }

  private static void tell(PrintWriter out, JsonNode answer) {
    answer.path("applied").forEach(change -> out.println(SettingText.change(change)));
    for (JsonNode key : answer.path("needRestart")) {
      out.println(key.asText() + " waits for the next start of this node");
    }
    if (answer.path("applied").isEmpty() && answer.path("needRestart").isEmpty()) {
      out.println("Nothing has changed in the file.");
    }
  }
}
