package io.clawterm.testkit;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * What the API server of Kubernetes answers to the service account of one namespace: the list of
 * pods by their labels, and lease objects. It names a version with each lease, and changes only the
 * version that the caller has read.
 */
public final class KubernetesApiServer implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int OK = 200;
  private static final int UNAUTHORIZED = 401;
  private static final int FORBIDDEN = 403;
  private static final int NOT_FOUND = 404;
  private static final int CONFLICT = 409;
  private static final int AWAY = 503;

  private final HttpServer server;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final String leasesPath;
  private final String podsPath;
  private final String token;
  private final Map<String, ObjectNode> leases = new HashMap<>();
  private final Map<String, ObjectNode> pods = new TreeMap<>();
  private final List<String> asked = new ArrayList<>();
  private int version;
  private boolean away;
  private boolean podsForbidden;
  private @Nullable Runnable betweenReadAndWrite;

  /** An answer: an object of Kubernetes, or why there is none. */
  private record Answer(int status, ObjectNode body) {}

  private KubernetesApiServer(HttpServer server, String namespace, String token) {
    this.server = server;
    this.token = token;
    this.leasesPath = "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases";
    this.podsPath = "/api/v1/namespaces/" + namespace + "/pods";
    server.setExecutor(executor);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Starts one on loopback, without TLS. */
  public static KubernetesApiServer start(String namespace, String token) throws IOException {
    return new KubernetesApiServer(HttpServer.create(anyPort(), 0), namespace, token);
  }

  /** Starts one on loopback, with TLS, as a pod finds it. */
  public static KubernetesApiServer start(String namespace, String token, SSLContext tls)
      throws IOException {
    HttpsServer server = HttpsServer.create(anyPort(), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    return new KubernetesApiServer(server, namespace, token);
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  /** Its port on 127.0.0.1. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** From now on it answers 503, or again. */
  public synchronized void away(boolean now) {
    away = now;
  }

  /** From now on the service account may list no pods, or again. */
  public synchronized void forbidPods(boolean now) {
    podsForbidden = now;
  }

  /** A pod appears, or is another now: with its labels, specification and status. */
  public synchronized void put(ObjectNode pod) {
    pods.put(nameOf(pod), pod);
  }

  /** A pod is gone. */
  public synchronized void removePod(String name) {
    pods.remove(name);
  }

  /** Each lease was renewed so much earlier, as if that time had gone by. */
  public synchronized void later(Duration by) {
    for (ObjectNode lease : leases.values()) {
      Instant renewed = Instant.parse(lease.at("/spec/renewTime").asText());
      ((ObjectNode) lease.get("spec")).put("renewTime", renewed.minus(by).toString());
    }
  }

  /** Runs this once, after the next object was read. */
  public synchronized void betweenReadAndWrite(Runnable other) {
    betweenReadAndWrite = other;
  }

  /** All that came, as method and status. */
  public synchronized List<String> asked() {
    return List.copyOf(asked);
  }

  /** The leases by name. */
  public synchronized Map<String, ObjectNode> leases() {
    return Map.copyOf(leases);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      boolean reads = exchange.getRequestMethod().equals("GET");
      Optional<Runnable> between = Optional.empty();
      Answer answer;
      synchronized (this) {
        answer = decide(exchange, body);
        asked.add(exchange.getRequestMethod() + " " + answer.status());
        if (reads) {
          between = Optional.ofNullable(betweenReadAndWrite);
          betweenReadAndWrite = null;
        }
      }
      between.ifPresent(Runnable::run);
      byte[] said = answer.body().toString().getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(answer.status(), said.length);
      exchange.getResponseBody().write(said);
    }
  }

  private Answer decide(HttpExchange exchange, String body) throws IOException {
    String path = exchange.getRequestURI().getPath();
    if (away) {
      return failure(AWAY, "ServiceUnavailable", "the server is currently unable to answer");
    }
    if (!("Bearer " + token).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      return failure(UNAUTHORIZED, "Unauthorized", "Unauthorized");
    }
    if (path.startsWith(leasesPath)) {
      String name = path.equals(leasesPath) ? "" : path.substring(leasesPath.length() + 1);
      return lease(exchange.getRequestMethod(), name, body);
    }
    // A role is for one namespace: in any other, nothing is allowed.
    if (podsForbidden || !path.equals(podsPath)) {
      return failure(
          FORBIDDEN,
          "Forbidden",
          "pods is forbidden: User \"system:serviceaccount:apps:clawterm\" cannot list resource"
              + " \"pods\" in API group \"\" in the namespace of "
              + path);
    }
    return new Answer(OK, list(selector(exchange.getRequestURI().getRawQuery())));
  }

  /** As Kubernetes says what went wrong. */
  private static Answer failure(int status, String reason, String message) {
    ObjectNode body = JSON.createObjectNode();
    body.put("kind", "Status").put("apiVersion", "v1").put("status", "Failure");
    body.putObject("metadata");
    return new Answer(
        status, body.put("message", message).put("reason", reason).put("code", status));
  }

  /** Labels that must be as they are given; other selectors are not known here. */
  private static Map<String, String> selector(@Nullable String query) {
    Map<String, String> wanted = new HashMap<>();
    for (String each : query == null ? new String[0] : query.split("&", -1)) {
      String given = URLDecoder.decode(each, StandardCharsets.UTF_8);
      if (!given.startsWith("labelSelector=")) {
        throw new IllegalArgumentException("not known: " + given);
      }
      for (String label : given.substring("labelSelector=".length()).split(",", -1)) {
        int equals = label.indexOf('=');
        wanted.put(label.substring(0, equals), label.substring(equals + 1));
      }
    }
    return wanted;
  }

  private ObjectNode list(Map<String, String> labels) {
    ObjectNode list = JSON.createObjectNode();
    list.put("kind", "PodList").put("apiVersion", "v1");
    list.putObject("metadata").put("resourceVersion", "" + version);
    var items = list.putArray("items");
    for (ObjectNode pod : pods.values()) {
      boolean wanted =
          labels.entrySet().stream()
              .allMatch(label ->
                  pod.path("metadata")
                      .path("labels")
                      .path(label.getKey())
                      .asText()
                      .equals(label.getValue()));
      if (wanted) {
        items.add(pod);
      }
    }
    return list;
  }

  private Answer lease(String method, String name, String body) throws IOException {
    ObjectNode before = leases.get(name);
    return switch (method) {
      case "GET" ->
          before == null
              ? failure(NOT_FOUND, "NotFound", "leases \"" + name + "\" not found")
              : new Answer(OK, before);
      case "POST" -> {
        ObjectNode lease = (ObjectNode) JSON.readTree(body);
        yield put(nameOf(lease), lease, !leases.containsKey(nameOf(lease)));
      }
      case "PUT" -> {
        ObjectNode lease = (ObjectNode) JSON.readTree(body);
        boolean current =
            before != null
                && before
                    .at("/metadata/resourceVersion")
                    .equals(lease.at("/metadata/resourceVersion"));
        yield put(name, lease, current);
      }
      default -> throw new IOException("not known: " + method);
    };
  }

  private static String nameOf(ObjectNode object) {
    return object.at("/metadata/name").asText();
  }

  private Answer put(String name, ObjectNode lease, boolean allowed) {
    if (!allowed) {
      return failure(CONFLICT, "Conflict", "leases \"" + name + "\": the object has been modified");
    }
    ((ObjectNode) lease.get("metadata")).put("resourceVersion", "" + ++version);
    leases.put(name, lease);
    return new Answer(OK, lease);
  }

  @Override
  public void close() {
    server.stop(0);
    executor.close();
  }
}
