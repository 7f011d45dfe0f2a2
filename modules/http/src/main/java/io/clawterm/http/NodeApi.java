package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.cluster.Member;
import akka.cluster.typed.Cluster;
import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.api.Principal;
import io.clawterm.storage.LeaseState;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.StorageException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** What a node tells of itself: status and metrics. */
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
      SessionSummaries.@Nullable Counts sessions,
      LeaseJson lease,
      @Nullable SchemaJson schema,
      CheckJson disk,
      long databaseMillis) {}

  private record MemberJson(String address, String status, boolean reachable, List<String> roles) {}

  /**
   * The schema of the database.
   *
   * @param applied the newest script that the database has
   * @param known the newest that this release knows
   */
  private record SchemaJson(int applied, int known) {}

  private record FromDatabase(SessionSummaries.Counts counts, SchemaJson schema) {}

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
        openMetrics
            ? new Endpoint.Open(HttpMethods.GET, "/metrics", this::metrics)
            : new Endpoint.Guarded(HttpMethods.GET, "/metrics", call -> metrics()));
  }

  private CompletionStage<HttpResponse> status(Call call) {
    return database
        .answers()
        .thenCompose(answers ->
            answers
                ? fromDatabase(call.principal())
                : CompletableFuture.completedFuture(Optional.<FromDatabase>empty()))
        .thenApply(known -> Json.response(200, statusJson(known)));
  }

  /** The database may go between the question whether it is there and this one. */
  private CompletionStage<Optional<FromDatabase>> fromDatabase(Principal principal) {
    return queries.ask(() -> {
      try {
        return Optional.of(
            new FromDatabase(
                parts.summaries().countsOf(principal),
                new SchemaJson(Migrations.applied(parts.database()), Migrations.known())));
      } catch (SummariesUnavailableException | StorageException e) {
        return Optional.empty(); // the status says that the database is gone
      }
    });
  }

  private StatusJson statusJson(Optional<FromDatabase> known) {
    NodeDescription node = parts.node();
    LeaseState lease = parts.lease().get();
    return new StatusJson(
        node.version(),
        cluster.selfMember().address().toString(),
        node.startedAt().toString(),
        Duration.between(node.startedAt(), parts.clock().instant()).toSeconds(),
        parts.readiness().isDraining(),
        members(),
        node.listeners().get(),
        HealthApi.database(known.isPresent(), lease),
        known.map(FromDatabase::counts).orElse(null),
        LeaseJson.of(lease),
        known.map(FromDatabase::schema).orElse(null),
        HealthApi.disk(parts.disk().get()),
        lease.roundTrip().toMillis());
  }

  private List<MemberJson> members() {
    var state = cluster.state();
    List<MemberJson> members = new ArrayList<>();
    for (Member member : state.getMembers()) {
      members.add(
          new MemberJson(
              member.address().toString(),
              HealthApi.name(member.status()),
              !state.getUnreachable().contains(member),
              member.getRoles().stream().sorted().toList()));
    }
    return members;
  }

  private CompletionStage<HttpResponse> metrics() {
    byte[] text = parts.registry().scrape().getBytes(StandardCharsets.UTF_8);
    return CompletableFuture.completedFuture(HttpResponse.create().withEntity(METRICS, text));
  }
}
