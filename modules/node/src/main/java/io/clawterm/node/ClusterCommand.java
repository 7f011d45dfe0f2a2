package io.clawterm.node;

import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code clawterm cluster}. */
@Command(
    name = "cluster",
    description = "Show the nodes of the cluster, where sessions live, and what is wrong.",
    mixinStandardHelpOptions = true)
final class ClusterCommand implements Callable<Integer> {

  static final String PATH = "/api/v1/cluster";

  /** The server answers within little more than a second, whatever hangs behind it. */
  static final Duration PATIENCE = Duration.ofSeconds(5);

  @Mixin private ApiOption api;

  @Override
  public Integer call() throws Exception {
    return api.show(
        server -> server.get(PATH, PATIENCE),
        (out, cluster) -> ClusterView.whole(cluster).forEach(out::println));
  }
}
