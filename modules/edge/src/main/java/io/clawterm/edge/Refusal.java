package io.clawterm.edge;

import io.clawterm.protocol.Code;
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
}
