package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The HTTP API of a server, as the command line uses it. */
final class ApiClient implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private final HttpClient client;
  private final URI base;
  private final Optional<String> token;

  private ApiClient(URI base, Optional<String> token, Optional<String> fingerprint) {
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5));
    fingerprint.ifPresent(sha -> builder.sslContext(PinnedTls.context(sha)));
    this.client = builder.build();
    this.base = base;
    this.token = token;
  }

  /** The server of a data folder. */
  static ApiClient ofData(Path data) throws IOException {
    NodeFile node =
        NodeFile.read(data)
            .orElseThrow(() ->
                new NoServerException(
                    "no server runs on " + data + ". Start one with: clawterm up"));
    String http =
        node.http()
            .orElseThrow(() ->
                new CommandFailedException(
                    "the server on "
                        + data
                        + " runs without an HTTP port, by which it is asked this. Start it with"
                        + " one: --http 0 takes any that is free"));
    Path file = AccessToken.file(data);
    if (!Files.isReadable(file)) {
      throw new CommandFailedException("no permission to read the access token " + file);
    }
    return new ApiClient(
        URI.create(http), Optional.of(Files.readString(file).strip()), node.fingerprint());
  }

  /** Text as a part of a path or a query. */
  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    return send(request(path).GET());
  }

  /** As {@link #get(String)}, with a patience of one's own. */
  JsonNode get(String path, Duration patience) throws IOException, InterruptedException {
    return send(request(path).timeout(patience).GET());
  }

  JsonNode delete(String path) throws IOException, InterruptedException {
    return send(request(path).DELETE());
  }

  /** Sends a file; {@code limit} is for the whole of it. */
  JsonNode post(String path, HttpRequest.BodyPublisher body, Duration limit)
      throws IOException, InterruptedException {
    try {
      // What is refused by its size is refused before it is sent.
      return send(request(path).timeout(limit).expectContinue(true).POST(body));
    } catch (IOException e) {
      throw new CommandFailedException(
          "the connection to " + base + " broke off (" + e.getMessage() + "). Try again");
    }
  }

  /** An answer whose body comes as a stream, which the caller closes. */
  HttpResponse<InputStream> open(String path) throws IOException, InterruptedException {
    HttpResponse<InputStream> response;
    try {
      response =
          client.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (ConnectException e) {
      throw new NoServerException("no server answers at " + base + ". Start one with: clawterm up");
    }
    if (response.statusCode() / 100 != 2) {
      try (InputStream body = response.body()) {
        throw failed(response, new String(body.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return response;
  }

  JsonNode put(String path) throws IOException, InterruptedException {
    return send(request(path).PUT(HttpRequest.BodyPublishers.noBody()));
  }

  JsonNode delete(String path, long version) throws IOException, InterruptedException {
    return send(request(path).header("If-Match", "\"" + version + "\"").DELETE());
  }

  JsonNode put(String path, JsonNode body, long version) throws IOException, InterruptedException {
    return send(
        request(path)
            .header("If-Match", "\"" + version + "\"")
            .header("Content-Type", "application/json")
            .PUT(HttpRequest.BodyPublishers.ofString(body.toString())));
  }

  JsonNode post(String path) throws IOException, InterruptedException {
    return send(request(path).POST(HttpRequest.BodyPublishers.noBody()));
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(path)).timeout(TIMEOUT);
    token.ifPresent(value -> request.header("Authorization", "Bearer " + value));
    return request;
  }

  private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<String> response;
    try {
      response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (HttpTimeoutException e) {
      throw new CommandFailedException("the server at " + base + " does not answer in time");
    } catch (ConnectException e) {
      throw new NoServerException("no server answers at " + base + ". Start one with: clawterm up");
    }
    String body = response.body();
    if (response.statusCode() / 100 == 2) {
      return body.isBlank() ? JSON.createObjectNode() : JSON.readTree(body);
    }
    throw failed(response, body);
  }

  private static CommandFailedException failed(HttpResponse<?> response, String body)
      throws IOException {
    String detail = "HTTP status " + response.statusCode();
    if (response.headers().firstValue("Content-Type").orElse("").contains("json")) {
      JsonNode problem = JSON.readTree(body);
      detail = problem.path("detail").asText(problem.path("title").asText(detail));
    }
    return new CommandFailedException(detail);
  }

  @Override
  public void close() {
    client.close();
  }
}
