package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.model.HttpEntity;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import akka.http.javadsl.model.headers.TimeoutAccess;
import akka.http.javadsl.server.Directives;
import akka.http.javadsl.server.ExceptionHandler;
import akka.http.javadsl.server.RejectionHandler;
import akka.http.javadsl.server.Route;
import akka.japi.function.Function;
import io.clawterm.api.Principal;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import scala.concurrent.duration.FiniteDuration;

/**
 * The one way in: each request is checked for its caller's place, its size and its principal before
 * an endpoint sees it, and each answer leaves with the same headers and is counted.
 */
final class Router {

  private static final List<HttpHeader> HEADERS =
      List.of(
          RawHeader.create("X-Content-Type-Options", "nosniff"),
          RawHeader.create("Referrer-Policy", "no-referrer"),
          RawHeader.create("Cross-Origin-Resource-Policy", "same-origin"),
          RawHeader.create("Cache-Control", "no-store"));

  private static final String POLICY = "Content-Security-Policy";
  private static final HttpHeader NOTHING =
      RawHeader.create(POLICY, "default-src 'none'; frame-ancestors 'none'");

  private static final String BEARER = "bearer ";
  private static final int SWITCHING_PROTOCOLS = 101;

  /** A body is small; who sends it slowly holds nothing but its own connection meanwhile. */
  private static final Duration BODY_TIMEOUT = Duration.ofSeconds(5);

  /** An answer and the route that it is counted under. */
  private record Answered(String method, String route, CompletionStage<HttpResponse> response) {}

  private final ActorSystem<?> system;
  private final List<Endpoint> endpoints;
  private final Authentication authentication;
  private final CallerGuard guard;
  private final long maxBodyBytes;
  private final MeterRegistry registry;
  private final Optional<Function<HttpRequest, CompletionStage<HttpResponse>>> extra;
  private final SecureRandom random = new SecureRandom();

  /**
   * @param extra answers what no endpoint does
   */
  Router(
      ActorSystem<?> system,
      List<Endpoint> endpoints,
      HttpParts parts,
      Optional<Route> extra,
      CallerGuard guard,
      long maxBodyBytes) {
    this.system = system;
    this.endpoints = List.copyOf(endpoints);
    this.authentication = parts.authentication();
    this.guard = guard;
    this.maxBodyBytes = maxBodyBytes;
    this.registry = parts.registry();
    this.extra = extra.map(route -> sealed(route).handler(system));
  }

  /** What the extra route refuses or fails at is told like everything else. */
  private Route sealed(Route route) {
    RejectionHandler rejections =
        RejectionHandler.defaultHandler()
            .mapRejectionResponse(response -> {
              int status = response.status().intValue();
              Problem problem =
                  status == 404
                      ? Problem.NO_SUCH_PAGE
                      : status == 405
                          ? new Problem(Problem.Reason.METHOD_NOT_ALLOWED, "Use another method.")
                          : new Problem(Problem.Reason.BAD_REQUEST, "Not what is expected here.");
              return problem.response(newId());
            });
    ExceptionHandler failures =
        ExceptionHandler.newBuilder()
            .matchAny(failure -> {
              String id = newId();
              return Directives.complete(Problem.of(failure, id).response(id));
            })
            .build();
    return route.seal(rejections, failures);
  }

  Route route() {
    return Directives.withRequestTimeoutResponse(
        request -> timedOut(newId()), () -> Directives.handle(this::answer));
  }

  private static HttpResponse timedOut(String id) {
    return finished(new Problem(Problem.Reason.TIMED_OUT, "Try again later.").response(id), id);
  }

  private CompletionStage<HttpResponse> answer(HttpRequest request) {
    long started = System.nanoTime();
    String id = newId();
    Answered answered = dispatch(request, id);
    return answered
        .response()
        .exceptionally(failure -> Problem.of(failure, id).response(id))
        .thenApply(response -> {
          count(answered, response, System.nanoTime() - started);
          return finished(response, id);
        });
  }

  private Answered dispatch(HttpRequest request, String id) {
    String path = request.getUri().path();
    List<Endpoint> here = endpoints.stream().filter(e -> e.match(path).isPresent()).toList();
    Optional<Endpoint.Upload> upload = upload(here, request);
    long maxBytes = upload.map(Endpoint.Upload::maxBytes).orElse(maxBodyBytes);
    Optional<Problem> refusal = guard.refusal(request).or(() -> tooLarge(request, maxBytes));
    if (refusal.isPresent()) {
      request.discardEntityBytes(system);
      return answered("refused", refusal.get(), id);
    }
    if (here.isEmpty() && extra.isPresent()) {
      return new Answered(request.method().name(), "extra", passOn(extra.get(), request));
    }
    if (upload.isPresent()) {
      return new Answered(
          upload.get().method().name(), upload.get().path(), take(upload.get(), request, id));
    }
    if (here.isEmpty()) {
      request.discardEntityBytes(system);
      return answered("none", Problem.NO_SUCH_PAGE, id);
    }
    for (Endpoint endpoint : here) {
      if (endpoint.method().equals(request.method())) {
        return new Answered(
            endpoint.method().name(), endpoint.path(), call(endpoint, request, path, id));
      }
    }
    request.discardEntityBytes(system);
    return notAllowed(here, id);
  }

