package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import io.clawterm.storage.DiskState;
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
          checks.put("disk", disk(parts.disk().get()));
          checks.put("clock", clock(lease));
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
        ? CheckJson.well("all parts have started")
        : CheckJson.failed("some parts are still starting");
  }

  private CheckJson cluster() {
    MemberStatus status = cluster.selfMember().status();
    return new CheckJson(
        status.equals(MemberStatus.up()), "this node is " + name(status) + " in the cluster", null);
  }

  static String name(MemberStatus status) {
    return status.toString().toLowerCase(Locale.ROOT);
  }

  /** Its right to write: what a node without it took on would be lost. */
  private static CheckJson lease(LeaseState lease) {
    if (!lease.held()) {
      return CheckJson.failed("another node has taken over; this one may write nothing");
    }
    return lease.isInDanger()
        ? CheckJson.failed(
            "the database has not confirmed for "
                + lease.unconfirmed().toSeconds()
                + " s that this node may write; others may take over")
        : CheckJson.well("this node may write");
  }

  /** A slow one is slow for the other nodes as well: to lead people there would not help. */
  static CheckJson database(boolean answers, LeaseState lease) {
    if (answers) {
      return lease.isSlow()
          ? CheckJson.warning("the database answers slowly")
          : CheckJson.well("the database answers");
    }
    return CheckJson.failed(
        lease.isInDanger()
            ? "the database has not answered for " + lease.unconfirmed().toSeconds() + " s"
            : "the database does not answer in time");
  }

  /** On a full one nobody can connect or resume: both are stored. */
  static CheckJson disk(DiskState disk) {
    if (disk.isFull()) {
      return CheckJson.failed("the database's disk is full; input is refused until there is room");
    }
    return disk.isLow()
        ? CheckJson.warning("the disk of the node's own database is nearly full")
        : CheckJson.well("the database has room, as far as this node can tell");
  }

  /**
   * A wrong clock lets sessions and tokens expire too early or too late wherever the session is,
   * also behind a node that takes no more devices. And when the database's own clock is the wrong
   * one, it shows on all nodes at once: none would be left. So it warns, and a node starts with it
   * no more.
   */
  private static CheckJson clock(LeaseState lease) {
    return lease.isClockRight()
        ? CheckJson.well("the clock agrees with the database's")
        : CheckJson.warning(
            "the clock differs from the database's: sessions and tokens expire at the wrong time");
  }

  private CheckJson draining() {
    return parts.readiness().isDraining()
        ? CheckJson.failed("the node is about to stop")
        : CheckJson.well("the node takes requests");
  }
}
