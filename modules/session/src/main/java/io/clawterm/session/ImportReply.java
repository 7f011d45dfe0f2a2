package io.clawterm.session;

import java.util.Optional;

/** What a session answers to a step of an import. */
public sealed interface ImportReply extends RemoteMessage {

  /** This much of the bundle is durable: the import goes on behind it. */
  record Standing(long headNumber, long inputNumber) implements ImportReply {}

  /**
   * The whole bundle is here.
   *
   * @param now it was this step that completed it
   */
  record Here(Optional<String> key, boolean now) implements ImportReply {}

  /**
   * Something else is under this id.
   *
   * @param phase {@code open} or {@code ended}; empty where it is somebody else's
   * @param headNumber its newest entry, where it is the principal's own
   */
  record Taken(String phase, long headNumber) implements ImportReply {}

  /** The import of another bundle has begun under this id since. */
  record Displaced() implements ImportReply {}

  /** The session's target is not there, or the principal may not have it; the text says why. */
  record NoTarget(String text) implements ImportReply {}
}
