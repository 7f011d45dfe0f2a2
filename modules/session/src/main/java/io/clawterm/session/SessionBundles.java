package io.clawterm.session;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Sessions as files that move from one server to another (docs/reference/bundle.md). */
public interface SessionBundles {

  /** The bundle of a session, as of what is durable now. */
  CompletionStage<Export> export(Principal principal, SessionId session);

  /**
   * Checks a bundle and makes a session of it that belongs to the principal. Nothing is stored of
   * one that is refused; one whose import was cut off is gone on with.
   *
   * @param content the file; it is read to its end, unless the answer is {@link Import.Busy}
   * @param trust the fingerprint of a signer who is trusted this once
   */
  CompletionStage<Import> importFrom(
      Principal principal, Source<ByteString, ?> content, Optional<String> trust);

  /** The largest bundle that is taken in, in bytes. */
  long maxBytes();

  /** What is to be exported. */
  sealed interface Export {

    /**
     * The file, as a stream that fails where the log can't be read to its end.
     *
     * @param fingerprint of the key that signs it
     */
    record Bundle(BundleManifest manifest, String fingerprint, Source<ByteString, NotUsed> content)
        implements Export {}

    /** There is none, it is over, or it is somebody else's. */
    record NoSuchSession() implements Export {}

    /** What is behind the session can't move with it. */
    record NotMovable(String target) implements Export {}
  }

  /** What came of an import. */
  sealed interface Import {

    /**
     * The session is here.
     *
     * @param created by this import; else it was here already
     * @param key leads to it
     * @param manifest as the bundle has it
     * @param taken what stands under the id that the session had, where that was not free
     */
    record Done(
        SessionId session,
        boolean created,
        String key,
        BundleManifest manifest,
        String fingerprint,
        Optional<ImportReply.Taken> taken)
        implements Import {}

    /** The file is none that is taken in. */
    record Invalid(InvalidBundleException.Reason reason, String text) implements Import {}

    /** The session's target is not there. */
    record NoTarget(String text) implements Import {}

    /** Too many imports at once. */
    record Busy() implements Import {}

    /** Another bundle's import has begun under the session's id; this one may begin again. */
    record Displaced(SessionId session) implements Import {}
  }
}
