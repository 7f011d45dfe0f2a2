package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.storage.LeaseState;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Whether a node lives, has started, and wants requests: for probes, which show no token. */
final class HealthApi {

  private record HealthJson(boolean ok, Map<String, CheckJson> checks) {}

  private final HttpParts parts;
  private final DatabaseProbe database;
  private final Cluster cluster;

  HealthApi(ActorSystem<?> system, HttpParts parts, DatabaseProbe database) {
    this.parts = parts;
    this.database = database;
    cluster = Cluster.get(system);
  }

  List<Endpoint> endpoints() {
    return List.of(
        live(),
        new Endpoint.Open(HttpMethods.GET, "/startupz", () -> health(Map.of("start", start()))),
        wants());
  }

  /** What the probes' own listener answers. */
  List<Endpoint> probes() {
    return List.of(live(), wants());
  }

  private static Endpoint live() {
    return new Endpoint.Open(HttpMethods.GET, "/livez", () -> health(Map.of()));
  }

  private Endpoint wants() {
    return new Endpoint.Open(HttpMethods.GET, "/readyz", this::ready);
  }

  private CompletionStage<HttpResponse> ready() {
    return database
        .answers()
        .thenCompose(answers -> {
          LeaseState lease = parts.lease().get();
          Map<String, CheckJson> checks = new LinkedHashMap<>();
          checks.put("start", start());
          checks.put("cluster", cluster());
          checks.put("lease", lease(lease));
          checks.put("database", database(answers, lease));
          checks.put("draining", draining());
          return health(checks);
        });
  }

  private static CompletionStage<HttpResponse> health(Map<String, CheckJson> checks) {
    boolean ok = checks.values().stream().allMatch(CheckJson::ok);
    return CompletableFuture.completedFuture(
        Json.response(ok ? 200 : 503, new HealthJson(ok, checks)));
  }

  private CheckJson start() {
    return parts.readiness().hasStarted()
        ? new CheckJson(true, "all parts have started")
        : new CheckJson(false, "some parts are still starting");
  }

  private CheckJson cluster() {
    MemberStatus status = cluster.selfMember().status();
    return new CheckJson(
        status.equals(MemberStatus.up()), "this node is " + name(status) + " in the cluster");
  }

  static String name(MemberStatus status) {
    return status.toString().toLowerCase(Locale.ROOT);
  }

  /** Its right to write: what a node without it took on would be lost. */
  private static CheckJson lease(LeaseState lease) {
    if (!lease.held()) {
      return new CheckJson(false, "another node has taken over; this one may write nothing");
    }
    return lease.isInDanger()
        ? new CheckJson(
            false,
            "the database has not confirmed for "
                + lease.unconfirmed().toSeconds()
                + " s that this node may write; others may take over")
        : new CheckJson(true, "this node may write");
  }

  static CheckJson database(boolean answers, LeaseState lease) {
    if (answers) {
      return new CheckJson(true, "the database answers");
    }
    return new CheckJson(
        false,
        lease.isInDanger()
            ? "the database has not answered for " + lease.unconfirmed().toSeconds() + " s"
            : "the database does not answer in time");
  }

  private CheckJson draining() {
    return parts.readiness().isDraining()
        ? new CheckJson(false, "the node is about to stop")
        : new CheckJson(true, "the node takes requests");
  }
}
