package io.clawterm.session;

import akka.actor.typed.ActorRef;
import java.util.List;

/** What the parts of a session tell the session itself; it never leaves its node. */
sealed interface SelfCommand extends SessionCommand.Own {

  /** Others may have come first and decided something: all of it is committed now. */
  record Flush() implements SelfCommand {}

  /** What has waited is handed out; it goes no further than {@link Arrivals}. */
  record GoOn() implements SelfCommand {}

  /** Nobody has needed the session for a while. */
  record Idle() implements SelfCommand {}

  /** The target's next life is due. */
  record StartTarget() implements SelfCommand {}

  /** A life of the target is over. */
  record TargetStopped(long epoch) implements SelfCommand {}

  /** A connection is gone, with all its attachments. */
  record EdgeGone(ActorRef<DeviceMessage> edge) implements SelfCommand {}

  /** What the journal has for a device. */
  record PageRead(long attachment, List<LogEntry> entries) implements SelfCommand {
    public PageRead {
      entries = List.copyOf(entries);
    }
  }

  /** The journal could not be read for a device. */
  record PageFailed(long attachment, Throwable cause) implements SelfCommand {}
}
