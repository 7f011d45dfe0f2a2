package io.clawterm.http;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpCharsets;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaTypes;
import akka.http.javadsl.model.headers.HttpChallenge;
import akka.http.javadsl.model.headers.RawHeader;
import akka.http.javadsl.model.headers.WWWAuthenticate;
import akka.http.scaladsl.model.EntityStreamSizeException;
import io.clawterm.storage.StorageException;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What went wrong with a request, as a problem detail (RFC 9457). */
record Problem(Reason reason, String detail) {

  /** The kinds of problems; a kind's name is part of the API. */
  enum Reason {
    INVALID_PARAMETER(400, "A parameter is invalid"),
    BAD_REQUEST(400, "The request is not understood"),
    UNAUTHENTICATED(401, "Authentication is needed"),
    FOREIGN_ORIGIN(403, "This web origin may not call here"),
    UNKNOWN_SIGNER(403, "The signer is not trusted here"),
    FORBIDDEN(403, "This is for the owner of the server"),
    NOT_FOUND(404, "There is no such thing"),
    METHOD_NOT_ALLOWED(405, "The method is not allowed here"),
    NOT_MOVABLE(409, "The session can't be moved"),
    NO_SUCH_TARGET(409, "The session's target is not here"),
    NEEDS_RESTART(409, "This setting does not change while the server runs"),
    CHANGED_MEANWHILE(412, "Somebody else has changed it"),
    BODY_TOO_LARGE(413, "The body is too large"),
    WRONG_HOST(421, "This server is not called by this name"),
    DAMAGED_BUNDLE(422, "The file is no whole bundle"),
    NEWER_BUNDLE(422, "The bundle is of a newer version"),
    INTERNAL(500, "Something failed here"),
    DATABASE_UNAVAILABLE(503, "The database does not answer"),
    SESSION_UNAVAILABLE(503, "The session does not answer"),
    OVERLOADED(503, "Too much at once"),
    TIMED_OUT(503, "It took too long");

    final int status;
    final String title;

    Reason(int status, String title) {
      this.status = status;
      this.title = title;
    }
  }

  private record Body(String type, String title, int status, String detail, String requestId) {}

  /** Names a request in its answer, in problems and in the log. */
  static final String REQUEST_ID = "X-Request-Id";

  private static final Logger LOG = LoggerFactory.getLogger(Problem.class);

  private static final ContentType.WithFixedCharset CONTENT_TYPE =
      ContentTypes.create(
          MediaTypes.applicationWithFixedCharset("problem+json", HttpCharsets.UTF_8));

  /** The same answer for each failed authentication: it tells nothing about what was wrong. */
  static final Problem UNAUTHENTICATED =
      new Problem(Reason.UNAUTHENTICATED, "Send the header Authorization: Bearer TOKEN.");

  /** The same answer for what never was, is over, or is somebody else's. */
  static final Problem NO_SUCH_SESSION = new Problem(Reason.NOT_FOUND, "No such session.");

  static final Problem NO_SUCH_PAGE = new Problem(Reason.NOT_FOUND, "No such page.");

  static Problem bodyTooLarge(long maxBytes) {
    return new Problem(Reason.BODY_TOO_LARGE, "At most " + maxBytes + " bytes.");
  }

  /** Turns a failure into a problem, and logs what nobody expected. */
  static Problem of(Throwable failure, String requestId) {
    return switch (failure) {
      case CompletionException wrapped when wrapped.getCause() != null ->
          of(wrapped.getCause(), requestId);
      case SummariesUnavailableException e ->
          new Problem(Reason.DATABASE_UNAVAILABLE, "Try again in a moment.");
      case StorageException e -> new Problem(Reason.DATABASE_UNAVAILABLE, "Try again in a moment.");
      case TimeoutException e -> new Problem(Reason.SESSION_UNAVAILABLE, "Try again in a moment.");
      case EntityStreamSizeException e -> bodyTooLarge(e.limit());
      case OverloadedException e -> new Problem(Reason.OVERLOADED, "Try again in a moment.");
      default -> {
        LOG.atError()
            .addKeyValue("request", requestId)
            .setCause(failure)
            .log("a request failed unexpectedly");
        yield new Problem(Reason.INTERNAL, "The server's log has more under this request id.");
      }
    };
  }

  /** The answer to a call that is refused without asking anybody. */
  CompletionStage<HttpResponse> answer(Call call) {
    return CompletableFuture.completedFuture(response(call.id()));
  }

  HttpResponse response(String requestId) {
    String name = reason.name().toLowerCase(Locale.ROOT).replace('_', '-');
    Body body =
        new Body("urn:clawterm:problem:" + name, reason.title, reason.status, detail, requestId);
    HttpResponse response =
        HttpResponse.create()
            .withStatus(reason.status)
            .withEntity(CONTENT_TYPE, Json.bytes(body))
            .addHeader(RawHeader.create(REQUEST_ID, requestId));
    return switch (reason) {
      case UNAUTHENTICATED ->
          response.addHeader(WWWAuthenticate.create(HttpChallenge.createOAuth2("clawterm")));
      case DATABASE_UNAVAILABLE, SESSION_UNAVAILABLE, OVERLOADED, TIMED_OUT ->
          response.addHeader(RawHeader.create("Retry-After", "1"));
      case INVALID_PARAMETER,
          BAD_REQUEST,
          FOREIGN_ORIGIN,
          FORBIDDEN,
          NOT_FOUND,
          UNKNOWN_SIGNER,
          METHOD_NOT_ALLOWED,
          NOT_MOVABLE,
          NO_SUCH_TARGET,
          NEEDS_RESTART,
          CHANGED_MEANWHILE,
          BODY_TOO_LARGE,
          WRONG_HOST,
          DAMAGED_BUNDLE,
          NEWER_BUNDLE,
          INTERNAL ->
          response;
    };
  }
}
