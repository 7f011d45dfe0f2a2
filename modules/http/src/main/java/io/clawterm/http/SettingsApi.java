package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import akka.pattern.Patterns;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.config.ConfigurationProblem;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.LiveSettings;
import io.clawterm.storage.SettingChange;
import io.clawterm.storage.SharedSettings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The operations on settings: show them, change them for all nodes, tell who has changed them. */
final class SettingsApi {

  private static final int DEFAULT_PAGE = 50;
  private static final int MAX_PAGE = 500;

  /** How long a change waits until all nodes follow; never more than half of a request's time. */
  private static final Duration MAX_WAIT = Duration.ofSeconds(10);

  /** How soon a node that follows shows. */
  private static final Duration LOOK = Duration.ofMillis(200);

  private static final int MAX_TEXT = 200;

  private final ActorSystem<?> system;
  private final SharedSettings settings;
  private final Queries queries;
  private final Duration wait;

  SettingsApi(
      ActorSystem<?> system, SharedSettings settings, Queries queries, Duration requestTimeout) {
    this.system = system;
    this.settings = settings;
    this.queries = queries;
    Duration half = requestTimeout.dividedBy(2);
    this.wait = half.compareTo(MAX_WAIT) < 0 ? half : MAX_WAIT;
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/settings", owner(this::list)),
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/settings/history", owner(this::history)),
        new Endpoint.Guarded(HttpMethods.POST, "/api/v1/settings/reload", owner(this::reload)),
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/settings/{key}", owner(this::describe)),
        new Endpoint.Taking(
            HttpMethods.PUT,
            "/api/v1/settings/{key}",
            (call, body) -> owner(allowed -> set(allowed, body)).apply(call)),
        new Endpoint.Guarded(HttpMethods.DELETE, "/api/v1/settings/{key}", owner(this::unset)));
  }

  /** Only the owner of the server sees and changes how it is set. */
  private static Function<Call, CompletionStage<HttpResponse>> owner(
      Function<Call, CompletionStage<HttpResponse>> answer) {
    return OwnerOnly.of("Only the owner may see or change settings.", answer);
  }

  private CompletionStage<HttpResponse> list(Call call) {
    boolean all = call.query("all").filter("true"::equals).isPresent();
    return queries.ask(() -> {
      Map<String, SettingChange> newest = settings.stored().newest();
      LiveSettings.State<?> state = settings.state();
      Set<String> keys = new TreeSet<>(state.overlay().values().keySet());
      state.configuration().keys().stream()
          .filter(key -> all || settings.isLive(key))
          .forEach(keys::add);
      return Json.response(
          200,
          new SettingsJson.Listing(
              state.overlay().version(),
              keys.stream().map(key -> SettingsJson.Setting.of(settings, key, newest)).toList(),
              SettingsJson.nodes(settings.stored().followers())));
    });
  }

  private CompletionStage<HttpResponse> describe(Call call) {
    String key = call.parameter();
    return queries.ask(() -> {
      if (unknown(key)) {
        return noSuchSetting(key).response(call.id());
      }
      SettingsJson.Setting setting =
          SettingsJson.Setting.of(settings, key, settings.stored().newest());
      return tagged(Json.response(200, setting), setting.version());
    });
  }

  private CompletionStage<HttpResponse> set(Call call, String body) {
    Optional<String> value =
        Json.read(body).map(json -> json.path("value")).flatMap(SettingsApi::text);
    if (value.isEmpty()) {
      return new Problem(
              Problem.Reason.BAD_REQUEST,
              "The body is {\"value\": VALUE}; VALUE is a text, a number, a truth or a list.")
          .answer(call);
    }
    return change(call, value);
  }

  /** As a person would type it. */
  private static Optional<String> text(JsonNode value) {
    if (value.isArray()) {
      return Optional.of(value.toString());
    }
    return value.isValueNode() && !value.isNull() ? Optional.of(value.asText()) : Optional.empty();
  }

  private CompletionStage<HttpResponse> unset(Call call) {
    return change(call, Optional.empty());
  }

  private CompletionStage<HttpResponse> change(Call call, Optional<String> value) {
    String key = call.parameter();
    if (unknown(key)) {
      return noSuchSetting(key).answer(call);
    }
    Optional<ConfigurationProblem> refusal = settings.refusal(key);
    if (value.isPresent() && refusal.isPresent()) {
      return new Problem(Problem.Reason.NEEDS_RESTART, key + ": " + refusal.get().expected() + ".")
          .answer(call);
    }
    OptionalLong seen;
    try {
      seen = seen(call);
    } catch (NumberFormatException e) {
      return new Problem(
              Problem.Reason.INVALID_PARAMETER, "If-Match is the ETag of a setting, such as \"7\".")
          .answer(call);
    }
    return checked(call, () -> changed(call, key, value, seen));
  }

  private CompletionStage<HttpResponse> changed(
      Call call, String key, Optional<String> value, OptionalLong seen) {
    SettingChange.Author author = author(call);
    return queries
        .ask(() -> settings.change(key, value, seen, author))
        .thenCompose(outcome ->
            switch (outcome) {
              case SharedSettings.Outcome.Changed done ->
                  told(key, true, done.change().version(), System.nanoTime() + wait.toNanos());
              case SharedSettings.Outcome.Same same ->
                  told(key, false, same.version(), System.nanoTime() + wait.toNanos());
              case SharedSettings.Outcome.Overtaken overtaken ->
                  overtaken(overtaken.newest()).answer(call);
            });
  }

  /** Waits until all nodes follow, or for as long as makes sense. */
  private CompletionStage<HttpResponse> told(
      String key, boolean changed, long version, long deadline) {
    return queries
        .ask(() -> settings.behind(version))
        .thenCompose(behind -> {
          if (!behind.isEmpty() && System.nanoTime() < deadline) {
            return Patterns.after(LOOK, system, () -> told(key, changed, version, deadline));
          }
          return queries.ask(() -> {
            SettingsJson.Setting setting =
                SettingsJson.Setting.of(settings, key, settings.stored().newest());
            return tagged(
                Json.response(
                    200,
                    new SettingsJson.Changed(
                        setting,
                        changed,
                        SettingsJson.nodes(settings.stored().followers()),
                        SettingsJson.nodes(behind))),
                setting.version());
          });
        });
  }

  private CompletionStage<HttpResponse> history(Call call) {
    int limit;
    long below;
    try {
      limit = call.query("limit").map(Integer::parseInt).orElse(DEFAULT_PAGE);
      below = call.query("cursor").map(Long::parseLong).orElse(Long.MAX_VALUE);
    } catch (NumberFormatException e) {
      limit = 0;
      below = 0;
    }
    if (limit < 1 || limit > MAX_PAGE) {
      return new Problem(
              Problem.Reason.INVALID_PARAMETER,
              "limit is a number from 1 to " + MAX_PAGE + ", cursor the nextCursor before")
          .answer(call);
    }
    int atMost = limit;
    long from = below;
    return queries.ask(() -> {
      List<SettingChange> changes = settings.stored().history(call.query("key"), from, atMost);
      return Json.response(
          200,
          new SettingsJson.History(
              changes.stream().map(SettingsJson.Change::of).toList(),
              changes.size() < atMost ? null : String.valueOf(changes.getLast().version())));
    });
  }

  private CompletionStage<HttpResponse> reload(Call call) {
    return checked(
        call,
        () -> {
          SettingChange.Author author = author(call);
          return queries.ask(
              () -> Json.response(200, SettingsJson.Reloaded.of(settings.reload(author))));
        });
  }

  /** What makes no sense is told with what would. */
  private static CompletionStage<HttpResponse> checked(
      Call call, Supplier<CompletionStage<HttpResponse>> work) {
    CompletionStage<HttpResponse> done;
    try {
      done = work.get();
    } catch (InvalidTextException e) {
      return new Problem(Problem.Reason.INVALID_PARAMETER, e.rule).answer(call);
    }
    return done.exceptionallyCompose(failure -> {
      Throwable cause = failure.getCause() == null ? failure : failure.getCause();
      return cause instanceof InvalidConfigurationException invalid
          ? new Problem(Problem.Reason.INVALID_PARAMETER, detail(invalid)).answer(call)
          : CompletableFuture.failedFuture(failure);
    });
  }

  private static String detail(InvalidConfigurationException invalid) {
    return invalid.problems().stream().map(SettingsApi::told).collect(Collectors.joining("; "));
  }

  /** Where it stands is told of a file alone, and the key once. */
  private static String told(ConfigurationProblem problem) {
    if (!problem.where().equals(LiveSettings.WHERE)) {
      return problem.toString();
    }
    return problem.expected().startsWith(problem.key())
        ? problem.expected()
        : problem.key() + ": " + problem.expected();
  }

  private static Problem overtaken(Optional<SettingChange> newest) {
    return new Problem(
        Problem.Reason.CHANGED_MEANWHILE,
        newest
            .map(change ->
                "Version "
                    + change.version()
                    + " by "
                    + SettingsJson.by(change)
                    + " has "
                    + change.after().map(value -> "set it to " + value).orElse("given it up")
                    + "; look at it and try again.")
            .orElse("It was never set; look at it and try again."));
  }

  private boolean unknown(String key) {
    LiveSettings.State<?> state = settings.state();
    return !state.overlay().values().containsKey(key) && state.configuration().text(key).isEmpty();
  }

  private Problem noSuchSetting(String key) {
    ConfigurationProblem problem = settings.state().configuration().unknown(key);
    return new Problem(Problem.Reason.NOT_FOUND, problem.key() + ": " + problem.expected() + ".");
  }

  /** Of several that a header may list, one must be the newest; here only one makes sense. */
  private static OptionalLong seen(Call call) {
    Optional<String> header = call.request().getHeader("if-match").map(HttpHeader::value);
    return header.isEmpty() || header.get().equals("*")
        ? OptionalLong.empty()
        : OptionalLong.of(Long.parseLong(header.get().replace("\"", "")));
  }

  private static SettingChange.Author author(Call call) {
    return new SettingChange.Author(
        call.principal().tenant(), call.principal().name(), said(call, "by"), said(call, "reason"));
  }

  private static String said(Call call, String name) {
    String text = call.query(name).orElse("").strip();
    if (text.length() > MAX_TEXT || text.chars().anyMatch(Character::isISOControl)) {
      throw new InvalidTextException(name + " is one line of at most " + MAX_TEXT + " characters");
    }
    return text;
  }

  private static HttpResponse tagged(HttpResponse response, long version) {
    return response.addHeader(RawHeader.create("ETag", "\"" + version + "\""));
  }

  /** What a caller says about itself can't be kept; {@code rule} says what is expected. */
  private static final class InvalidTextException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String rule;

    InvalidTextException(String rule) {
      super(rule);
      this.rule = rule;
    }
  }
}
