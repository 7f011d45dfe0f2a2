package io.clawterm.node;

import io.clawterm.api.ClawTerm;
import io.clawterm.config.NodeConfiguration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Starts a node in a folder of its own, has some sessions at it, and stops it, so that the JVM can
 * archive what it loaded.
 */
@Command(name = "warm-up", hidden = true)
final class WarmUpCommand implements Callable<Integer> {

  private static final Logger LOG = LoggerFactory.getLogger(WarmUpCommand.class);

  @Parameters(arity = "0..1", paramLabel = "FOLDER", description = "An empty folder.")
  private @Nullable Path folder;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    Path data = folder == null ? Files.createTempDirectory("clawterm-warm-up") : folder;
    try {
      var node =
          new Node(
              new NodePlan(
                  NodeConfiguration.load(
                      Map.of(
                          "clawterm.node.data", data.toString(),
                          "clawterm.node.port", 0,
                          "clawterm.node.http-port", 0,
                          "clawterm.node.management-port", 0),
                      Optional.empty(),
                      Node.PROFILE),
                  Optional.empty(),
                  Optional.empty(),
                  Map.of(),
                  Map.of(),
                  progress -> {},
                  settings -> {},
                  Optional.empty()));
      try {
        rehearse(node.start().toCompletableFuture().get().endpoints());
      } finally {
        node.close();
      }
    } finally {
      delete(data);
    }
    return 0;
  }

  private static void rehearse(ClawTerm.Endpoints node) throws IOException, InterruptedException {
    try {
      Rehearsal.at(node);
    } catch (ExecutionException | TimeoutException e) {
      // What has been loaded until then is worth archiving all the same.
      LOG.atWarn()
          .addKeyValue("failure", e.toString())
          .log("the archive is made without all of its sessions");
    }
  }

  private static void delete(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.walk(folder)) {
      all = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : all) {
      Files.delete(file);
    }
  }
}
