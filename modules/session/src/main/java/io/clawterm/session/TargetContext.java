package io.clawterm.session;

import akka.actor.typed.ActorRef;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * What a target is started with.
 *
 * @param epoch goes into each message to the session
 * @param owner on whose behalf it works
 * @param session takes {@link SessionCommand.Emit} and {@link SessionCommand.Finish}
 * @param log the session's log, to read the conversation so far
 * @param headNumber the newest number of the log at this moment
 * @param memo what the last life has stored
 * @param mayAct to be asked right before each effect outside, such as a write to a pod: false where
 *     the session may be another node's by now
 */
public record TargetContext(
    SessionId id,
    long epoch,
    Principal owner,
    ActorRef<SessionCommand> session,
    SessionLog log,
    long headNumber,
    Optional<TargetMemo> memo,
    Optional<Attachment.WindowSize> size,
    BooleanSupplier mayAct) {

  /** When to ask again whether it may act: the answer changes with one of the database's. */
  public static final Duration ASK_AGAIN = Duration.ofMillis(100);
}
