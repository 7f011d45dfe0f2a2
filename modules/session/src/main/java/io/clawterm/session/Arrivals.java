package io.clawterm.session;

import akka.actor.typed.Behavior;
import akka.actor.typed.BehaviorInterceptor;
import akka.actor.typed.TypedActorContext;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What has come to a session, before Akka stashes it: how many commands, so that the session knows
 * whether others wait, and who waits for it to be read back from the journal. The session tells it
 * how that went.
 *
 * <p>Akka drops what is stashed when the recovery fails. Without an answer the edge would wait for
 * the whole of its time-out.
 */
final class Arrivals extends BehaviorInterceptor<SessionCommand, SessionCommand> {

  private static final Logger LOG = LoggerFactory.getLogger(Arrivals.class);

  private final SessionId id;
  private final SessionMetrics metrics;
  private final UnreadableSessions unreadable;
  private final List<Attachment> waiting = new ArrayList<>();
  private final List<SessionCommand.Describe> asking = new ArrayList<>();
  private long commands;
  private boolean recovered;
  private boolean failed;

  Arrivals(SessionId id, SessionMetrics metrics, UnreadableSessions unreadable) {
    super(SessionCommand.class);
    this.id = id;
    this.metrics = metrics;
    this.unreadable = unreadable;
  }

  @Override
  public Behavior<SessionCommand> aroundReceive(
      TypedActorContext<SessionCommand> context,
      SessionCommand command,
      ReceiveTarget<SessionCommand> target) {
    commands++;
    if (!recovered) {
      if (command instanceof SessionCommand.Connect connect) {
        waiting.add(connect.attachment());
      } else if (command instanceof SessionCommand.Resume resume) {
        waiting.add(resume.attachment());
      } else if (command instanceof SessionCommand.Describe describe) {
        asking.add(describe);
      }
    }
    return target.apply(context, command);
  }

  /** How many commands have come so far, those to itself among them. */
  long commands() {
    return commands;
  }

  /** From now on the session answers itself. */
  void recovered() {
    recovered = true;
    unreadable.recovered(id);
    waiting.clear();
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
    waiting.forEach(attachment -> UnreadableSession.refuse(id, attachment));
    waiting.clear();
    asking.forEach(describe -> describe.replyTo().tell(UnreadableSession.DESCRIPTION));
    asking.clear();
  }

  /** Tells all that they may try again. */
  private void refuse() {
    waiting.forEach(attachment ->
        attachment
            .edge()
            .tell(
                new DeviceMessage.Refused(
                    id,
                    attachment.number(),
                    DeviceMessage.Refusal.OVERLOADED,
                    "the session cannot be read back just now")));
    waiting.clear();
  }
}
