package io.clawterm.load;

import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * All clients of a node come back at once: three nodes on one database, and a {@link Storm} on the
 * first of them, twice. The first time, with a fifth of the clients, the nodes run code that they
 * have never run, and compile it meanwhile; the second time they are as nodes that have been up for
 * a while.
 *
 * <p>Argument: the number of clients. Plain TCP on loopback; clients, nodes and database share the
 * machine.
 */
final class BenchStorm {

  private static final double TARGET_SECONDS = 15;
  private static final double TARGET_RATIO = 2;
  private static final Duration READY = Duration.ofSeconds(60);
  private static final List<String> JVM = List.of("-Xmx1g");

  private BenchStorm() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int clients = Integer.parseInt(args[0]);
    Path folder = Files.createTempDirectory("clawterm-storm");
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.defaults())) {
      BenchReport.title("storm: %,d clients of a node that is killed".formatted(clients));
      run(clients, folder, postgres.target());
    } finally {
      BenchFiles.delete(folder);
    }
  }

  private static void run(int clients, Path folder, JdbcTarget database)
      throws IOException, InterruptedException {
    var nodes = new ArrayList<NodeProcess>();
    try {
      startNodes(nodes, folder, database);
      new Storm(nodes, "code that runs for the first time").run(Math.max(100, clients / 5));
      nodes.getFirst().start();
      awaitReady(nodes.getFirst());
      Storm.Outcome outcome = new Storm(nodes, "code that has run before").run(clients);
      BenchReport.target("all clients back", outcome.longestSeconds(), "<=", TARGET_SECONDS, "s");
      BenchReport.target("p99 of a question", outcome.ratio(), "<=", TARGET_RATIO, "times");
    } finally {
      for (NodeProcess node : nodes) { // before their database
        node.close();
      }
    }
  }

  private static void startNodes(List<NodeProcess> nodes, Path folder, JdbcTarget database)
      throws IOException {
    String url =
        "postgresql://%s:%s@%s"
            .formatted(
                database.user(),
                database.password().value(),
                database.url().replaceFirst("jdbc:postgresql://", ""));
    String token = "ct_" + "s".repeat(43);
    var options = new ArrayList<>(JVM);
    options.addAll(NodeProcess.archive(folder.resolve("node.aot"), JVM));
    for (String name : List.of("one", "two", "three")) {
      Path data = Files.createDirectories(folder.resolve(name));
      Files.writeString(data.resolve("token"), token + "\n");
      // All clients have one address here; elsewhere each has its own.
      Files.writeString(
          data.resolve("config.conf"),
          "clawterm.edge.connections.max-unauthenticated-per-address = 1000\n");
      NodeProcess node =
          NodeProcess.on(data, new Random(), false, options, List.of("--database", url));
      nodes.add(node);
      node.start();
      awaitReady(node);
    }
  }

  private static void awaitReady(NodeProcess node) throws IOException {
    if (!node.awaitReady(READY)) {
      throw new IOException("a node does not start: " + node.lastWords());
    }
  }
}
