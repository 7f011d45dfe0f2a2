package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.typed.Cluster;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.api.Principal;
import io.clawterm.storage.ClusterNode;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.StorageException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The whole cluster as one node sees it: who is a member (Akka), who may write (the database), and
 * how each is (what the nodes say themselves). Each of the three may be missing; the answer comes
 * within little more than a second all the same and says what is missing.
 */
final class ClusterApi {

  /** How many sessions with an open run are named, those first that began last. */
  private static final int RUNS = 10;

  private static final Duration LIMIT = Duration.ofSeconds(1);

  private record ClusterJson(
      String node,
      String at,
      List<NodeJson> nodes,
      CheckJson database,
      SessionSummaries.@Nullable Counts sessions,
      @Nullable LagJson projection,
      @Nullable List<RunJson> runs) {}

  /**
   * A node on the wire.
   *
   * @param status the member's, or {@code absent}: a life that may write and is no member
   * @param connected whether it holds its lock with the database
   * @param draining whether it is to give its sessions and devices to others
   * @param figures absent where it has not answered
   */
  private record NodeJson(
      String address,
      @Nullable Integer number,
      String status,
      boolean reachable,
      List<String> roles,
      @Nullable String version,
      @Nullable String startedAt,
      @Nullable String devicesAt,
      @Nullable Boolean connected,
      @Nullable Boolean draining,
      @Nullable FiguresJson figures) {}

  private record FiguresJson(
      String at,
      boolean draining,
      long connections,
      long devices,
      long inputs,
      long entries,
      long commits,
      double commitSeconds,
      double commitSecondsMax,
      @Nullable Integer shards,
      @Nullable Integer sessions,
      long heapUsedBytes,
      long heapMaxBytes,
      @Nullable Double cpu,
      LeaseJson lease) {}

  private record LagJson(int commits, boolean more, long oldestMillis) {}

  private record RunJson(String id, @Nullable String key, String target, String touchedAt) {}

  /** What the database knows. */
  private record Stored(
      List<ClusterNode> lives,
      SessionSummaries.Counts counts,
      ProjectionLag lag,
      List<SessionSummary> runs) {}

  private final HttpParts parts;
  private final DatabaseProbe database;
  private final Queries queries;
  private final Cluster cluster;

  ClusterApi(ActorSystem<?> system, HttpParts parts, DatabaseProbe database, Queries queries) {
    this.parts = parts;
    this.database = database;
    this.queries = queries;
    cluster = Cluster.get(system);
  }

  List<Endpoint> endpoints() {
    return List.of(new Endpoint.Guarded(HttpMethods.GET, "/api/v1/cluster", this::cluster));
  }

  private CompletionStage<HttpResponse> cluster(Call call) {
    CompletionStage<Map<String, NodeFigures>> figures =
        parts.figures().ask().exceptionally(failure -> Map.of()); // a receptionist that hangs
    return figures.thenCombine(
        stored(call.principal()), (said, stored) -> Json.response(200, json(said, stored)));
  }

  /** Empty where the database does not answer in time; a question under way goes on by itself. */
  private CompletionStage<Optional<Stored>> stored(Principal principal) {
    return database
        .answers()
        .thenCompose(answers ->
            answers
                ? queries.ask(() -> read(principal))
                : CompletableFuture.completedFuture(Optional.<Stored>empty()))
        .toCompletableFuture()
        .copy()
        .completeOnTimeout(Optional.empty(), LIMIT.toMillis(), TimeUnit.MILLISECONDS);
  }

  private Optional<Stored> read(Principal principal) {
    try {
      return Optional.of(
          new Stored(
              new ClusterNodes(parts.database()).writers(),
              parts.summaries().countsOf(principal),
              ProjectionLag.of(parts.database()),
              parts.summaries().running(principal, RUNS)));
    } catch (SummariesUnavailableException | StorageException e) {
      return Optional.empty(); // the answer says that the database is gone
    }
  }

