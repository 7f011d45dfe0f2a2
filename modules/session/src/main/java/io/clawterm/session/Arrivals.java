package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.BehaviorInterceptor;
import akka.actor.typed.TypedActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The commands that wait for a session: until it is read back from the journal, and while a commit
 * is written. They are handed to it one after the other, in the order in which they came.
 *
 * <p>Akka would stash them, and does not get them before, for three reasons. It hands out what is
 * stashed recursively, up to the next write: some hundreds of commands that change nothing are more
 * than a stack holds, and that ends the process. It drops whatever comes while the stash is full,
 * of which nobody would send again what the target emits. And it drops all of it when the recovery
 * fails, where whoever attaches would wait for the whole of a time-out.
 *
 * <p>Input gets no more than a half of the room: what is dropped is not acknowledged, and comes
 * again. Should there be no room even so, the session fails, and all concerned come back to what is
 * durable.
 */
final class Arrivals extends BehaviorInterceptor<SessionCommand, SessionCommand> {

  private static final Logger LOG = LoggerFactory.getLogger(Arrivals.class);

  private final SessionId id;
  private final SessionMetrics metrics;
  private final UnreadableSessions unreadable;
  private final ActorRef<SessionCommand> self;
  private final int room;
  private final Deque<SessionCommand> waiting = new ArrayDeque<>(2);

  /** The session can't take a command now. */
  private boolean holding = true;

  private boolean failed;

  /**
   * Of a session that begins its life.
   *
   * @param room how many commands may wait
   */
  Arrivals(
      SessionId id,
      ActorRef<SessionCommand> self,
      int room,
      SessionMetrics metrics,
      UnreadableSessions unreadable) {
    super(SessionCommand.class);
    this.id = id;
    this.self = self;
    this.room = room;
    this.metrics = metrics;
    this.unreadable = unreadable;
  }

  @Override
  public Behavior<SessionCommand> aroundReceive(
      TypedActorContext<SessionCommand> context,
      SessionCommand command,
      ReceiveTarget<SessionCommand> target) {
    if (command instanceof SelfCommand.GoOn) {
      return handOut(context, target);
    }
    if (holding || areWaiting()) {
      keep(command);
      return Behaviors.same();
    }
    return target.apply(context, command);
  }

  private void keep(SessionCommand command) {
    boolean comesAgain =
        command instanceof SessionCommand.Input || command instanceof SessionCommand.Resize;
    if (comesAgain && waiting.size() >= room / 2) {
      metrics.inputDropped();
      return;
    }
    if (waiting.size() >= room) {
      throw new IllegalStateException("more than " + room + " commands wait for one commit");
    }
    waiting.add(command);
  }

  /** Up to the next write, or the end; what changes the behaviour is one of these. */
  private Behavior<SessionCommand> handOut(
      TypedActorContext<SessionCommand> context, ReceiveTarget<SessionCommand> target) {
    Behavior<SessionCommand> next = Behaviors.same();
    while (!holding && areWaiting() && Behavior.isAlive(next)) {
      next = target.apply(context, waiting.remove());
    }
    return next;
  }

  /** Whether others wait behind the command that is handled. */
  boolean areWaiting() {
    return !waiting.isEmpty();
  }

  /** A commit is to be written: what comes waits. */
  void hold() {
    holding = true;
  }

  /** It is durable: what waits is handed out, in a turn of its own. */
  void release() {
    holding = false;
    if (areWaiting()) {
      self.tell(new SelfCommand.GoOn());
    }
  }

  /** The session has been read back. */
  void recovered() {
    unreadable.recovered(id);
    release();
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
    attaching().forEach(attachment -> UnreadableSession.refuse(id, attachment));
    for (SessionCommand command : waiting) {
      if (command instanceof SessionCommand.Describe describe) {
        describe.replyTo().tell(UnreadableSession.DESCRIPTION);
      }
    }
  }

  private List<Attachment> attaching() {
    List<Attachment> attaching = new ArrayList<>();
    for (SessionCommand command : waiting) {
      if (command instanceof SessionCommand.Connect connect) {
        attaching.add(connect.attachment());
      } else if (command instanceof SessionCommand.Resume resume) {
        attaching.add(resume.attachment());
      }
    }
    return attaching;
  }

  /** Tells all that they may try again. */
  private void refuse() {
    attaching()
        .forEach(attachment ->
            attachment.refuse(
                id, DeviceMessage.Refusal.OVERLOADED, "the session cannot be read back just now"));
  }
}
