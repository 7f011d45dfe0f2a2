package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import org.junit.jupiter.api.Test;

/** R12: some thousand inputs with the build, as many as the fault tests ask with -Pfaults. */
class CommitStormTest {

  private static final boolean LONG = Boolean.getBoolean("cluster.long");

  @Test
  void noAcknowledgedInputIsLostHoweverOftenTheDatabaseEnds() throws Exception {
    boolean kept =
        LONG
            ? CommitStorm.run(100_000, 24, 5, 10, Seeds.ofRun())
            : CommitStorm.run(5_000, 8, 1, 2, Seeds.ofRun());

    assertThat(kept).isTrue();
  }
}
