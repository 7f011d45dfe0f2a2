package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm sessions}. */
@Command(name = "sessions", description = "List the sessions.", mixinStandardHelpOptions = true)
final class SessionsCommand implements Callable<Integer> {

  private static final int PAGE = 100;

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(names = "--all", description = "Ended ones as well.")
  private boolean all;

  @Option(names = "--json", description = "As a JSON array.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    PrintWriter out = spec.commandLine().getOut();
    List<JsonNode> sessions = new ArrayList<>();
    try (ApiClient api = ApiClient.ofData(data.folder())) {
      String cursor = "";
      do {
        JsonNode page =
            api.get(
                "/api/v1/sessions?limit="
                    + PAGE
                    + (cursor.isEmpty() ? "" : "&cursor=" + ApiClient.encoded(cursor)));
        for (JsonNode session : page.path("sessions")) {
          if (all || !session.path("state").asText().equals("ended")) {
            sessions.add(session);
          }
        }
        cursor = page.path("nextCursor").asText("");
      } while (!cursor.isEmpty());
    }
    if (json) {
      out.println(sessions);
    } else if (sessions.isEmpty()) {
      out.println("No sessions. Open one with: clawterm connect");
    } else {
      out.printf(
          Locale.ROOT, "%-8s  %-20s %-9s %-17s %s%n", "ID", "TARGET", "STATE", "ACTIVE", "KEY");
      for (JsonNode session : sessions) {
        out.printf(
            Locale.ROOT,
            "%-8s  %-20s %-9s %-17s %s%n",
            session.path("id").asText(),
            session.path("target").asText(),
            state(session),
            ago(session.path("touchedAt").asText()),
            session.path("key").asText("-"));
      }
    }
    return 0;
  }

  private static String state(JsonNode session) {
    if (session.path("state").asText().equals("ended")) {
      return "ended";
    }
    if (session.path("runOpen").asBoolean()) {
      return "running";
    }
    return session.path("devices").isEmpty() ? "suspended" : "attached";
  }

  private static String ago(String moment) {
    if (moment.isEmpty()) {
      return "-";
    }
    return Spans.text(Duration.between(Instant.parse(moment), Instant.now())) + " ago";
  }
}
