package io.clawterm.http;

import akka.http.javadsl.model.HttpMethod;
import akka.http.javadsl.model.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/** One operation of the API; the OpenAPI contract lists the same ones. */
sealed interface Endpoint {

  HttpMethod method();

  /** The path, with at most one parameter such as {@code {id}} for a whole segment. */
  String path();

  /** For everybody who may reach the port: it shows nothing that is anybody's. */
  record Open(HttpMethod method, String path, Supplier<CompletionStage<HttpResponse>> answer)
      implements Endpoint {}

  /** For principals only. */
  record Guarded(
      HttpMethod method, String path, Function<Call, CompletionStage<HttpResponse>> answer)
      implements Endpoint {}

  /**
   * For principals only; it reads the request's body by itself, whatever else refuses reads none.
   *
   * @param maxBytes the largest body
   * @param timeout how long it may take in all
   */
  record Upload(
      HttpMethod method,
      String path,
      long maxBytes,
      Duration timeout,
      Function<Call, CompletionStage<HttpResponse>> answer)
      implements Endpoint {}

  /** The same for a request with a body, which is read whole once the principal is known. */
  record Taking(
      HttpMethod method,
      String path,
      BiFunction<Call, String, CompletionStage<HttpResponse>> answer)
      implements Endpoint {}

  /** What stands in the parameter's place (empty without one), if the path fits. */
  default Optional<String> match(String requested) {
    String[] expected = path().split("/", -1);
    String[] given = requested.split("/", -1);
    if (expected.length != given.length) {
      return Optional.empty();
    }
    String parameter = "";
    for (int i = 0; i < expected.length; i++) {
      if (expected[i].startsWith("{")) {
        parameter = given[i];
      } else if (!expected[i].equals(given[i])) {
        return Optional.empty();
      }
    }
    return Optional.of(parameter);
  }
}
