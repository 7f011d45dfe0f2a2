package io.clawterm.session;

import akka.actor.typed.ActorRef;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Mode;
import java.util.Optional;

/**
 * One device on one connection.
 *
 * @param number drawn by the edge, unique among the attachments of the session
 * @param device the name that stays the same over connections
 * @param edge who gets the output
 * @param windowBytes output bytes that the session may send before the edge releases some
 */
public record Attachment(
    long number,
    String device,
    ActorRef<DeviceMessage> edge,
    Mode mode,
    long windowBytes,
    Optional<WindowSize> size)
    implements RemoteMessage {

  /** Tells the device that the session does not take it. */
  void refuse(SessionId session, DeviceMessage.Refusal refusal, String text) {
    edge.tell(new DeviceMessage.Refused(session, number, refusal, text));
  }

  /** The size of a terminal, in characters. */
  public record WindowSize(int columns, int rows) {}
}
