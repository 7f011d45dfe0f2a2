package io.clawterm.cluster;

import akka.actor.ExtendedActorSystem;
import akka.coordination.lease.LeaseSettings;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/**
 * The lease as an object of Kubernetes (coordination.k8s.io/v1), for clusters where the API server
 * is to decide a split and not the database. Nodes are fenced in the database all the same.
 *
 * <p>An object is changed only as it was read (resourceVersion), and its age is told by the API
 * server's clock, so clocks of nodes do not matter.
 */
public final class KubernetesLease extends SplitLease {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int OK = 200;
  private static final int CREATED = 201;
  private static final int NOT_FOUND = 404;
  private static final int CONFLICT = 409;
  private static final int LONGEST_NAME = 63;

  private final KubernetesApi api;
  private final String path;
  private final String name;

  /** As Akka calls it. */
  public KubernetesLease(LeaseSettings settings, ExtendedActorSystem system) throws IOException {
    super(settings, system);
    this.api = KubernetesApi.from(settings.leaseConfig().getConfig("kubernetes"));
    String given = settings.leaseConfig().getString("kubernetes.name");
    this.name = name(given.isBlank() ? settings.leaseName() : given);
    this.path =
        "/apis/coordination.k8s.io/v1/namespaces/"
            + namespace(settings.leaseConfig().getString("kubernetes.namespace"))
            + "/leases";
  }

  private static String namespace(String configured) throws IOException {
    return configured.isBlank()
        ? Files.readString(Path.of(KubernetesApi.SERVICE_ACCOUNT, "namespace")).strip()
        : configured;
  }

  /** Akka names it by the actor system, in which Kubernetes would not have each character. */
  private static String name(String lease) {
    String safe =
        lease.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
    return safe.substring(0, Math.min(LONGEST_NAME, safe.length()));
  }

  @Override
  boolean take() throws IOException {
    HttpResponse<String> found = api.send("GET", path + "/" + name, "");
    if (found.statusCode() == NOT_FOUND) {
      ObjectNode fresh = JSON.createObjectNode();
      fresh.put("apiVersion", "coordination.k8s.io/v1").put("kind", "Lease");
      fresh.putObject("metadata").put("name", name);
      return isDone(api.send("POST", path, mine(fresh, now(found)).toString()));
    }
    ObjectNode lease = lease(found);
    JsonNode spec = lease.path("spec");
    String holder = spec.path("holderIdentity").asText();
    if (!holder.isEmpty() && !holder.equals(owner()) && now(found).isBefore(end(spec))) {
      return false;
    }
    return isDone(api.send("PUT", path + "/" + name, mine(lease, now(found)).toString()));
  }

  @Override
  void giveUp() throws IOException {
    HttpResponse<String> found = api.send("GET", path + "/" + name, "");
    if (found.statusCode() == NOT_FOUND) {
      return;
    }
    ObjectNode lease = lease(found);
    if (lease.path("spec").path("holderIdentity").asText().equals(owner())) {
      // Left out and not empty: an empty name need not be a valid one.
      ((ObjectNode) lease.get("spec")).remove("holderIdentity");
      isDone(api.send("PUT", path + "/" + name, lease.toString()));
    }
  }

  private ObjectNode mine(ObjectNode lease, Instant now) {
    String time = now.truncatedTo(ChronoUnit.SECONDS).toString().replace("Z", ".000000Z");
    lease
        .putObject("spec")
        .put("holderIdentity", owner())
        .put("leaseDurationSeconds", length().toSeconds())
        .put("acquireTime", time)
        .put("renewTime", time);
    return lease;
  }

  /** Without a time that can be read there is no decision: better nobody goes on than two. */
  private static Instant end(JsonNode spec) throws IOException {
    try {
      return Instant.parse(spec.path("renewTime").asText())
          .plusSeconds(spec.path("leaseDurationSeconds").asLong());
    } catch (DateTimeException e) {
      throw new IOException("the lease says no time: " + spec, e);
    }
  }

  private static Instant now(HttpResponse<String> answer) throws IOException {
    try {
      String date = answer.headers().firstValue("Date").orElseThrow(() -> noDate(answer));
      return ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
    } catch (DateTimeException e) {
      throw new IOException("the API server's clock can't be read", e);
    }
  }

  private static IOException noDate(HttpResponse<String> answer) {
    return new IOException("the API server says no time: " + answer);
  }

  private static ObjectNode lease(HttpResponse<String> answer) throws IOException {
    if (answer.statusCode() == OK
        && JSON.readTree(answer.body()) instanceof ObjectNode lease
        && lease.path("spec").isObject()) {
      return lease;
    }
    throw refused(answer);
  }

  /** False where somebody else was faster. */
  private static boolean isDone(HttpResponse<String> answer) throws IOException {
    return switch (answer.statusCode()) {
      case OK, CREATED -> true;
      case CONFLICT -> false;
      default -> throw refused(answer);
    };
  }

  private static IOException refused(HttpResponse<String> answer) {
    return new IOException(
        "the API server answers %d to %s %s"
            .formatted(
                answer.statusCode(), answer.request().method(), answer.request().uri().getPath()));
  }
}
