package io.clawterm.http;

import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.StatusCodes;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionCommand;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The operations on sessions: list, look at, close. */
final class SessionApi {

  private static final int DEFAULT_PAGE = 50;

  /** A session on the wire. Those fields that only the session itself knows come last. */
  private record SessionJson(
      String id,
      @Nullable String key,
      String target,
      String state,
      String createdAt,
      String touchedAt,
      long expirySeconds,
      boolean runOpen,
      List<String> devices,
      @Nullable String endedReason,
      @Nullable Long headNumber) {}

  private record ListJson(List<SessionJson> sessions, @Nullable String nextCursor) {}

  private final SessionSummaries summaries;
  private final SessionRelay sessions;
  private final Queries queries;
  private final int maxPage;

  SessionApi(SessionSummaries summaries, SessionRelay sessions, Queries queries, int maxPage) {
    this.summaries = summaries;
    this.sessions = sessions;
    this.queries = queries;
    this.maxPage = maxPage;
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/sessions", this::list),
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/sessions/{id}", this::describe),
        new Endpoint.Guarded(HttpMethods.DELETE, "/api/v1/sessions/{id}", this::close));
  }

  private CompletionStage<HttpResponse> list(Call call) {
    int limit;
    Optional<SessionSummaries.Cursor> cursor;
    Optional<SessionSummary.State> state;
    try {
      limit = call.query("limit").map(this::limit).orElse(Math.min(DEFAULT_PAGE, maxPage));
      cursor = call.query("cursor").map(SessionApi::cursor);
      state = call.query("state").map(SessionApi::state);
    } catch (InvalidParameterException e) {
      return new Problem(Problem.Reason.INVALID_PARAMETER, e.rule).answer(call);
    }
    return queries
        .ask(() -> summaries.ofOwner(call.principal(), state, cursor, limit))
        .thenApply(page ->
            json(
                new ListJson(
                    page.sessions().stream().map(SessionApi::json).toList(),
                    page.next().map(SessionApi::text).orElse(null))));
  }

  /** The list tells whose session it is; the session itself, how it stands now. */
  private CompletionStage<HttpResponse> describe(Call call) {
    Optional<SessionId> id = id(call);
    if (id.isEmpty()) {
      return Problem.NO_SUCH_SESSION.answer(call);
    }
    return queries
        .ask(() -> summaries.find(call.principal(), id.get()))
        .thenCompose(summary ->
            summary.isEmpty()
                ? Problem.NO_SUCH_SESSION.answer(call)
                : sessions
                    .ask(id.get(), SessionCommand.Describe::new)
                    .thenApply(description -> json(json(summary.get(), description))));
  }

  /** The session decides whether it is the principal's. */
  private CompletionStage<HttpResponse> close(Call call) {
    Optional<SessionId> id = id(call);
    if (id.isEmpty()) {
      return Problem.NO_SUCH_SESSION.answer(call);
    }
    return sessions
        .<SessionCommand.CloseReply>ask(
            id.get(), replyTo -> new SessionCommand.Close(call.principal(), replyTo))
        .thenApply(reply ->
            switch (reply) {
              case CLOSED -> HttpResponse.create().withStatus(StatusCodes.NO_CONTENT);
              case NO_SUCH_SESSION -> Problem.NO_SUCH_SESSION.response(call.id());
            });
  }

  private static HttpResponse json(Object record) {
    return HttpResponse.create().withEntity(ContentTypes.APPLICATION_JSON, Json.bytes(record));
  }

  private static SessionJson json(SessionSummary summary) {
    return new SessionJson(
        summary.id().toString(),
        summary.key().orElse(null),
        summary.target(),
        JdbcSessionSummaries.name(summary.state()),
        summary.createdAt().toString(),
        summary.touchedAt().toString(),
        summary.expiry().toSeconds(),
        summary.runOpen(),
        summary.devices(),
        summary.endedReason().orElse(null),
        null);
  }

  private static SessionJson json(SessionSummary summary, SessionCommand.Description description) {
    return new SessionJson(
        summary.id().toString(),
        summary.key().orElse(null),
        summary.target(),
        description.phase(),
        summary.createdAt().toString(),
        summary.touchedAt().toString(),
        summary.expiry().toSeconds(),
        description.runOpen(),
        description.attached(),
        summary.endedReason().orElse(null),
        description.headNumber());
  }

  private static Optional<SessionId> id(Call call) {
    try {
      return Optional.of(SessionId.of(call.parameter()));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // nothing has such an id
    }
  }

  private int limit(String text) {
    try {
      int limit = Integer.parseInt(text);
      if (limit >= 1 && limit <= maxPage) {
        return limit;
      }
    } catch (NumberFormatException e) {
      // The rule below says what is expected.
    }
    throw new InvalidParameterException("limit is a number from 1 to " + maxPage);
  }

  private static SessionSummary.State state(String text) {
    for (SessionSummary.State state : SessionSummary.State.values()) {
      if (state.name().toLowerCase(Locale.ROOT).equals(text)) {
        return state;
      }
    }
    throw new InvalidParameterException("state is open or ended");
  }

  private static String text(SessionSummaries.Cursor cursor) {
    String text = cursor.createdAt() + "/" + cursor.id();
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static SessionSummaries.Cursor cursor(String text) {
    try {
      String[] parts =
          new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8).split("/", 2);
      if (parts.length == 2) {
        return new SessionSummaries.Cursor(Instant.parse(parts[0]), SessionId.of(parts[1]));
      }
    } catch (IllegalArgumentException | DateTimeException e) {
      // The rule below says what is expected.
    }
    throw new InvalidParameterException("cursor is the nextCursor of the page before");
  }

  /** A parameter that can't be read; {@code rule} says what is expected, for people. */
  private static final class InvalidParameterException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String rule;

    InvalidParameterException(String rule) {
      super(rule);
      this.rule = rule;
    }
  }
}
