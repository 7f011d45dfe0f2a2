package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm settings get}. */
@Command(name = "get", description = "Show one setting.", mixinStandardHelpOptions = true)
final class SettingsGetCommand implements Callable<Integer> {

  @Mixin private ApiOption api;
  @Mixin private SettingParameter setting;

  @Override
  public Integer call() throws Exception {
    return api.show(server -> server.get(setting.path()), this::tell);
  }

  private void tell(PrintWriter out, JsonNode answer) {
    out.println(setting.key() + " = " + answer.path("value").asText());
    out.println("  from: " + SettingText.from(answer));
    if (answer.has("notFollowed")) {
      out.println(
          "  the cluster's is "
              + answer.path("cluster").asText()
              + ", not followed here: "
              + answer.path("notFollowed").asText());
    }
    if (!answer.path("live").asBoolean()) {
      out.println("  not changed by `settings set`: it is for the node's file");
    }
  }
}
