package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import akka.pattern.Patterns;
import com.fasterxml.jackson.databind.JsonNode;
import io.clawterm.config.ConfigurationProblem;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.LiveSettings;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.storage.SettingChange;
import io.clawterm.storage.SharedSettings;
import io.clawterm.storage.StoredSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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
import org.jspecify.annotations.Nullable;

/** The operations on settings: show them, change them for all nodes, tell who has changed them. */
final class SettingsApi {

  private static final int DEFAULT_PAGE = 50;
  private static final int MAX_PAGE = 500;

  /** How long a change waits until all nodes follow; never more than half of a request's time. */
  private static final Duration MAX_WAIT = Duration.ofSeconds(10);

  /** How soon a node that follows shows. */
  private static final Duration LOOK = Duration.ofMillis(200);

  private static final int MAX_TEXT = 200;

  /**
   * A setting on the wire.
   *
   * @param version of the newest change for all nodes; 0: there was none
   * @param cluster what was set for all nodes, where this one does not follow
   */
  private record SettingJson(
      String key,
      @Nullable String value,
      String source,
      String where,
      boolean live,
      long version,
      @Nullable String changedAt,
      @Nullable String changedBy,
      @Nullable String saidBy,
      @Nullable String reason,
      @Nullable String cluster,
      @Nullable String notFollowed) {}

  private record NodeJson(
      int number, String address, String release, @Nullable Long version, List<String> refused) {}

  private record ListJson(long version, List<SettingJson> settings, List<NodeJson> nodes) {}

  /** The nodes in {@code behind} did not follow in time. */
  private record ChangedJson(
      SettingJson setting, boolean changed, List<NodeJson> nodes, List<NodeJson> behind) {}

  private record ChangeJson(
      long version,
      String key,
      @Nullable String before,
      @Nullable String after,
      String scope,
      String by,
      String saidBy,
      String reason,
      int node,
      String at) {}

  private record HistoryJson(List<ChangeJson> changes, @Nullable String nextCursor) {}

  private record ReloadedChangeJson(String key, @Nullable String before, @Nullable String after) {}

