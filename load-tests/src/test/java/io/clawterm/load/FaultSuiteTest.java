package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The short form with the build; the long one with {@code -Pfaults -Dkills=N}. */
class FaultSuiteTest {

  private static final int KILLS = Integer.getInteger("kills", 14);
  private static final int DEVICES = Integer.getInteger("devices", 16);

  @TempDir private Path folder;

  /** Half of the kills each: a node has TCP and WebSocket either with TLS or without. */
  @ParameterizedTest(name = "TLS: {0}")
  @ValueSource(booleans = {false, true})
  void noPromiseIsBrokenHoweverOftenTheNodeIsKilled(boolean encrypted) throws Exception {
    int kills = (KILLS + 1) / 2;
    var plan =
        new FaultPlan(
            kills,
            DEVICES,
            Seeds.ofRun(),
            Duration.ofMillis(200),
            Duration.ofMillis(2_000),
            encrypted,
            List.of("-XX:TieredStopAtLevel=1"));

    FaultReport report = FaultSuite.run(plan, folder, System.out);

    System.out.println(report.summary());
    assertThat(report.violations()).as(report.summary()).isEmpty();
    assertThat(report.kills()).isGreaterThanOrEqualTo(kills);
    assertThat(report.acknowledged()).isGreaterThan(10L * kills);
    assertThat(report.resumes()).isGreaterThan(kills);
    assertThat(report.model().inputs()).isPositive();
    assertThat(report.journal().lives()).isGreaterThan(kills);
  }
}
