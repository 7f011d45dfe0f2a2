package io.clawterm.client;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How a client behaves.
 *
 * @param addresses of one server or cluster, at least one; sessions are kept under the first
 * @param patience how long a first attachment may take, over all attempts
 * @param giveUpAfter how long a session without a connection is tried to be resumed; absent: for
 *     ever
 * @param answerTimeout how long one connection may take to open, and to answer
 * @param windowBytes output that the server may send beyond what the application has handled
 * @param maxUnacknowledged inputs that may wait for the server's acknowledgement
 */
record ClientSettings(
    List<ServerAddress> addresses,
    Supplier<Optional<String>> credential,
    String device,
    SessionListener listener,
    Duration minBackoff,
    Duration maxBackoff,
    Duration patience,
    Optional<Duration> giveUpAfter,
    Duration answerTimeout,
    long windowBytes,
    int maxUnacknowledged,
    long maxUnacknowledgedBytes) {
  /** Below this two frames would not fit, and an acknowledgement each 64 KB would come too late. */
  static final long MIN_WINDOW_BYTES = 128 * 1024;

  ClientSettings {
    addresses = List.copyOf(addresses);
    if (addresses.isEmpty()) {
      throw new IllegalArgumentException("no address is given");
    }
    if (windowBytes < MIN_WINDOW_BYTES || windowBytes > 0xFFFF_FFFFL) {
      throw new IllegalArgumentException(
          "a window has " + MIN_WINDOW_BYTES + " to 4294967295 bytes, not " + windowBytes);
    }
    if (maxUnacknowledged < 1 || maxUnacknowledgedBytes < 1) {
      throw new IllegalArgumentException("the unacknowledged window must be above 0");
    }
    int deviceBytes = device.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
    if (deviceBytes < 1 || deviceBytes > 64) {
      throw new IllegalArgumentException("a device's name has 1 to 64 bytes, not " + deviceBytes);
    }
    if (patience.isNegative() || !answerTimeout.isPositive()) {
      throw new IllegalArgumentException("patience and time-outs can't be negative");
    }
  }

  /** The name under which sessions are kept. */
  ServerAddress address() {
    return addresses.getFirst();
  }
}
