package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.client.ServerAddress;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Three nodes on one database, for a benchmark: plain TCP on loopback, started from an archive of
 * classes. They share the machine.
 */
final class BenchCluster implements AutoCloseable {

  private static final Duration READY = Duration.ofSeconds(60);
  private static final Duration ASK = Duration.ofSeconds(5);
  private static final List<String> NAMES = List.of("one", "two", "three");

  // As the launcher has it, and not as the nodes that are killed all the time: their pauses count.
  private static final List<String> JVM =
      List.of(
          "-Xmx1g",
          "-XX:-UseSerialGC",
          "-XX:+UseG1GC",
          "-XX:+IgnoreUnrecognizedVMOptions", // those of a later JDK
          "-XX:+UseCompactObjectHeaders");

  private static final String TOKEN = "ct_" + "s".repeat(43);
  private static final int OK = 200;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final EmbeddedPostgres postgres;
  private final List<NodeProcess> nodes = new ArrayList<>();
  private final HttpClient http = HttpClient.newHttpClient();

  private BenchCluster(Path folder, EmbeddedPostgres postgres) {
    this.folder = folder;
    this.postgres = postgres;
  }

  static BenchCluster start() throws IOException {
    Path folder = Files.createTempDirectory("clawterm-cluster");
    var cluster =
        new BenchCluster(
            folder,
            EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.defaults()));
    try {
      cluster.startNodes();
    } catch (IOException | RuntimeException e) {
      cluster.close();
      throw e;
    }
    return cluster;
  }

  private void startNodes() throws IOException {
    JdbcTarget database = postgres.target();
    String url =
        "postgresql://%s:%s@%s"
            .formatted(
                database.user(),
                database.password().value(),
                database.url().replaceFirst("jdbc:postgresql://", ""));
    var options = new ArrayList<>(JVM);
    options.addAll(NodeProcess.archive(folder.resolve("node.aot"), JVM));
    for (String name : NAMES) {
      Path data = Files.createDirectories(folder.resolve(name));
      Files.writeString(data.resolve("token"), TOKEN + "\n");
      // All clients have one address here; elsewhere each has its own.
      Files.writeString(
          data.resolve("config.conf"),
          "clawterm.edge.connections.max-unauthenticated-per-address = 1000\n");
      NodeProcess node =
          NodeProcess.on(data, new Random(), false, options, List.of("--database", url), Map.of());
      nodes.add(node);
      start(node);
    }
  }

  /** Starts one of the nodes, and waits until it serves. */
  void start(NodeProcess node) throws IOException {
    node.start();
    if (!node.awaitReady(READY)) {
      throw new IOException("a node does not start: " + node.lastWords());
    }
  }

  List<NodeProcess> nodes() {
    return List.copyOf(nodes);
  }

  /** Where a client finds these nodes, the first of them first. */
  static List<ServerAddress> doors(List<NodeProcess> nodes) {
    return nodes.stream().map(NodeProcess::tcp).toList();
  }

  /** The credential at each node. */
  String token() {
    return TOKEN;
  }

  /** What a node says of itself, as {@code clawterm cluster} has it. */
  JsonNode member(NodeProcess node) throws IOException, InterruptedException {
    JsonNode cluster = ask(node, "cluster", "GET");
    for (JsonNode each : cluster.path("nodes")) {
      if (each.path("address").equals(cluster.path("node"))) {
        return each;
      }
    }
    throw new IOException("a node does not know itself: " + cluster);
  }

  /** Lets a node give away its sessions and devices, as {@code clawterm drain} does. */
  void drain(NodeProcess node) throws IOException, InterruptedException {
    ask(node, "cluster/nodes/" + member(node).path("number").asInt() + "/drain", "PUT");
  }

  /** Lets it take some again. */
  void undrain(NodeProcess node) throws IOException, InterruptedException {
    ask(node, "cluster/nodes/" + member(node).path("number").asInt() + "/drain", "DELETE");
  }

  private JsonNode ask(NodeProcess node, String path, String method)
      throws IOException, InterruptedException {
    URI uri = node.api().resolve(path);
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(uri)
                .timeout(ASK)
                .header("Authorization", "Bearer " + TOKEN)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != OK) {
      throw new IOException(method + " " + uri + ": " + answer.statusCode() + " " + answer.body());
    }
    return JSON.readTree(answer.body());
  }

  @Override
  public void close() throws IOException {
    for (NodeProcess node : nodes) { // before their database
      node.close();
    }
    http.close();
    postgres.close();
    BenchFiles.delete(folder);
  }
}
