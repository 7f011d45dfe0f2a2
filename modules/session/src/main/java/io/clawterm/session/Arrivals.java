package io.clawterm.session;

import akka.actor.typed.Behavior;
import akka.actor.typed.BehaviorInterceptor;
import akka.actor.typed.TypedActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What has come to a session, before Akka stashes it: how many commands wait, and who waits for the
 * session to be read back from the journal. The session tells it what is handled, and how that
 * went.
 *
 * <p>Akka drops whatever comes while the stash is full: what the target emits, or that a page of
 * the journal has been read, and nobody would send that again. So input gets no more than a half of
 * the stash: what is dropped is not acknowledged, and comes again. Should the stash be full even
 * so, the session fails, and all concerned come back to what is durable.
 *
 * <p>Akka drops what is stashed when the recovery fails. Without an answer the edge would wait for
 * the whole of its time-out.
 */
final class Arrivals extends BehaviorInterceptor<SessionCommand, SessionCommand> {

  private static final Logger LOG = LoggerFactory.getLogger(Arrivals.class);

  private final SessionId id;
  private final SessionMetrics metrics;
  private final UnreadableSessions unreadable;
  private final List<Attachment> attaching = new ArrayList<>();
  private final List<SessionCommand.Describe> asking = new ArrayList<>();
  private final int stash;
  private int waiting;
  private boolean recovered;
  private boolean failed;

  /**
   * Of a session that has begun its life.
   *
   * @param stash how many commands Akka stashes
   */
  Arrivals(SessionId id, int stash, SessionMetrics metrics, UnreadableSessions unreadable) {
    super(SessionCommand.class);
    this.id = id;
    this.stash = stash;
    this.metrics = metrics;
    this.unreadable = unreadable;
  }

  @Override
  public Behavior<SessionCommand> aroundReceive(
      TypedActorContext<SessionCommand> context,
      SessionCommand command,
      ReceiveTarget<SessionCommand> target) {
    if (waiting >= stash / 2 && mayBeDropped(command)) {
      metrics.inputDropped();
      return Behaviors.same();
    }
    if (waiting >= stash) {
      throw new IllegalStateException("more than " + stash + " commands wait for one commit");
    }
    waiting++;
    if (!recovered) {
      if (command instanceof SessionCommand.Connect connect) {
        attaching.add(connect.attachment());
      } else if (command instanceof SessionCommand.Resume resume) {
        attaching.add(resume.attachment());
      } else if (command instanceof SessionCommand.Describe describe) {
        asking.add(describe);
      }
    }
    return target.apply(context, command);
  }

  private static boolean mayBeDropped(SessionCommand command) {
    return command instanceof SessionCommand.Input || command instanceof SessionCommand.Resize;
  }

  /** One command waits no longer. */
  void handled() {
    waiting--;
  }

  /** Whether others wait behind the command that is handled, those of the session among them. */
  boolean areWaiting() {
    return waiting > 0;
  }

  /** From now on the session answers itself. */
  void recovered() {
    recovered = true;
    unreadable.recovered(id);
    attaching.clear();
    asking.clear();
  }

  /**
   * The session could not be read back. Akka tells it twice: once bare, once as its own exception.
   */
  void notRecovered(Throwable failure) {
    if (failed) {
      return;
    }
    failed = true;
    if (UnreadableLogException.isCauseOf(failure)) {
      Duration rest = unreadable.failed(id);
      metrics.unreadable();
      LOG.atError()
          .addKeyValue("session", id)
          .setCause(failure)
          .log("a session can't be read by this build; tried again after " + rest);
      refuseUnreadable();
      return;
    }
    LOG.atError()
        .addKeyValue("session", id)
        .setCause(failure)
        .log("a session could not be read back from the journal");
    refuse();
  }

  /** Tells all that the log can't be read. */
  private void refuseUnreadable() {
    attaching.forEach(attachment -> UnreadableSession.refuse(id, attachment));
    attaching.clear();
    asking.forEach(describe -> describe.replyTo().tell(UnreadableSession.DESCRIPTION));
    asking.clear();
  }

  /** Tells all that they may try again. */
  private void refuse() {
    attaching.forEach(attachment ->
        attachment
            .edge()
            .tell(
                new DeviceMessage.Refused(
                    id,
                    attachment.number(),
                    DeviceMessage.Refusal.OVERLOADED,
                    "the session cannot be read back just now")));
    attaching.clear();
  }
}
