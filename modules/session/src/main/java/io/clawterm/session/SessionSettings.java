package io.clawterm.session;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * The limits of sessions; {@code reference.conf} says what each is for.
 *
 * @param tailBytes the newest entries kept in memory
 * @param maxWaitingBytes input that waits for the target before a device is held back
 * @param maxDevices devices that a session remembers
 * @param passivateAfter how long a session without a device and without a run stays in memory
 * @param defaultExpiry how long a session lives without a device unless a device asks for less
 * @param maxExpiry the longest that a device may ask for
 * @param retainBytes entries beyond this are given up, oldest first, once attached devices have
 *     them
 * @param retainHardBytes entries beyond this are given up in any case, with a visible gap
 * @param snapshotEvery commits between two snapshots
 */
public record SessionSettings(
    long tailBytes,
    long maxWaitingBytes,
    int maxDevices,
    Duration passivateAfter,
    Duration defaultExpiry,
    Duration maxExpiry,
    long retainBytes,
    long retainHardBytes,
    Duration retainFor,
    int snapshotEvery) {

  /**
   * The keys that may change while a node runs; {@code tail-bytes} and {@code snapshot-every} hold
   * for each session from its next waking on.
   */
  public static final Set<String> LIVE =
      Set.of(
          "tail-bytes",
          "max-waiting-bytes",
          "max-devices",
          "passivate-after",
          "default-expiry",
          "max-expiry",
          "retain-bytes",
          "retain-hard-bytes",
          "retain-for",
          "snapshot-every");

  public SessionSettings {
    require(tailBytes >= 4_096, "tail-bytes must be at least 4 KiB");
    require(maxWaitingBytes >= 65_536, "max-waiting-bytes must be at least 64 KiB");
    require(maxDevices >= 1, "max-devices must be above 0");
    require(passivateAfter.isPositive(), "passivate-after must be above 0");
    require(defaultExpiry.isPositive(), "default-expiry must be above 0");
    require(maxExpiry.compareTo(defaultExpiry) >= 0, "max-expiry must be at least default-expiry");
    require(retainBytes >= 131_072, "retain-bytes must be at least 128 KiB");
    require(retainHardBytes >= retainBytes, "retain-hard-bytes must be at least retain-bytes");
    require(retainFor.isPositive(), "retain-for must be above 0");
    require(snapshotEvery >= 10, "snapshot-every must be at least 10");
  }

  /** How long a session may stay without a device, where a device asks for so much. */
  Duration granted(Optional<Duration> asked) {
    Duration expiry = asked.orElse(defaultExpiry);
    return expiry.compareTo(maxExpiry) > 0 ? maxExpiry : expiry;
  }

  /** Reads the block {@code clawterm.session}. */
  public static SessionSettings from(Config config) {
    return new SessionSettings(
        config.getBytes("tail-bytes"),
        config.getBytes("max-waiting-bytes"),
        config.getInt("max-devices"),
        config.getDuration("passivate-after"),
        config.getDuration("default-expiry"),
        config.getDuration("max-expiry"),
        config.getBytes("retain-bytes"),
        config.getBytes("retain-hard-bytes"),
        config.getDuration("retain-for"),
        config.getInt("snapshot-every"));
  }

  private static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(rule);
    }
  }
}
