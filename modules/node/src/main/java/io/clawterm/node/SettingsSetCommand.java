package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code clawterm settings set}. */
@Command(
    name = "set",
    description = "Change a setting on all nodes, now and at each of their starts.",
    mixinStandardHelpOptions = true)
final class SettingsSetCommand implements Callable<Integer> {

  @Mixin private ApiOption api;
  @Mixin private SettingParameter setting;
  @Mixin private SettingsChange change;

  @Parameters(
      index = "1",
      paramLabel = "VALUE",
      description = "As in the configuration; a list as JSON.")
  private String value;

  @Override
  public Integer call() throws Exception {
    JsonNode body = new ObjectMapper().createObjectNode().put("value", value);
    return change.run(api, setting, (server, path, version) -> server.put(path, body, version));
  }
}
