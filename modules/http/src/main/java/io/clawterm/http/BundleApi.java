package io.clawterm.http;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpEntity;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.RawHeader;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.clawterm.api.SessionId;
import io.clawterm.session.BundleSigner;
import io.clawterm.session.ImportReply;
import io.clawterm.session.InvalidBundleException;
import io.clawterm.session.SessionBundles;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sessions as files: export and import. */
final class BundleApi {

  /** Who has signed what is exported. */
  static final String FINGERPRINT = "X-ClawTerm-Signer";

  private static final Logger LOG = LoggerFactory.getLogger(BundleApi.class);

  private static final ContentType BUNDLE = ContentTypes.parse("application/x-ndjson");

  /** What came of an import. Where the id was not free, what stands under it comes last. */
  private record ImportJson(
      String id,
      boolean created,
      String key,
      String target,
      long firstNumber,
      long headNumber,
      boolean runOpen,
      String signer,
      String idInBundle,
      @Nullable String thereState,
      @Nullable Long thereHeadNumber) {}

  private final ActorSystem<?> system;
  private final SessionBundles bundles;
  private final Duration timeout;

  BundleApi(ActorSystem<?> system, SessionBundles bundles, Duration timeout) {
    this.system = system;
    this.bundles = bundles;
    this.timeout = timeout;
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint.Guarded(HttpMethods.GET, "/api/v1/sessions/{id}/bundle", this::export),
        new Endpoint.Upload(
            HttpMethods.POST,
            "/api/v1/sessions/bundles",
            bundles.maxBytes(),
            timeout,
            this::importBundle));
  }

  private CompletionStage<HttpResponse> export(Call call) {
    SessionId id;
    try {
      id = SessionId.of(call.parameter());
    } catch (IllegalArgumentException e) {
      return Problem.NO_SUCH_SESSION.answer(call); // nothing has such an id
    }
    return bundles
        .export(call.principal(), id)
        .thenApply(export ->
            switch (export) {
              case SessionBundles.Export.Bundle bundle ->
                  HttpResponse.create()
                      .withEntity(HttpEntities.create(BUNDLE, logged(bundle, call)))
                      .addHeader(RawHeader.create(FINGERPRINT, bundle.fingerprint()))
                      .addHeader(
                          RawHeader.create(
                              "Content-Disposition",
                              "attachment; filename=\"" + id + ".clawterm\""));
              case SessionBundles.Export.NoSuchSession none ->
                  Problem.NO_SUCH_SESSION.response(call.id());
              case SessionBundles.Export.NotMovable not ->
                  new Problem(
                          Problem.Reason.NOT_MOVABLE,
                          "What runs behind "
                              + not.target()
                              + " stays where it is; only sessions with agents can be moved.")
                      .response(call.id());
            });
  }

  /** The answer has begun when this fails: the caller sees a file that is cut, the log why. */
  private static Source<ByteString, ?> logged(SessionBundles.Export.Bundle bundle, Call call) {
    return bundle
        .content()
        .mapError(
            Throwable.class,
            failure -> {
              LOG.atWarn()
                  .addKeyValue("request", call.id())
                  .addKeyValue("session", bundle.manifest().session())
                  .setCause(failure)
                  .log("an export was cut off");
              return failure;
            });
  }

  private CompletionStage<HttpResponse> importBundle(Call call) {
    Optional<String> trust = call.query("trust");
    if (trust.isPresent() && !BundleSigner.isFingerprint(trust.get())) {
      call.request().discardEntityBytes(system);
      return new Problem(
              Problem.Reason.INVALID_PARAMETER,
              "trust is a SHA-256 fingerprint: 64 hexadecimal digits.")
          .answer(call);
    }
    // Some of what is too much is read as well: a client hears no answer while it is sending.
    HttpEntity entity = call.request().entity().withSizeLimit(2 * bundles.maxBytes());
    return bundles
        .importFrom(call.principal(), entity.getDataBytes().completionTimeout(timeout), trust)
        .thenApply(outcome -> {
          if (outcome instanceof SessionBundles.Import.Busy) {
            entity.discardBytes(system); // it was not read
          }
          return answer(outcome, call);
        });
  }

  private static HttpResponse answer(SessionBundles.Import outcome, Call call) {
    return switch (outcome) {
      case SessionBundles.Import.Done done -> Json.response(done.created() ? 201 : 200, json(done));
      case SessionBundles.Import.Invalid invalid ->
          new Problem(reason(invalid.reason()), invalid.text()).response(call.id());
      case SessionBundles.Import.NoTarget none ->
          new Problem(Problem.Reason.NO_SUCH_TARGET, none.text()).response(call.id());
      case SessionBundles.Import.Busy busy ->
          new Problem(
                  Problem.Reason.OVERLOADED, "Other imports are under way. Try again in a moment.")
              .response(call.id());
      case SessionBundles.Import.Displaced displaced ->
          new Problem(
                  Problem.Reason.OVERLOADED,
                  "Another bundle is being imported as session "
                      + displaced.session()
                      + ". Import this one again after that.")
              .response(call.id());
    };
  }

  private static Problem.Reason reason(InvalidBundleException.Reason reason) {
    return switch (reason) {
      case DAMAGED -> Problem.Reason.DAMAGED_BUNDLE;
      case NEWER_VERSION -> Problem.Reason.NEWER_BUNDLE;
      case TOO_LARGE -> Problem.Reason.BODY_TOO_LARGE;
      case UNKNOWN_SIGNER -> Problem.Reason.UNKNOWN_SIGNER;
    };
  }

  private static ImportJson json(SessionBundles.Import.Done done) {
    Optional<ImportReply.Taken> own = done.taken().filter(taken -> !taken.phase().isEmpty());
    return new ImportJson(
        done.session().toString(),
        done.created(),
        done.key(),
        done.manifest().target(),
        done.manifest().firstNumber(),
        done.manifest().headNumber(),
        done.manifest().memo().stream().anyMatch(memo -> memo.open())
            || done.manifest().waiting() > 0,
        done.fingerprint(),
        done.manifest().session().toString(),
        own.map(ImportReply.Taken::phase).orElse(null),
        own.map(ImportReply.Taken::headNumber).orElse(null));
  }
}
