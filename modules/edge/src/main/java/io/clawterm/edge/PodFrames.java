package io.clawterm.edge;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.Sequence;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.TargetCommand.TargetInput;
import java.util.Optional;

/** What a life says to its pod, in the role of a client (docs/reference/protocol). */
final class PodFrames {

  private static final int VERSION = 1;

  private PodFrames() {}

  /** Asks for a session; the same nonce always finds the same one. */
  static Frame connect(PodMemo memo, SessionId id, Optional<WindowSize> size) {
    Fields fields = introduction(id, size).nonce(memo.nonceBytes()).build();
    return Frame.of(0, 0, FrameType.CONNECT, 0, fields);
  }

  /**
   * Asks to go on.
   *
   * @param received the last number that is durable
   */
  static Frame resume(PodMemo memo, long received, SessionId id, Optional<WindowSize> size) {
    Fields fields = introduction(id, size).resumeToken(memo.tokenBytes()).lastSeq(received).build();
    return Frame.of(memo.session(), Sequence.wire(received), FrameType.RESUME, 0, fields);
  }

  private static Fields.Builder introduction(SessionId id, Optional<WindowSize> size) {
    Fields.Builder fields =
        Fields.builder()
            .version(VERSION)
            .device("clawterm-" + id)
            .mode(Mode.TAKE_OVER)
            .events(true);
    size.ifPresent(window -> fields.terminalSize(window.columns(), window.rows()));
    return fields;
  }

  /** An input under a number that is made of its number with the session: the same in all lives. */
  static Frame data(PodMemo memo, TargetInput input) {
    int flags = (input.more() ? Flags.MORE : 0) | (input.event() ? Flags.EVENT : 0);
    return Frame.of(
        memo.session(),
        Sequence.wire(input.number() - memo.base()),
        FrameType.DATA,
        flags,
        input.body().unsafeArray());
  }

  /**
   * A sign of life that acknowledges output.
   *
   * @param received the last number that is durable
   */
  static Frame keepalive(int session, long received, Fields fields) {
    return Frame.of(session, Sequence.wire(received), FrameType.KEEPALIVE, 0, fields);
  }

  /** Ends the pod's session. */
  static Frame disconnect(int session, long received) {
    Fields reason = Fields.reason(Code.CLOSED, "the session is over");
    return Frame.of(session, Sequence.wire(received), FrameType.DISCONNECT, 0, reason);
  }
}
