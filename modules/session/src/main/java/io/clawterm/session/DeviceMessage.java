package io.clawterm.session;

import akka.actor.typed.ActorRef;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What a session says to the edge that holds a device's connection.
 *
 * <p>{@code attachment} is the number that the edge drew for this attachment; a message with
 * another one belongs to an attachment that is over and is dropped by the edge.
 */
public sealed interface DeviceMessage extends RemoteMessage {

  SessionId session();

  long attachment();

  /**
   * The device is attached; sent once this is durable, before any output.
   *
   * @param entity takes the commands of this attachment from now on; when it stops, the attachment
   *     is over
   * @param tokenGeneration what the edge makes the new resume token of
   * @param lastInput the highest input number that the journal has of this device
   * @param firstNumber the first output number that will follow; above the asked one when retention
   *     has removed what was between
   * @param headNumber the newest output number; what follows up to it is replay
   * @param expiry how long the session may stay without a device
   */
  record Attached(
      SessionId session,
      long attachment,
      ActorRef<SessionCommand> entity,
      long tokenGeneration,
      long lastInput,
      long firstNumber,
      long headNumber,
      Optional<String> key,
      Duration expiry)
      implements DeviceMessage {

    /** Whether the device had a token before: the lower half of the generation counts them. */
    public boolean renewsToken() {
      return (int) tokenGeneration > 1;
    }
  }

  /** The device is not attached. */
  record Refused(SessionId session, long attachment, Refusal refusal, String text)
      implements DeviceMessage {}

  /** Output with the numbers from {@code firstNumber} on, without a hole, all durable. */
  record Output(
      SessionId session, long attachment, long firstNumber, List<Entry> entries, boolean replay)
      implements DeviceMessage {
    public Output {
      entries = List.copyOf(entries);
    }
  }

  /** All input of this device up to the number is in the journal. */
  record InputDurable(SessionId session, long attachment, long upTo) implements DeviceMessage {}

  /** The attachment is over; {@code text} is for people. */
  record Detached(SessionId session, long attachment, Code code, String text)
      implements DeviceMessage {}

  /** Why a session does not take a device, beyond what the wire tells. */
  enum Refusal {
    /** The id belongs to another session already: draw another one. */
    ID_TAKEN(Code.INTERNAL),
    /** The session is over. A key that led here is bound anew. */
    CLOSED(Code.CLOSED),
    /** No session, or not with this token. */
    NO_SUCH_SESSION(Code.NO_SUCH_SESSION),
    FORBIDDEN(Code.FORBIDDEN),
    NO_SUCH_TARGET(Code.NO_SUCH_TARGET),
    /** The device claims output that the session never gave. */
    AHEAD(Code.PROTOCOL_ERROR),
    OVERLOADED(Code.OVERLOADED),
    /** The session is there, but this build can't read its log. */
    UNREADABLE(Code.INTERNAL);

    private final Code code;

    Refusal(Code code) {
      this.code = code;
    }

    /** What the wire tells. */
    public Code code() {
      return code;
    }
  }
}
