package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.api.Principal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** What a node tells of itself: status, health and metrics. */
final class NodeApi {

  private static final ContentType METRICS =
      ContentTypes.parse("text/plain; version=0.0.4; charset=utf-8");

  private record StatusJson(
      String version,
      String node,
      String startedAt,
      long uptimeSeconds,
      boolean draining,
      List<MemberJson> members,
      List<NodeDescription.Listener> listeners,
      CheckJson database,
      SessionSummaries.@Nullable Counts sessions) {}

  private record MemberJson(String address, String status, boolean reachable, List<String> roles) {}

  private record CheckJson(boolean ok, String reason) {}

  private record HealthJson(boolean ok, Map<String, CheckJson> checks) {}

  private final HttpParts parts;
  private final DatabaseProbe database;
  private final Queries queries;
  private final Cluster cluster;
  private final boolean openMetrics;

  /**
   * @param openMetrics metrics need no authentication
   */
  NodeApi(
      ActorSystem<?> system,
      HttpParts parts,
      DatabaseProbe database,
      Queries queries,
      boolean openMetrics) {
    this.parts = parts;
    this.database = database;
    this.queries = queries;
    this.openMetrics = openMetrics;
    cluster = Cluster.get(system);
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/status", this::status),
        new Endpoint.Open(HttpMethods.GET, "/livez", () -> health(Map.of())),
        new Endpoint.Open(HttpMethods.GET, "/startupz", () -> health(Map.of("start", start()))),
        new Endpoint.Open(HttpMethods.GET, "/readyz", this::ready),
        openMetrics
            ? new Endpoint.Open(HttpMethods.GET, "/metrics", this::metrics)
            : new Endpoint.Guarded(HttpMethods.GET, "/metrics", call -> metrics()));
  }

  private CompletionStage<HttpResponse> status(Call call) {
    return database
        .answers()
        .thenCompose(answers ->
            answers
                ? counts(call.principal())
                : CompletableFuture.completedFuture(Optional.<SessionSummaries.Counts>empty()))
        .thenApply(counts -> json(200, statusJson(counts)));
  }

  /** The database may go between the question whether it is there and this one. */
  private CompletionStage<Optional<SessionSummaries.Counts>> counts(Principal principal) {
    return queries.ask(() -> {
      try {
        return Optional.of(parts.summaries().countsOf(principal));
      } catch (SummariesUnavailableException e) {
        return Optional.empty(); // the status says that the database is gone
      }
    });
  }

  private StatusJson statusJson(Optional<SessionSummaries.Counts> counts) {
    NodeDescription node = parts.node();
    return new StatusJson(
        node.version(),
        cluster.selfMember().address().toString(),
        node.startedAt().toString(),
        Duration.between(node.startedAt(), parts.clock().instant()).toSeconds(),
        parts.readiness().isDraining(),
        members(),
        node.listeners().get(),
        databaseCheck(counts.isPresent()),
        counts.orElse(null));
  }

  private List<MemberJson> members() {
    var state = cluster.state();
    List<MemberJson> members = new ArrayList<>();
    for (Member member : state.getMembers()) {
      members.add(
          new MemberJson(
              member.address().toString(),
              name(member.status()),
              !state.getUnreachable().contains(member),
              member.getRoles().stream().sorted().toList()));
    }
    return members;
  }

  private static String name(MemberStatus status) {
    return status.toString().toLowerCase(Locale.ROOT);
  }

  private CompletionStage<HttpResponse> ready() {
    return database
        .answers()
        .thenCompose(answers -> {
          Map<String, CheckJson> checks = new LinkedHashMap<>();
          checks.put("start", start());
          checks.put("cluster", clusterCheck());
          checks.put("database", databaseCheck(answers));
          checks.put("draining", draining());
          return health(checks);
        });
  }

  private static CompletionStage<HttpResponse> health(Map<String, CheckJson> checks) {
    boolean ok = checks.values().stream().allMatch(CheckJson::ok);
    return CompletableFuture.completedFuture(json(ok ? 200 : 503, new HealthJson(ok, checks)));
  }

  private CheckJson start() {
    return parts.readiness().hasStarted()
        ? new CheckJson(true, "all parts have started")
        : new CheckJson(false, "some parts are still starting");
  }

  private CheckJson clusterCheck() {
    MemberStatus status = cluster.selfMember().status();
    boolean up = status.equals(MemberStatus.up());
    return new CheckJson(up, "this node is " + name(status) + " in the cluster");
  }

  private static CheckJson databaseCheck(boolean answers) {
    return answers
        ? new CheckJson(true, "the database answers")
        : new CheckJson(false, "the database does not answer in time");
  }

  private CheckJson draining() {
    return parts.readiness().isDraining()
        ? new CheckJson(false, "the node is about to stop")
        : new CheckJson(true, "the node takes requests");
  }

  private CompletionStage<HttpResponse> metrics() {
    byte[] text = parts.registry().scrape().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    return CompletableFuture.completedFuture(HttpResponse.create().withEntity(METRICS, text));
  }

  private static HttpResponse json(int status, Object record) {
    return HttpResponse.create()
        .withStatus(status)
        .withEntity(ContentTypes.APPLICATION_JSON, Json.bytes(record));
  }
}
