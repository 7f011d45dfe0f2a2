package io.clawterm.edge;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.time.Duration;
import java.util.Optional;

/**
 * Why a circuit or a connection ends.
 *
 * @param address where the device is to go; empty: anywhere
 * @param retryAfter when it is to come; empty: after the usual time
 */
record Refusal(Code code, String text, Optional<String> address, Optional<Duration> retryAfter) {

  Refusal(Code code, String text) {
    this(code, text, Optional.empty(), Optional.empty());
  }

  /**
   * When a device is to come again; empty: not because of this.
   *
   * @param usually when it is to come where nothing else is said
   */
  Optional<Duration> comesAgain(Duration usually) {
    return switch (code) {
      case OVERLOADED, SHUTTING_DOWN, MOVED -> Optional.of(retryAfter.orElse(usually));
      case OK,
          SUSPENDED,
          CLOSED,
          TAKEN_OVER,
          PROTOCOL_ERROR,
          UNSUPPORTED_VERSION,
          BAD_CHECKSUM,
          SEQUENCE_GAP,
          UNAUTHENTICATED,
          FORBIDDEN,
          NO_SUCH_SESSION,
          NO_SUCH_TARGET,
          TOO_LARGE,
          INTERNAL ->
          Optional.empty();
    };
  }

  /**
   * The DISCONNECT that says so.
   *
   * @param session 0: the connection
   * @param usualRetry when a device is to come where nothing else is said
   */
  Frame frame(int session, int sequence, Duration usualRetry) {
    Fields.Builder fields = Fields.builder().code(code).text(text);
    comesAgain(usualRetry).ifPresent(after -> fields.retryAfterMs(after.toMillis()));
    if (code == Code.UNSUPPORTED_VERSION) {
      fields.version(Wish.VERSION);
    }
    address.ifPresent(fields::address);
    int flags = code.value() < Code.PROTOCOL_ERROR.value() ? 0 : Flags.ERROR;
    return Frame.of(session, sequence, FrameType.DISCONNECT, flags, fields.build());
  }
}
