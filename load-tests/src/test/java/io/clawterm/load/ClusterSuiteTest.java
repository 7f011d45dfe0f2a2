package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A few faults with the build; all of them, and ten minutes of R5, with {@code -Pfaults}; all of
 * them again and again with a number of rounds.
 */
class ClusterSuiteTest {

  private static final int ROUNDS = Integer.getInteger("cluster.rounds", 0);
  private static final boolean LONG = Boolean.getBoolean("cluster.long");

  /** The folder of its distribution; without one R26b is skipped. */
  private static final Optional<Path> RELEASE_BEFORE =
      Optional.ofNullable(System.getProperty("release.before"))
          .filter(folder -> !folder.isEmpty())
          .map(Path::of);

  private static final List<ClusterFault> SHORT =
      List.of(ClusterFault.KILL, ClusterFault.SPLIT, ClusterFault.RESTART);

  /** Of some 50 s each. */
  private static final int ROLLING_KILLS = 12;

  @TempDir private Path folder;

  @Test
  void noPromiseIsBrokenWhateverHappensToTheNodes() throws Exception {
    List<ClusterFault> faults = LONG ? all(ROUNDS > 0 ? 1 : ROLLING_KILLS) : SHORT;
    var plan =
        new ClusterPlan(
            faults,
            ROUNDS > 0 ? ROUNDS : faults.size(),
            Duration.ofDays(1),
            3,
            12,
            ClusterPlan.BUSY_MILLIS,
            Seeds.ofRun(),
            LONG,
            List.of("-XX:TieredStopAtLevel=1"),
            RELEASE_BEFORE);

    ClusterReport report = ClusterSuite.run(plan, folder, System.out);

    report.table().forEach(System.out::println);
    System.out.println(report.summary());
    assertThat(report.violations()).as(report.summary()).isEmpty();
    assertThat(report.rows()).as(report.summary()).isNotEmpty();
    assertThat(report.acknowledged()).isGreaterThan(10L * report.rows().size());
    assertThat(report.model().inputs()).isPositive();
    assertThat(report.journal().lives()).isPositive();
  }

  private static List<ClusterFault> all(int rollingKills) {
    return Stream.concat(
            Stream.of(ClusterFault.values()),
            Collections.nCopies(rollingKills - 1, ClusterFault.ROLLING_KILL).stream())
        .toList();
  }
}
