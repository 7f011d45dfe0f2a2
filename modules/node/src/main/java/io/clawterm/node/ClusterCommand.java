package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code clawterm cluster}. */
@Command(
    name = "cluster",
    description = "Show the nodes of the cluster, where sessions live, and what is wrong.",
    mixinStandardHelpOptions = true)
final class ClusterCommand implements Callable<Integer> {

  static final String PATH = "/api/v1/cluster";

  /** The server answers within little more than a second, whatever hangs behind it. */
  static final Duration PATIENCE = Duration.ofSeconds(5);

  @Spec private CommandSpec spec;
  @Mixin private DataOption data;

  @Option(names = "--json", description = "As a JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    PrintWriter out = spec.commandLine().getOut();
    JsonNode cluster;
    try (ApiClient api = ApiClient.ofData(data.folder())) {
      cluster = api.get(PATH, PATIENCE);
    }
    if (json) {
      out.println(cluster);
    } else {
      ClusterView.whole(cluster).forEach(out::println);
    }
    return 0;
  }
}
