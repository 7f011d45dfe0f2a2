package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm status}. */
@Command(
    name = "status",
    description = "Show how the server is; exits with 3 where none runs.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {

  @Mixin private ApiOption api;

  @Override
  public Integer call() throws Exception {
    return api.show(server -> server.get("/api/v1/status"), StatusCommand::tell);
  }

  private static void tell(PrintWriter out, JsonNode status) {
    out.printf(
        "%-10s %s, up %s%n",
        "version",
        status.path("version").asText(),
        Spans.text(Duration.ofSeconds(status.path("uptimeSeconds").asLong())));
    for (JsonNode listener : status.path("listeners")) {
      out.printf(
          "%-10s %s%s%n",
          listener.path("name").asText(),
          listener.path("address").asText(),
          listener.path("tls").asBoolean() ? " (TLS)" : "");
    }
    for (JsonNode member : status.path("members")) {
      out.printf(
          "%-10s %s %s%s%n",
          "member",
          member.path("address").asText(),
          member.path("status").asText(),
          member.path("reachable").asBoolean() ? "" : ", unreachable");
    }
    out.printf("%-10s %s%n", "database", status.path("database").path("reason").asText());
    out.printf("%-10s %s%n", "sessions", ClusterView.sessions(status.path("sessions")));
    if (status.path("draining").asBoolean()) {
      out.println("the server is about to stop");
    }
  }
}
