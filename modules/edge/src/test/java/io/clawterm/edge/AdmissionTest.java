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
  private final Admission admission = new Admission(2, 2, () -> Duration.ofSeconds(6), clock::get);

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
  void theOthersComeAgainOneAfterTheOtherAtTheSpeedThatIsSeen() {
    served(true, 200, 50); // two at a time: forty a second
    List<Duration> told = refusals(120);

    assertThat(admitted).doesNotContain("nobody");
    assertThat(told.get(119)).isBetween(Duration.ofMillis(2_400), Duration.ofMillis(4_000));
    assertThat(told.get(59)).isBetween(Duration.ofMillis(1_200), Duration.ofMillis(2_000));
  }

  @Test
  void nobodyIsToldALongTime() {
    served(true, 200, 50);

    assertThat(refusals(1_000)).allMatch(it -> it.compareTo(Duration.ofSeconds(5)) < 0);
  }

  @Test
  void attemptsThatCameToNothingSayNothingOfTheSpeed() {
    served(true, 200, 50);
    served(false, 200, 5_000);

    assertThat(refusals(80).getLast()).isLessThan(Duration.ofSeconds(3));
  }

  @Test
  void whoWaitedForItsTurnInVainGetsATimeAmongTheOthers() {
    served(true, 200, 50);
    refusals(120);

    assertThat(admission.slot()).isBetween(Duration.ofMillis(2_400), Duration.ofMillis(4_000));
  }

  @Test
  void noMoreWaitThanGetTheirTurnInTime() {
    var hasty = new Admission(2, 1_000, () -> Duration.ofMillis(500), clock::get);
    int waiting = 0;
    while (hasty.enter(() -> {}) instanceof Answer.Enters) {
      waiting++;
    }

    assertThat(waiting).as("two at once, and twenty a second").isEqualTo(2 + 10);
  }

  /** So many attempts, two at a time, each so long. */
  private void served(boolean done, int count, long millis) {
    for (int i = 0; i < count; i += 2) {
      Place one = enter("one");
      Place other = enter("other");
      clock.addAndGet(millis * 1_000_000);
      one.leave(done);
      other.leave(done);
    }
  }

  private List<Duration> refusals(int count) {
    enter("first");
    enter("second");
    enter("third");
    enter("fourth");
    List<Duration> told = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      told.add(refused());
    }
    return told;
  }

  @Test
  void nobodyIsToldToWaitForMuchLongerThanTenSeconds() {
    enter("first");
    enter("second");
    enter("third");
    enter("fourth");
    for (int i = 0; i < 100_000; i++) {
      assertThat(refused()).isBetween(Duration.ofMillis(150), Duration.ofSeconds(12));
    }
  }
}