  private record ReloadedJson(List<ReloadedChangeJson> applied, List<String> needRestart) {}

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
      return json(
          new ListJson(
              state.overlay().version(),
              keys.stream().map(key -> setting(key, newest)).toList(),
              nodes(settings.stored().followers())));
    });
  }

  private CompletionStage<HttpResponse> describe(Call call) {
    String key = call.parameter();
    return queries.ask(() -> {
      if (unknown(key)) {
        return noSuchSetting(key).response(call.id());
      }
      SettingJson setting = setting(key, settings.stored().newest());
      return tagged(json(setting), setting.version());
    });
  }

  private CompletionStage<HttpResponse> set(Call call, String body) {
    Optional<String> value =
        Json.read(body).map(json -> json.path("value")).flatMap(SettingsApi::text);
    if (value.isEmpty()) {
      return problem(
          new Problem(
              Problem.Reason.BAD_REQUEST,
              "The body is {\"value\": VALUE}; VALUE is a text, a number, a truth or a list."),
          call);
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
      return problem(noSuchSetting(key), call);
    }
    Optional<ConfigurationProblem> refusal = settings.refusal(key);
    if (value.isPresent() && refusal.isPresent()) {
      return problem(
          new Problem(Problem.Reason.NEEDS_RESTART, key + ": " + refusal.get().expected() + "."),
          call);
    }
    OptionalLong seen;
    try {
      seen = seen(call);
    } catch (NumberFormatException e) {
      return problem(
          new Problem(
              Problem.Reason.INVALID_PARAMETER,
              "If-Match is the ETag of a setting, such as \"7\"."),
          call);
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
                  problem(overtaken(overtaken.newest()), call);
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
            SettingJson setting = setting(key, settings.stored().newest());
            return tagged(
                json(
                    new ChangedJson(
                        setting, changed, nodes(settings.stored().followers()), nodes(behind))),
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
      return problem(
          new Problem(
              Problem.Reason.INVALID_PARAMETER,
              "limit is a number from 1 to " + MAX_PAGE + ", cursor the nextCursor before"),
          call);
    }
    int atMost = limit;
    long from = below;
    return queries.ask(() -> {
      List<SettingChange> changes = settings.stored().history(call.query("key"), from, atMost);
      return json(
          new HistoryJson(
              changes.stream().map(SettingsApi::json).toList(),
              changes.size() < atMost ? null : String.valueOf(changes.getLast().version())));
    });
  }

  private CompletionStage<HttpResponse> reload(Call call) {
    return checked(
        call,
        () -> {
          SettingChange.Author author = author(call);
          return queries.ask(() -> {
            LiveSettings.Reloaded reloaded = settings.reload(author);
            return json(
                new ReloadedJson(
                    reloaded.applied().stream()
                        .map(change ->
                            new ReloadedChangeJson(
                                change.key(),
                                change.before().orElse(null),
                                change.after().orElse(null)))
                        .toList(),
                    reloaded.needRestart()));
          });
        });
  }

  /** What makes no sense is told with what would. */
  private static CompletionStage<HttpResponse> checked(
      Call call, Supplier<CompletionStage<HttpResponse>> work) {
    CompletionStage<HttpResponse> done;
    try {
      done = work.get();
    } catch (InvalidTextException e) {
      return problem(new Problem(Problem.Reason.INVALID_PARAMETER, e.rule), call);
    }
    return done.exceptionallyCompose(failure -> {
      Throwable cause = failure.getCause() == null ? failure : failure.getCause();
      return cause instanceof InvalidConfigurationException invalid
          ? problem(new Problem(Problem.Reason.INVALID_PARAMETER, detail(invalid)), call)
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
                    + by(change)
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

  private SettingJson setting(String key, Map<String, SettingChange> newest) {
    LiveSettings.State<?> state = settings.state();
    Optional<SettingChange> change = Optional.ofNullable(newest.get(key));
    Optional<SettingChange> holds = change.filter(each -> each.after().isPresent());
    String refused = state.refused().get(key);
    NodeConfiguration.Source source = state.configuration().source(key);
    return new SettingJson(
        key,
        settings.shown(key).orElse(null),
        source.name().toLowerCase(Locale.ROOT),
        source == NodeConfiguration.Source.DEFAULT ? "" : state.configuration().where(key),
        settings.isLive(key),
        change.map(SettingChange::version).orElse(0L),
        holds.map(each -> each.at().toString()).orElse(null),
        holds.map(SettingsApi::by).orElse(null),
        holds.map(each -> each.author().saidBy()).orElse(null),
        holds.map(each -> each.author().reason()).orElse(null),
        refused == null ? null : state.overlay().values().get(key),
        refused);
  }

  private static String by(SettingChange change) {
    return change.author().tenant() + "/" + change.author().principal();
  }

  private static List<NodeJson> nodes(List<StoredSettings.Follower> followers) {
    List<NodeJson> nodes = new ArrayList<>();
    for (StoredSettings.Follower each : followers) {
      nodes.add(
          new NodeJson(
              each.node().number(),
              each.node().address(),
              each.node().version(),
              each.version().isPresent() ? each.version().getAsLong() : null,
              each.refused()));
    }
    return nodes;
  }

  private static ChangeJson json(SettingChange change) {
    return new ChangeJson(
        change.version(),
        change.key(),
        change.before().orElse(null),
        change.after().orElse(null),
        change.scope().name().toLowerCase(Locale.ROOT),
        by(change),
        change.author().saidBy(),
        change.author().reason(),
        change.node(),
        change.at().toString());
  }

  private static HttpResponse json(Object record) {
    return HttpResponse.create().withEntity(ContentTypes.APPLICATION_JSON, Json.bytes(record));
  }

  private static HttpResponse tagged(HttpResponse response, long version) {
    return response.addHeader(RawHeader.create("ETag", "\"" + version + "\""));
  }

  private static CompletionStage<HttpResponse> problem(Problem problem, Call call) {
    return CompletableFuture.completedFuture(problem.response(call.id()));
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
