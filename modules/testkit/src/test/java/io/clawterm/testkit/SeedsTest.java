package io.clawterm.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SeedsTest {

  @Test
  void thePurposeAndTheSeedOfTheRunDecideTheCases() {
    long[] cases = Seeds.cases("one purpose", 5).toArray();

    assertThat(Seeds.cases("one purpose", 5).toArray()).isEqualTo(cases);
    assertThat(Seeds.cases("another purpose", 5).toArray()).isNotEqualTo(cases);
    assertThat(Seeds.generator("one purpose").nextLong()).isEqualTo(cases[0]);
  }

  @Test
  void aGivenSeedIsTheSeedOfTheRun() {
    assertThat(Seeds.ofRun("-42")).isEqualTo(-42);
  }
}
