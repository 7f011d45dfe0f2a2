package io.clawterm.edge;

import com.typesafe.config.Config;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/**
 * Where pods are found and how they are talked to: the block {@code clawterm.pods}.
 *
 * @param folder holds the sockets, {@code NAME.sock} each
 * @param allowedUids whose sockets are used, besides the node's own user's and root's
 * @param keepaliveInterval in force where the pod names none
 * @param outputBufferBytes a pod's output that is held until it is durable
 * @param inputBufferBytes input on its way to the pod's socket
 */
public record PodSettings(
    Path folder,
    Set<Integer> allowedUids,
    Duration rescanInterval,
    Duration minBackoff,
    Duration maxBackoff,
    Duration absenceNoticeAfter,
    Duration handshakeTimeout,
    Duration keepaliveInterval,
    Duration acknowledgeAfter,
    int outputBufferBytes,
    int inputBufferBytes) {

  /** The keys that may change while a node runs: for each session from its next waking on. */
  public static final Set<String> LIVE =
      Set.of(
          "min-backoff",
          "max-backoff",
          "absence-notice-after",
          "handshake-timeout",
          "keepalive-interval",
          "acknowledge-after",
          "output-buffer",
          "input-buffer");

  private static final int MIN_OUTPUT_BUFFER_BYTES = 256 * 1024;

  public PodSettings {
    allowedUids = Set.copyOf(allowedUids);
    requirePositive("rescan-interval", rescanInterval);
    requirePositive("min-backoff", minBackoff);
    requirePositive("absence-notice-after", absenceNoticeAfter);
    requirePositive("handshake-timeout", handshakeTimeout);
    requirePositive("keepalive-interval", keepaliveInterval);
    requirePositive("acknowledge-after", acknowledgeAfter);
    if (maxBackoff.compareTo(minBackoff) < 0) {
      throw new IllegalArgumentException(
          "max-backoff must be at least min-backoff, is " + maxBackoff);
    }
    if (outputBufferBytes < MIN_OUTPUT_BUFFER_BYTES) {
      throw new IllegalArgumentException(
          "output-buffer must be 256 KiB or more, is " + outputBufferBytes + " bytes");
    }
    if (inputBufferBytes < 1_024) {
      throw new IllegalArgumentException(
          "input-buffer must be 1 KiB or more, is " + inputBufferBytes + " bytes");
    }
  }

  /** Reads the block {@code clawterm.pods}. */
  public static PodSettings from(Config config) {
    return new PodSettings(
        Path.of(config.getString("folder")),
        new HashSet<>(config.getIntList("allowed-uids")),
        config.getDuration("rescan-interval"),
        config.getDuration("min-backoff"),
        config.getDuration("max-backoff"),
        config.getDuration("absence-notice-after"),
        config.getDuration("handshake-timeout"),
        config.getDuration("keepalive-interval"),
        config.getDuration("acknowledge-after"),
        Math.toIntExact(config.getBytes("output-buffer")),
        Math.toIntExact(config.getBytes("input-buffer")));
  }

  private static void requirePositive(String key, Duration value) {
    if (!value.isPositive()) {
      throw new IllegalArgumentException(key + " must be above 0, is " + value);
    }
  }
}
