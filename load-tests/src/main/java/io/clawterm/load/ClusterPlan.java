package io.clawterm.load;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What a run of the cluster suite does.
 *
 * @param faults in this order, again and again
 * @param rounds how many faults there are at most
 * @param length no fault begins later than this after the start
 * @param sessions half of them answer at once, half count for a while
 * @param pauseMillis how long a device waits between an answer and its next input, give or take
 *     four tenths
 * @param isLong whether faults last as long as the fault tests ask
 * @param jvmOptions for the nodes' JVMs
 * @param releaseBefore the folder of the distribution of the release before this one
 */
record ClusterPlan(
    List<ClusterFault> faults,
    int rounds,
    Duration length,
    int nodes,
    int sessions,
    long pauseMillis,
    long seed,
    boolean isLong,
    List<String> jvmOptions,
    Optional<Path> releaseBefore) {

  /** Several inputs a second from each device: as much as the suite can make of short faults. */
  static final long BUSY_MILLIS = 250;

  ClusterPlan {
    if (pauseMillis < 10) {
      throw new IllegalArgumentException("a device pauses for 10 ms at least");
    }
    if (faults.isEmpty() || rounds < 1 || nodes < 2 || sessions < 2) {
      throw new IllegalArgumentException(
          "at least one fault, one round, two nodes and two sessions are needed");
    }
    faults = List.copyOf(faults);
    jvmOptions = List.copyOf(jvmOptions);
  }
}
