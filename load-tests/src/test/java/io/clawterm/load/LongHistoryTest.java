package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** R30 and R31, with -Pfaults alone: filling the journal takes minutes. */
@EnabledIfSystemProperty(named = "cluster.long", matches = "true")
class LongHistoryTest {

  @Test
  void aSessionWithAMillionEventsIsWokenAndReadSoon() throws Exception {
    BenchHistory.Figures figures = BenchHistory.run(1_000_000, 2);

    assertThat(figures.areGood()).as(figures.toString()).isTrue();
  }

  @Test
  void sessionsAtRestCostAStartNothing() throws Exception {
    assertThat(BenchStore.run(100_000, 3)).isTrue();
  }
}
