package io.clawterm.node;

import picocli.CommandLine.Parameters;

/** Which setting a command is about. */
final class SettingParameter {

  @Parameters(index = "0", paramLabel = "KEY", description = "Such as clawterm.edge.retry-after.")
  private String key;

  String key() {
    return key;
  }

  /** Where the server has it. */
  String path() {
    return SettingsCommand.PATH + "/" + ApiClient.encoded(key);
  }
}
