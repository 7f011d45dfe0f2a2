package io.clawterm.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.client.ServerAddress;
import io.clawterm.edge.TlsContext;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.FaultProxy;
import io.clawterm.testkit.ProxiedConnection;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.sql.SQLException;
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
 * Several real nodes as processes on one PostgreSQL and one model server, each on a machine of its
 * own ({@link Hosts}), with a way of its own to the database and a door for its devices, that can
 * be spoiled ({@link FaultProxy}). For use by one thread.
 */
final class ClusterRig implements AutoCloseable {

  /** As the configuration that each node has. */
  private static final int SHARDS = 100;

  /** How far the model counts, which all nodes ask. */
  static final int MODEL_COUNT = 60;

  /** What a model says in this rig where nothing is wrong with it. */
  static final Script COUNTING = Script.counted(MODEL_COUNT).withChunkDelay(Duration.ofMillis(30));

  private static final Duration READY = Duration.ofSeconds(90);
  private static final int OK = 200;

  /** A port that nobody listens on. */
  private static final int NOBODY = 1;

  private static final Duration ASK = Duration.ofSeconds(3);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * A node and the ways to and from it.
   *
   * @param door which devices come by, also where another node sends them
   * @param database its own way there
   * @param model its own way there
   */
  record Member(
      int number, NodeProcess node, FaultProxy door, FaultProxy database, FaultProxy model) {

    /** Whether the model is in the middle of an answer to it. */
    boolean isAnswered() {
      return model.connections().stream()
          .anyMatch(connection ->
              connection.state() == ProxiedConnection.State.OPEN && connection.bytesToClient() > 0);
    }
  }

  private final ClusterPlan plan;
  private final Path folder;
  private final Hosts hosts;
  private final List<String> jvmOptions;
  private final RigDatabase database;
  private final ScriptedModelServer model;
  private final TlsContext tls;
  private final List<Member> members = new ArrayList<>();
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(ASK).build();