  private static Optional<Problem> tooLarge(HttpRequest request, long maxBytes) {
    HttpEntity entity = request.entity();
    return entity.getContentLengthOption().orElse(0) > maxBytes
        ? Optional.of(Problem.bodyTooLarge(maxBytes))
        : Optional.empty();
  }

  private static Optional<Endpoint.Upload> upload(List<Endpoint> here, HttpRequest request) {
    return here.stream()
        .filter(e -> e instanceof Endpoint.Upload && e.method().equals(request.method()))
        .map(Endpoint.Upload.class::cast)
        .findFirst();
  }

  private CompletionStage<HttpResponse> take(
      Endpoint.Upload upload, HttpRequest request, String id) {
    Optional<Principal> principal = principal(request);
    if (principal.isEmpty()) {
      request.discardEntityBytes(system);
      return CompletableFuture.completedFuture(Problem.UNAUTHENTICATED.response(id));
    }
    request
        .getHeader(TimeoutAccess.class)
        .ifPresent(header ->
            header
                .timeoutAccess()
                .updateTimeout(
                    FiniteDuration.create(upload.timeout().toMillis(), TimeUnit.MILLISECONDS)));
    return upload.answer().apply(new Call(request, principal.get(), "", id));
  }

  private Optional<Principal> principal(HttpRequest request) {
    return bearer(request).flatMap(authentication::principalOf);
  }

  private static Answered answered(String route, Problem problem, String id) {
    return new Answered("other", route, CompletableFuture.completedFuture(problem.response(id)));
  }

  private static Answered notAllowed(List<Endpoint> here, String id) {
    String allowed = String.join(", ", here.stream().map(e -> e.method().name()).toList());
    HttpResponse response =
        new Problem(Problem.Reason.METHOD_NOT_ALLOWED, "Use " + allowed + ".").response(id);
    return new Answered(
        "other",
        here.getFirst().path(),
        CompletableFuture.completedFuture(response.addHeader(RawHeader.create("Allow", allowed))));
  }

  private static CompletionStage<HttpResponse> passOn(
      Function<HttpRequest, CompletionStage<HttpResponse>> route, HttpRequest request) {
    try {
      return route.apply(request);
    } catch (Exception e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletionStage<HttpResponse> call(
      Endpoint endpoint, HttpRequest request, String path, String id) {
    if (endpoint instanceof Endpoint.Upload upload) {
      return take(upload, request, id);
    }
    Optional<Call> known =
        principal(request)
            .map(principal -> new Call(request, principal, endpoint.match(path).orElse(""), id));
    if (endpoint instanceof Endpoint.Taking taking && known.isPresent()) {
      return body(request)
          .thenCompose(body ->
              body.isPresent()
                  ? taking.answer().apply(known.get(), body.get())
                  : CompletableFuture.completedFuture(
                      new Problem(
                              Problem.Reason.BAD_REQUEST,
                              "The body did not come whole; it has at most "
                                  + maxBodyBytes
                                  + " bytes.")
                          .response(id)));
    }
    request.discardEntityBytes(system);
    if (endpoint instanceof Endpoint.Open open) {
      return open.answer().get();
    }
    return known.isPresent() && endpoint instanceof Endpoint.Guarded guarded
        ? guarded.answer().apply(known.get())
        : CompletableFuture.completedFuture(Problem.UNAUTHENTICATED.response(id));
  }

  /** Empty where it is too long, too slow or cut off: in each case the caller's doing. */
  private CompletionStage<Optional<String>> body(HttpRequest request) {
    return request
        .entity()
        .toStrict(BODY_TIMEOUT.toMillis(), maxBodyBytes, system.classicSystem())
        .handle((body, failure) ->
            body == null ? Optional.empty() : Optional.of(body.getData().utf8String()));
  }

  private static Optional<String> bearer(HttpRequest request) {
    return request
        .getHeader("authorization")
        .map(HttpHeader::value)
        .filter(value -> value.regionMatches(true, 0, BEARER, 0, BEARER.length()))
        .map(value -> value.substring(BEARER.length()).strip());
  }

  private void count(Answered answered, HttpResponse response, long nanos) {
    Timer.builder("clawterm.http.request")
        .description("How long a request takes")
        .tag("method", answered.method())
        .tag("route", answered.route())
        .tag("status", String.valueOf(response.status().intValue()))
        .register(registry)
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  private static HttpResponse finished(HttpResponse response, String id) {
    if (response.status().intValue() == SWITCHING_PROTOCOLS) {
      return response;
    }
    HttpResponse finished = response.addHeaders(HEADERS);
    if (finished.getHeader(POLICY).isEmpty()) {
      finished = finished.addHeader(NOTHING);
    }
    return finished.getHeader(Problem.REQUEST_ID).isPresent()
        ? finished
        : finished.addHeader(RawHeader.create(Problem.REQUEST_ID, id));
  }

  private String newId() {
    byte[] bytes = new byte[8];
    random.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
