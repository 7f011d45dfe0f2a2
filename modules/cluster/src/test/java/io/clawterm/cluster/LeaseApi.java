package io.clawterm.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * What the API server of Kubernetes does with lease objects: it names a version with each, and
 * changes only the version that the caller has read.
 */
final class LeaseApi implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PATH = "/apis/coordination.k8s.io/v1/namespaces/here/leases";

  private final HttpServer server;
  private final String token;
  private final Map<String, ObjectNode> leases = new HashMap<>();
  private final List<String> asked = new ArrayList<>();
  private int version;
  private boolean away;
  private @Nullable Runnable betweenReadAndWrite;

  LeaseApi(String token) throws IOException {
    this.token = token;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** From now on it answers 503, or again. */
  synchronized void away(boolean now) {
    away = now;
  }

  /** Each lease was renewed so much earlier, as if that time had gone by. */
  synchronized void later(Duration by) {
    for (ObjectNode lease : leases.values()) {
      Instant renewed = Instant.parse(lease.at("/spec/renewTime").asText());
      ((ObjectNode) lease.get("spec")).put("renewTime", renewed.minus(by).toString());
    }
  }

  /** Runs this once, after the next object was read. */
  synchronized void betweenReadAndWrite(Runnable other) {
    betweenReadAndWrite = other;
  }

  /** All that came, as method and status. */
  synchronized List<String> asked() {
    return List.copyOf(asked);
  }

  synchronized Map<String, ObjectNode> leases() {
    return Map.copyOf(leases);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      Runnable between;
      int status;
      byte[] said;
      synchronized (this) {
        status = status(exchange);
        ObjectNode lease = status == 200 ? handle(exchange, body) : null;
        if (status == 200 && lease == null) {
          status = exchange.getRequestMethod().equals("GET") ? 404 : 409;
        }
        asked.add(exchange.getRequestMethod() + " " + status);
        said = (lease == null ? "{}" : lease.toString()).getBytes(StandardCharsets.UTF_8);
        between = exchange.getRequestMethod().equals("GET") ? betweenReadAndWrite : null;
        if (between != null) {
          betweenReadAndWrite = null;
        }
      }
      if (between != null) {
        between.run();
      }
      exchange.sendResponseHeaders(status, said.length);
      exchange.getResponseBody().write(said);
    }
  }

  private int status(HttpExchange exchange) {
    if (away) {
      return 503;
    }
    String shown = exchange.getRequestHeaders().getFirst("Authorization");
    if (!("Bearer " + token).equals(shown)) {
      return 401;
    }
    return exchange.getRequestURI().getPath().startsWith(PATH) ? 200 : 404;
  }

  private @Nullable ObjectNode handle(HttpExchange exchange, String body) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String name = path.length() > PATH.length() ? path.substring(PATH.length() + 1) : "";
    return switch (exchange.getRequestMethod()) {
      case "GET" -> leases.get(name);
      case "POST" -> {
        ObjectNode lease = (ObjectNode) JSON.readTree(body);
        yield put(nameOf(lease), lease, !leases.containsKey(nameOf(lease)));
      }
      case "PUT" -> {
        ObjectNode lease = (ObjectNode) JSON.readTree(body);
        ObjectNode before = leases.get(name);
        boolean current =
            before != null
                && before
                    .at("/metadata/resourceVersion")
                    .equals(lease.at("/metadata/resourceVersion"));
        yield put(name, lease, current);
      }
      default -> throw new IOException("not known: " + exchange.getRequestMethod());
    };
  }

  private static String nameOf(ObjectNode lease) {
    return lease.at("/metadata/name").asText();
  }

  private @Nullable ObjectNode put(String name, ObjectNode lease, boolean allowed) {
    if (!allowed) {
      return null;
    }
    ((ObjectNode) lease.get("metadata")).put("resourceVersion", "" + ++version);
    leases.put(name, lease);
    return lease;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
