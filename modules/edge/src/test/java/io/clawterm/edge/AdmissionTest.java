package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.edge.Admission.Answer;
import io.clawterm.edge.Admission.Place;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AdmissionTest {

  private final AtomicLong clock = new AtomicLong(1_000_000_000);
  private final List<String> admitted = new ArrayList<>();
  private final Admission admission = new Admission(2, 2, clock::get);

  private Place enter(String name) {
    return ((Answer.Enters) admission.enter(() -> admitted.add(name))).place();
  }

  private Duration refused() {
    return ((Answer.ComesAgain) admission.enter(() -> admitted.add("nobody"))).after();
  }

  @Test
  void placesAreGivenInTheOrderInWhichTheyWereAskedFor() {
    Place first = enter("first");
    Place second = enter("second");
    enter("third");
    enter("fourth");

    assertThat(admitted).containsExactly("first", "second");
    second.leave(true);
    assertThat(admitted).containsExactly("first", "second", "third");
    first.leave(true);
    assertThat(admitted).containsExactly("first", "second", "third", "fourth");
    assertThat(admission.served()).isEqualTo(2);
  }

  @Test
  void aPlaceIsGivenBackOnce() {
    Place first = enter("first");
    enter("second");
    first.leave(true);
    first.leave(true);
    enter("third");
    enter("fourth");

    assertThat(admitted).containsExactly("first", "second", "third");
    assertThat(admission.served()).isEqualTo(2);
    assertThat(admission.waiting()).isEqualTo(1);
  }

  @Test
  void whoLeavesWhileItWaitsIsNeverAdmitted() {
    Place first = enter("first");
    enter("second");
    Place third = enter("third");
    third.leave(true);
    first.leave(true);

    assertThat(admitted).containsExactly("first", "second");
    assertThat(admission.served()).isEqualTo(1);
  }

  @Test
  void theOthersComeAgainOneAfterTheOtherAtTheSpeedThatWasSeen() {
    for (int i = 0; i < 100; i++) {
      clock.addAndGet(1_000_000); // a thousand a second
      enter("quick").leave(true);
    }
    enter("first");
    enter("second");
    enter("third");
    enter("fourth");
    List<Duration> told = new ArrayList<>();
    for (int i = 0; i < 3_000; i++) {
      told.add(refused());
    }

    assertThat(admitted).doesNotContain("nobody");
    assertThat(told.getLast()).isBetween(Duration.ofMillis(2_300), Duration.ofMillis(3_700));
    assertThat(told.get(1_500)).isBetween(Duration.ofMillis(1_100), Duration.ofMillis(1_900));
  }

  @Test
  void attemptsThatCameToNothingSayNothingOfTheSpeed() {
    for (int i = 0; i < 100; i++) {
      enter("lost").leave(false);
    }
    enter("first");
    enter("second");
    enter("third");
    enter("fourth");
    Duration last = Duration.ZERO;
    for (int i = 0; i < 1_000; i++) {
      last = refused();
    }

    assertThat(last).as("as slow as can be").isGreaterThan(Duration.ofSeconds(7));
  }

  @Test
  void nobodyIsToldToWaitForLongerThanHalfAMinute() {
    enter("first");
    enter("second");
    enter("third");
    enter("fourth");
    for (int i = 0; i < 100_000; i++) {
      assertThat(refused()).isBetween(Duration.ofMillis(150), Duration.ofSeconds(37));
    }
  }
}
