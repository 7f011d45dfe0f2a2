package io.clawterm.client;

import io.clawterm.protocol.Code;
import java.util.Optional;

/** How this process's hold on a session came to its end. */
public sealed interface Ending {

  /** Suspended: all that was sent is durable, and the session can be resumed. */
  record Suspended() implements Ending {}

  /** The session is over for good. */
  record Closed(String text) implements Ending {}

  /** Let go of by {@link ClientSession#close()}; the session can be resumed. */
  record Left() implements Ending {}

  /** Something that this client can't mend by itself. */
  record Failed(ClientException cause) implements Ending {}

  /** The code of the refusal, where the server gave one. */
  default Optional<Code> code() {
    return switch (this) {
      case Suspended ended -> Optional.of(Code.SUSPENDED);
      case Closed ended -> Optional.of(Code.CLOSED);
      case Left ended -> Optional.empty();
      case Failed(ClientException.Refused refused) -> Optional.of(refused.code());
      case Failed ended -> Optional.empty();
    };
  }
}
