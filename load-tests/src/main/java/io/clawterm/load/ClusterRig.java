package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.client.ServerAddress;
import io.clawterm.edge.TlsContext;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.testkit.FaultProxy;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Several real nodes as processes on one PostgreSQL, each on a machine of its own ({@link Hosts})
 * and with a way of its own to the database, that can be spoiled ({@link FaultProxy}). For use by
 * one thread.
 */
final class ClusterRig implements AutoCloseable {

  /** As the configuration that each node has. */
  private static final int SHARDS = 100;

  private static final Duration READY = Duration.ofSeconds(90);
  private static final int OK = 200;
  private static final Duration ASK = Duration.ofSeconds(3);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A node and its way to the database. */
  record Member(int number, NodeProcess node, FaultProxy database) {}

  private final Path folder;
  private final Hosts hosts;
  private final EmbeddedPostgres postgres;
  private final TlsContext tls;
  private final List<Member> members = new ArrayList<>();
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(ASK).build();

  private ClusterRig(Path folder, Hosts hosts) throws IOException {
    this.folder = folder;
    this.hosts = hosts;
    this.postgres =
        EmbeddedPostgres.start(folder.resolve("postgres"), EmbeddedPostgresSettings.defaults());
    try {
      this.tls =
          TlsContext.selfSigned(Files.createDirectories(folder.resolve("tls")), Optional.empty());
    } catch (GeneralSecurityException e) {
      throw new IOException("no certificate for the nodes", e);
    }
  }

  /**
   * Prepares the machines and the database; no node is started yet.
   *
   * @param folder an empty one
   */
  static ClusterRig open(int nodes, Path folder, List<String> jvmOptions, PrintStream say)
      throws IOException {
    Hosts hosts = Hosts.open(nodes, say);
    var rig = new ClusterRig(folder, hosts);
    String token = token();
    for (int number = 0; number < nodes; number++) {
      rig.add(number, token, jvmOptions);
    }
    return rig;
  }

  /** All nodes let in who shows this; usually each draws its own and learns the others'. */
  private static String token() {
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    return "ct_" + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  private void add(int number, String token, List<String> jvmOptions) throws IOException {
    JdbcTarget target = postgres.target();
    int port = URI.create(target.url().substring("jdbc:".length())).getPort();
    FaultProxy database = FaultProxy.at(InetAddress.getByName(hosts.rig()), port);
    Seat seat = hosts.seat(number);
    Path data = Files.createDirectories(folder.resolve("node" + (number + 1)));
    Files.writeString(data.resolve("token"), token + "\n");
    Files.writeString(
        data.resolve("config.conf"),
        "clawterm.cluster.host = \"%s\"%nclawterm.node.management-bind = \"%s\"%n"
            .formatted(seat.host(), seat.host()));
    String url =
        "postgresql://%s:%s@%s:%d/%s"
            .formatted(
                target.user(),
                target.password().value(),
                hosts.rig(),
                database.port(),
                target.url().substring(target.url().lastIndexOf('/') + 1));
    List<String> arguments =
        List.of(
            "--database", url,
            "--tls-cert", folder.resolve("tls/cert.pem").toString(),
            "--tls-key", folder.resolve("tls/key.pem").toString());
    members.add(new Member(number, NodeProcess.at(seat, data, jvmOptions, arguments), database));
  }

  List<Member> members() {
    return List.copyOf(members);
  }

  Hosts hosts() {
    return hosts;
  }

  /** Those whose process runs. */
  List<Member> running() {
    return members.stream().filter(member -> member.node().isAlive()).toList();
  }

  /** What all nodes take from a device. */
  String credential() throws IOException {
    return members.getFirst().node().token();
  }

  /** A way over TLS that tries the nodes in turn, this one first. */
  Way way(int first) {
    List<ServerAddress> addresses =
        IntStream.range(0, members.size())
            .mapToObj(i -> members.get((first + i) % members.size()).node().tcp())
            .toList();
    return new Way(Way.Transport.TLS, addresses, Optional.of(tls.fingerprint()));
  }

  /** Starts all nodes at once, and waits until each serves. */
  void startAll() throws IOException {
    for (Member member : members) {
      member.node().start();
    }
    for (Member member : members) {
      awaitReady(member);
    }
  }

  /** Starts a node and waits until it serves. */
  void start(Member member) throws IOException {
    member.node().start();
    awaitReady(member);
  }

  private static void awaitReady(Member member) throws IOException {
    if (!member.node().awaitReady(READY)) {
      throw new IOException(
          "node %d does not start: %s".formatted(member.number() + 1, member.node().lastWords()));
    }
  }

  /** Loses what goes from one node to the other and back. */
  void cutBetween(Member one, Member other) throws IOException {
    hosts.cut(one.number(), other.number());
    hosts.cut(other.number(), one.number());
  }

  /**
   * The shards of sessions that each node has; waits until all that run say so, as one that was
   * taken out of the cluster starts anew by itself.
   */
  Map<Member, Set<String>> shards() throws IOException, InterruptedException {
    Map<Member, Set<String>> all = new HashMap<>();
    boolean said =
        Swarm.becomes(
            () -> {
              for (Member member : running()) {
                shards(member).ifPresent(shards -> all.put(member, shards));
              }
              return all.keySet().containsAll(running());
            },
            READY);
    if (!said) {
      throw new IOException("not every node says which shards it has");
    }
    return all;
  }

  private Optional<Set<String>> shards(Member member) {
    URI uri = member.node().management().resolve("/cluster/shards/session");
    try {
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(uri).timeout(ASK).build(),
              HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != OK) {
        return Optional.empty();
      }
      Set<String> shards = new HashSet<>();
      for (JsonNode region : JSON.readTree(answer.body()).path("regions")) {
        shards.add(region.path("shardId").asText());
      }
      return Optional.of(shards);
    } catch (IOException e) {
      return Optional.empty(); // it starts anew
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** The shard of a session, as Akka's HashCodeMessageExtractor has it. */
  static String shardOf(SessionId session) {
    return "" + Math.abs(session.toString().hashCode() % SHARDS);
  }

  /** Kills the database server as kill -9 does; it is started again at once. */
  void killPostgres() throws IOException {
    long pid =
        Long.parseLong(
            Files.readAllLines(folder.resolve("postgres/data/postmaster.pid")).getFirst().strip());
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** Ends all faults: nothing is cut, slow or stopped; nodes that are gone stay gone. */
  void heal() throws IOException, InterruptedException {
    hosts.heal();
    for (Member member : members) {
      member.database().flow();
      if (member.node().isAlive()) {
        member.node().signal("CONT");
      }
    }
  }

  @Override
  public void close() throws IOException {
    try {
      heal();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Member member : members) {
      member.node().close();
    }
    members.forEach(member -> member.database().close());
    postgres.close();
    hosts.close();
  }
}