  private ClusterJson json(Map<String, NodeFigures> said, Optional<Stored> stored) {
    return new ClusterJson(
        ClusterFigures.text(cluster.selfMember().address()),
        parts.clock().instant().toString(),
        nodes(said, stored.map(Stored::lives).orElse(List.of()), stored.isPresent()),
        HealthApi.database(stored.isPresent(), parts.lease().get()),
        stored.map(Stored::counts).orElse(null),
        stored.map(known -> json(known.lag())).orElse(null),
        stored.map(known -> known.runs().stream().map(ClusterApi::json).toList()).orElse(null));
  }

  private List<NodeJson> nodes(
      Map<String, NodeFigures> said, List<ClusterNode> lives, boolean livesKnown) {
    Map<String, ClusterNode> others = new LinkedHashMap<>();
    lives.forEach(life -> others.put(life.address() + "#" + life.uid(), life));
    var state = cluster.state();
    List<NodeJson> nodes = new ArrayList<>();
    for (Member member : state.getMembers()) {
      String address = ClusterFigures.text(member.address());
      Optional<ClusterNode> life =
          Optional.ofNullable(others.remove(address + "#" + member.uniqueAddress().longUid()));
      Optional<NodeFigures> figures = Optional.ofNullable(said.get(address));
      nodes.add(
          new NodeJson(
              address,
              life.map(ClusterNode::number).or(() -> figures.map(NodeFigures::number)).orElse(null),
              HealthApi.name(member.status()),
              !state.getUnreachable().contains(member),
              member.getRoles().stream().filter(role -> !role.startsWith("dc-")).sorted().toList(),
              life.map(ClusterNode::version)
                  .or(() -> figures.map(NodeFigures::version))
                  .orElse(null),
              life.map(known -> known.startedAt().toString())
                  .or(() -> figures.map(given -> given.startedAt().toString()))
                  .orElse(null),
              life.map(ClusterNode::devicesAt).filter(at -> !at.isEmpty()).orElse(null),
              livesKnown ? life.map(ClusterNode::connected).orElse(false) : null,
              life.map(ClusterNode::draining).orElse(null),
              figures.map(ClusterApi::json).orElse(null)));
    }
    others.values().forEach(life -> nodes.add(absent(life)));
    nodes.sort(
        Comparator.comparing(NodeJson::number, Comparator.nullsLast(Comparator.naturalOrder()))
            .thenComparing(NodeJson::address));
    return nodes;
  }

  /** It starts, or has crashed and nobody has taken over yet. */
  private static NodeJson absent(ClusterNode life) {
    return new NodeJson(
        life.address(),
        life.number(),
        "absent",
        false,
        List.of(),
        life.version(),
        life.startedAt().toString(),
        life.devicesAt().isEmpty() ? null : life.devicesAt(),
        life.connected(),
        life.draining(),
        null);
  }

  private static FiguresJson json(NodeFigures figures) {
    return new FiguresJson(
        figures.at().toString(),
        figures.draining(),
        figures.connections(),
        figures.devices(),
        figures.inputs(),
        figures.entries(),
        figures.commits(),
        figures.commitSeconds(),
        figures.commitSecondsMax(),
        figures.shards() < 0 ? null : figures.shards(),
        figures.sessions() < 0 ? null : figures.sessions(),
        figures.heapUsedBytes(),
        figures.heapMaxBytes(),
        figures.cpu() < 0 ? null : figures.cpu(),
        new LeaseJson(
            figures.number(),
            figures.leaseHeld(),
            figures.leaseUnconfirmedMillis(),
            figures.leaseInDanger(),
            figures.clockSkewMillis(),
            figures.clockRight()));
  }

  private static LagJson json(ProjectionLag lag) {
    return new LagJson(lag.commits(), lag.commits() >= ProjectionLag.MOST, lag.oldest().toMillis());
  }

  private static RunJson json(SessionSummary session) {
    return new RunJson(
        session.id().toString(),
        session.key().orElse(null),
        session.target(),
        session.touchedAt().toString());
  }
}
