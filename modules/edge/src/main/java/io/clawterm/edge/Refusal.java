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
   * The DISCONNECT that says so.
   *
   * @param session 0: the connection
   * @param usualRetry when a device is to come where nothing else is said
   */
  Frame frame(int session, int sequence, Duration usualRetry) {
    Fields.Builder fields = Fields.builder().code(code).text(text);
    switch (code) {
      case OVERLOADED, SHUTTING_DOWN, MOVED ->
          fields.retryAfterMs(retryAfter.orElse(usualRetry).toMillis());
      case UNSUPPORTED_VERSION -> fields.version(Wish.VERSION);
      case OK,
          SUSPENDED,
          CLOSED,
          TAKEN_OVER,
          PROTOCOL_ERROR,
          BAD_CHECKSUM,
          SEQUENCE_GAP,
          UNAUTHENTICATED,
          FORBIDDEN,
          NO_SUCH_SESSION,
          NO_SUCH_TARGET,
          TOO_LARGE,
          INTERNAL -> {}
    }
    address.ifPresent(fields::address);
    int flags = code.value() < Code.PROTOCOL_ERROR.value() ? 0 : Flags.ERROR;
    return Frame.of(session, sequence, FrameType.DISCONNECT, flags, fields.build());
  }
}
