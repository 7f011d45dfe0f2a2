package io.clawterm.node;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm close}. */
@Command(name = "close", description = "End a session for good.", mixinStandardHelpOptions = true)
final class CloseCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(names = "--json", description = "As a JSON object.")
  private boolean json;

  @Parameters(paramLabel = "ID", description = "The session, as `clawterm sessions` shows it.")
  private String id;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    SessionId session;
    try {
      session = SessionId.of(id);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage());
    }
    try (ApiClient api = ApiClient.ofData(data.folder())) {
      api.delete("/api/v1/sessions/" + session);
    }
    spec.commandLine()
        .getOut()
        .println(
            json
                ? new ObjectMapper()
                    .createObjectNode()
                    .put("session", session.toString())
                    .put("state", "ended")
                : "Session " + session + " is closed.");
    return 0;
  }
}
