package io.clawterm.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BackoffTest {

  private final Backoff backoff =
      new Backoff(Duration.ofMillis(100), Duration.ofSeconds(10), new Random(1));

  @Test
  void eachWaitIsUpToTwiceAsLong() {
    for (long base = 100; base <= 6_400; base *= 2) {
      assertThat(backoff.next()).isBetween(Duration.ofMillis(base / 2), Duration.ofMillis(base));
    }
    assertThat(backoff.next()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(10));
    assertThat(backoff.next()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(10));
  }

  @Test
  void whoIsToldWhenToComeDoesNotWaitLongerUnlessItGoesInCircles() {
    Duration wanted = Duration.ofMillis(10);
    for (int i = 0; i < 3; i++) {
      assertThat(backoff.next(wanted)).isEqualTo(wanted);
    }
    assertThat(backoff.next(wanted)).isBetween(Duration.ofMillis(50), Duration.ofMillis(100));
    for (int i = 0; i < 10; i++) {
      backoff.next(wanted);
    }
    assertThat(backoff.next(wanted)).isEqualTo(Duration.ofSeconds(1));
    assertThat(backoff.next(Duration.ofSeconds(30))).isEqualTo(Duration.ofSeconds(30));
  }

  @Test
  void whoIsToldToComeAtOnceAgainAndAgainSlowsDownByItself() {
    for (int i = 0; i < 13; i++) {
      backoff.next(Duration.ZERO);
    }

    assertThat(backoff.next(Duration.ZERO)).isGreaterThanOrEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void whoWasTakenGoesWhereItIsSentAgain() {
    for (int i = 0; i < 10; i++) {
      backoff.next(Duration.ZERO);
    }

    backoff.taken();

    assertThat(backoff.next(Duration.ZERO)).isZero();
    assertThat(backoff.next()).isGreaterThanOrEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void afterProgressAllBeginsAnew() {
    for (int i = 0; i < 10; i++) {
      backoff.next(Duration.ZERO);
    }

    backoff.reset();

    assertThat(backoff.next(Duration.ZERO)).isZero();
    assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofMillis(100));
  }
}
