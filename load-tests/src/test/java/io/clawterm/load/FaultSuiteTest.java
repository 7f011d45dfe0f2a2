package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The short form with the build; the long one with {@code -Pfaults -Dkills=N}. */
class FaultSuiteTest {

  private static final int KILLS = Integer.getInteger("kills", 30);
  private static final int DEVICES = Integer.getInteger("devices", 16);

  @TempDir private Path folder;

  @Test
  void noPromiseIsBrokenHoweverOftenTheNodeIsKilled() throws Exception {
    var plan =
        new FaultPlan(
            KILLS,
            DEVICES,
            Seeds.ofRun(),
            Duration.ofMillis(200),
            Duration.ofMillis(2_000),
            List.of("-XX:TieredStopAtLevel=1"));

    FaultReport report = FaultSuite.run(plan, folder, System.out);

    System.out.println(report.summary());
    assertThat(report.violations()).as(report.summary()).isEmpty();
    assertThat(report.kills()).isGreaterThanOrEqualTo(KILLS);
    assertThat(report.acknowledged()).isGreaterThan(10L * KILLS);
    assertThat(report.resumes()).isGreaterThan(KILLS);
  }
}