  private ClusterRig(ClusterPlan plan, Path folder, Hosts hosts) throws IOException {
    this.plan = plan;
    this.folder = folder;
    this.hosts = hosts;
    this.jvmOptions = new ArrayList<>(plan.jvmOptions());
    jvmOptions.addAll(NodeProcess.archive(folder.resolve("node.aot"), plan.jvmOptions()));
    this.database = new RigDatabase(folder);
    this.model = ScriptedModelServer.start(COUNTING);
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
  static ClusterRig open(ClusterPlan plan, Path folder, PrintStream say) throws IOException {
    Hosts hosts = Hosts.open(plan.nodes(), say);
    var rig = new ClusterRig(plan, folder, hosts);
    String token = token();
    for (int number = 0; number < plan.nodes(); number++) {
      rig.add(number, token);
    }
    return rig;
  }

  /** All nodes let in who shows this; usually each draws its own and learns the others'. */
  private static String token() {
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    return "ct_" + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  private void add(int number, String token) throws IOException {
    JdbcTarget target = database.target();
    InetAddress rig = InetAddress.getByName(hosts.rig());
    FaultProxy toDatabase = FaultProxy.at(rig, database.port());
    FaultProxy toModel = FaultProxy.at(rig, model.port());
    Seat seat = hosts.seat(number);
    FaultProxy door =
        FaultProxy.between(rig, new InetSocketAddress(seat.host(), NodeProcess.FIRST_PORT));
    Path data = Files.createDirectories(folder.resolve("node" + (number + 1)));
    Files.writeString(data.resolve("token"), token + "\n");
    Files.writeString(
        data.resolve("config.conf"),
        """
        clawterm.cluster.host = "%s"
        clawterm.cluster.devices-at = "%s:%d"
        clawterm.node.management-bind = "%s"
        clawterm.node.allow-newer-schema = on
        clawterm.agent.context-chars = 2000
        clawterm.model.gap-timeout = 20s
        """
            .formatted(seat.host(), hosts.rig(), door.port(), seat.host()));
    String url =
        "postgresql://%s:%s@%s:%d/%s"
            .formatted(
                target.user(),
                target.password().value(),
                hosts.rig(),
                toDatabase.port(),
                database.database());
    List<String> arguments =
        List.of(
            "--database", url,
            "--tls-cert", folder.resolve("tls/cert.pem").toString(),
            "--tls-key", folder.resolve("tls/key.pem").toString());
    Map<String, String> environment =
        NodeProcess.withCountingModel("http://%s:%d/v1".formatted(hosts.rig(), toModel.port()));
    members.add(
        new Member(
            number,
            NodeProcess.at(seat, data, jvmOptions, arguments, environment),
            door,
            toDatabase,
            toModel));
  }

  List<Member> members() {
    return List.copyOf(members);
  }

  Hosts hosts() {
    return hosts;
  }

  RigDatabase database() {
    return database;
  }

  /** Spoils the next answers of the model in these ways, one each, whoever asks. */
  void spoilAnswers(List<Script> ways) {
    model.next(ways.toArray(Script[]::new));
  }

  /** How many spoiled answers nobody has had yet. */
  int answersToSpoil() {
    return model.due();
  }

  /** What the model's side tells of the runs until now. */
  ModelJudge judge() {
    return ModelJudge.of(model.requests());
  }

  /** What the journal tells of those who have written it. */
  JournalJudge journal() throws IOException {
    try {
      return JournalJudge.of(database.target());
    } catch (SQLException e) {
      throw new IOException("the journal can't be read", e);
    }
  }

  /** Whether this machine and this run have what a fault needs. */
  boolean has(ClusterFault.Need need) {
    return switch (need) {
      case NOTHING -> true;
      case NETWORK -> hosts.canCut();
      case MEMORY -> ControlGroup.isPossible();
      case CLOCK -> FalseClock.isPossible();
      case RELEASE -> plan.releaseBefore().isPresent();
    };
  }

  /** The distribution of the release before this one. */
  Path releaseBefore() {
    return plan.releaseBefore().orElseThrow();
  }

  /** A folder for what a fault needs. */
  Path folder() {
    return folder;
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
            .mapToObj(i -> members.get((first + i) % members.size()).door().port())
            .map(port -> ServerAddress.tls(hosts.rig(), port))
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

  /** A pod on the first node's machine, which outlives the node. */
  EchoPod listen(long seed) throws IOException {
    Path folder = members.getFirst().node().pods();
    return EchoPod.listen(folder.resolve(Scenario.POD_NAME + ".sock"), seed);
  }

  /** Starts a node and waits until it serves. */
  void start(Member member) throws IOException {
    start(member, Launch.USUAL);
  }

  /** Starts a node in a way of its own and waits until it serves. */
  void start(Member member, Launch launch) throws IOException {
    member.node().start(launch);
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
    return ask(member, "/cluster/shards/session")
        .map(answer -> {
          Set<String> shards = new HashSet<>();
          for (JsonNode region : answer.path("regions")) {
            shards.add(region.path("shardId").asText());
          }
          return shards;
        });
  }

  /** Whether all nodes say that they are one cluster, all of them Up and seen by each other. */
  boolean isWhole() {
    Set<Set<String>> seen = new HashSet<>();
    for (Member member : members) {
      Set<String> up = new HashSet<>();
      ask(member, "/cluster/members")
          .ifPresent(answer -> {
            if (answer.path("unreachable").isEmpty()) {
              for (JsonNode each : answer.path("members")) {
                up.add(each.path("node").asText() + each.path("nodeUid").asText());
              }
            }
          });
      seen.add(up);
    }
    return seen.size() == 1 && seen.iterator().next().size() == members.size();
  }

  /** What Akka Management of a node answers; nothing where it starts anew. */
  private Optional<JsonNode> ask(Member member, String path) {
    URI uri = member.node().management().resolve(path);
    try {
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(uri).timeout(ASK).build(),
              HttpResponse.BodyHandlers.ofString());
      return answer.statusCode() == OK
          ? Optional.of(JSON.readTree(answer.body()))
          : Optional.empty();
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

  /** Puts a replica in the place of the database, which dies, and leads all nodes there. */
  void failOver(RigDatabase.Replica replica) throws IOException, InterruptedException {
    database.failOver(replica);
    for (Member member : members) {
      member.database().retarget(database.port()).resetAll();
    }
  }

  /** The database refuses connections from now on, as a server does that has not started yet. */
  void closeDatabase() {
    members.forEach(member -> member.database().retarget(NOBODY).resetAll());
  }

  /** It takes them again. */
  void openDatabase() {
    members.forEach(member -> member.database().retarget(database.port()));
  }

  /** Ends all faults: nothing is cut, slow or stopped; nodes that are gone stay gone. */
  void heal() throws IOException, InterruptedException {
    hosts.heal();
    database.relieve();
    model.forgetDue();
    for (Member member : members) {
      member.database().flow();
      member.door().flow();
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
    members.forEach(member -> member.door().close());
    members.forEach(member -> member.model().close());
    model.close();
    database.close();
    hosts.close();
  }
}
