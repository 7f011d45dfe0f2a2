package io.clawterm.load;

import java.time.Duration;
import java.util.List;

/**
 * How long and how hard a run of the fault suite is.
 *
 * @param kills how often the node is killed
 * @param devices about how many devices there are, at least 6; each session has up to three
 * @param minBetween the shortest time from readiness to a kill
 * @param maxBetween the longest
 * @param encrypted whether the node speaks TLS on TCP and WebSocket, or neither does
 * @param jvmOptions for the node's JVM
 */
public record FaultPlan(
    int kills,
    int devices,
    long seed,
    Duration minBetween,
    Duration maxBetween,
    boolean encrypted,
    List<String> jvmOptions) {

  public FaultPlan {
    if (kills < 1 || devices < 6) {
      throw new IllegalArgumentException("at least 1 kill and 6 devices are needed");
    }
    if (minBetween.isNegative() || maxBetween.compareTo(minBetween) <= 0) {
      throw new IllegalArgumentException("the time between kills is given as MIN..MAX, MIN < MAX");
    }
    jvmOptions = List.copyOf(jvmOptions);
  }

  /** The same with options for the node's JVM. */
  public FaultPlan withJvmOptions(List<String> options) {
    return new FaultPlan(kills, devices, seed, minBetween, maxBetween, encrypted, options);
  }
}
