package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.function.BiConsumer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which server a command asks through its HTTP API, and whether the answer is shown as JSON. */
final class ApiOption {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Mixin private DataOption data;

  @Option(names = "--json", description = "As a JSON object.")
  private boolean json;

  /** What is asked for one answer. */
  @FunctionalInterface
  interface Request {
    JsonNode send(ApiClient api) throws Exception;
  }

  /** Asks, and shows the answer: as it came, or in these words. */
  int show(Request request, BiConsumer<PrintWriter, JsonNode> words) throws Exception {
    JsonNode answer;
    try (ApiClient api = client()) {
      answer = request.send(api);
    }
    if (json) {
      out().println(answer);
    } else {
      words.accept(out(), answer);
    }
    return 0;
  }

  /** For a command that asks more than once. */
  ApiClient client() throws IOException {
    Logs.onTerminal();
    return ApiClient.ofData(data.folder());
  }

  boolean json() {
    return json;
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }
}
