package io.clawterm.session;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import io.clawterm.api.SessionId;
import java.time.Duration;
import java.util.List;

/**
 * Stands in for a session whose log could not be read a moment ago: it says so, and reads nothing.
 * After its time it rests, and the next message tries the log again.
 */
final class UnreadableSession {

  /** What {@link SessionCommand.Describe} is answered. */
  static final SessionCommand.Description DESCRIPTION =
      new SessionCommand.Description("unreadable", "", 0, List.of(), false);

  private record Over() implements SessionCommand.Own {}

  private UnreadableSession() {}

  static Behavior<SessionCommand> create(
      SessionId id, ActorRef<ClusterSharding.ShardCommand> shard, Duration rest) {
    return Behaviors.setup(context ->
        Behaviors.withTimers(timers -> {
          timers.startSingleTimer(new Over(), rest);
          return Behaviors.receiveMessage(command -> {
            switch (command) {
              case SessionCommand.Connect connect -> refuse(id, connect.attachment());
              case SessionCommand.Resume resume -> refuse(id, resume.attachment());
              case SessionCommand.Describe describe -> describe.replyTo().tell(DESCRIPTION);
              case SessionCommand.Leave leave -> {
                return Behaviors.stopped();
              }
              case SessionCommand.Own own ->
                  shard.tell(new ClusterSharding.Passivate<>(context.getSelf()));
              // Who asks one of these is told by the time-out that the session did not answer. The
              // others speak to an attachment, and there is none.
              case SessionCommand.Close close -> {}
              case SessionCommand.Export export -> {}
              case SessionCommand.Import step -> {}
              case SessionCommand.Input input -> {}
              case SessionCommand.Confirm confirm -> {}
              case SessionCommand.Release release -> {}
              case SessionCommand.Resize resize -> {}
              case SessionCommand.Detach detach -> {}
              case SessionCommand.Suspend suspend -> {}
              case SessionCommand.Disconnect disconnect -> {}
              case SessionCommand.ExpireIfDue due -> {}
              case SessionCommand.Wake wake -> {}
              case SessionCommand.Emit emit -> {}
              case SessionCommand.Finish finish -> {}
            }
            return Behaviors.same();
          });
        }));
  }

  static void refuse(SessionId id, Attachment attachment) {
    attachment.refuse(id, DeviceMessage.Refusal.UNREADABLE, UnreadableLogException.TEXT);
  }
}
