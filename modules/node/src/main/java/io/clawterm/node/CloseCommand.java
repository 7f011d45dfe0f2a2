package io.clawterm.node;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm close}. */
@Command(name = "close", description = "End a session for good.", mixinStandardHelpOptions = true)
final class CloseCommand implements Callable<Integer> {

  @Mixin private ApiOption api;
  @Mixin private SessionParameter session;

  @Override
  public Integer call() throws Exception {
    SessionId id = session.id();
    try (ApiClient server = api.client()) {
      server.delete("/api/v1/sessions/" + id);
    }
    api.out()
        .println(
            api.json()
                ? new ObjectMapper()
                    .createObjectNode()
                    .put("session", id.toString())
                    .put("state", "ended")
                : "Session " + id + " is closed.");
    return 0;
  }
}
