package io.clawterm.node;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm settings unset}. */
@Command(
    name = "unset",
    description = "Let each node's own value hold again: its file's, or the default.",
    mixinStandardHelpOptions = true)
final class SettingsUnsetCommand implements Callable<Integer> {

  @Mixin private ApiOption api;
  @Mixin private SettingParameter setting;
  @Mixin private SettingsChange change;

  @Override
  public Integer call() throws Exception {
    return change.run(api, setting, ApiClient::delete);
  }
}
