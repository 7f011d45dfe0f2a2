package io.clawterm.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.History.Step;
import io.clawterm.testkit.History.Step.Acknowledged;
import io.clawterm.testkit.History.Step.Began;
import io.clawterm.testkit.History.Step.Missing;
import io.clawterm.testkit.History.Step.Sent;
import io.clawterm.testkit.History.Step.Shown;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Violation.Kind;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HistoryCheckerTest {

  private static final Map<Long, String> LOG = Map.of(1L, "one", 2L, "two", 3L, "three");

  @Test
  void aHistoryThatKeepsAllPromisesIsCounted() {
    Verdict verdict =
        check(
            List.of("a", "b", "c"),
            device("laptop", new Sent("a"), new Sent("b"), new Acknowledged("a"), shown(1, 2)),
            device("phone", new Sent("c"), new Acknowledged("c"), shown(1, 3)),
            device("laptop again", new Began(0), shown(1, 3)));

    assertThat(verdict.violations()).isEmpty();
    assertThat(verdict.acknowledged()).isEqualTo(2);
    assertThat(verdict.entries()).isEqualTo(8);
  }

  @Test
  void anInputThatWasNeverAcknowledgedMayBeMissing() {
    assertThat(kinds(List.of(), device("laptop", new Sent("a")))).isEmpty();
  }

  @Test
  void anAcknowledgedInputThatIsNotThereIsLost() {
    assertThat(kinds(List.of(), device("laptop", new Sent("a"), new Acknowledged("a"))))
        .containsExactly(Kind.LOST_INPUT);
  }

  @Test
  void anInputThatIsThereTwiceIsDoubledAcknowledgedOrNot() {
    assertThat(kinds(List.of("a", "a"), device("laptop", new Sent("a"))))
        .containsExactly(Kind.DOUBLED_INPUT);
    assertThat(kinds(List.of("a", "a"), device("laptop", new Sent("a"), new Acknowledged("a"))))
        .containsExactly(Kind.DOUBLED_INPUT);
  }

  @Test
  void anInputThatNobodyHasSentIsUnknown() {
    assertThat(kinds(List.of("x"), device("laptop", new Sent("a"))))
        .containsExactly(Kind.UNKNOWN_INPUT);
  }

  @Test
  void inputsOfOneDeviceKeepTheirOrder() {
    assertThat(kinds(List.of("b", "a"), device("laptop", new Sent("a"), new Sent("b"))))
        .containsExactly(Kind.REORDERED_INPUT);
    assertThat(
            kinds(List.of("b", "a"), device("laptop", new Sent("a")), device("tv", new Sent("b"))))
        .isEmpty();
  }

  @Test
  void aNumberWithTwoContentsIsSeenBetweenDevicesAndAgainstTheLog() {
    assertThat(kinds(List.of(), device("laptop", new Shown(1, "one"), new Shown(2, "zwei"))))
        .containsExactly(Kind.TWO_CONTENTS);
    assertThat(
            kinds(
                List.of(),
                device("laptop", shown(1, 3), new Shown(4, "four")),
                device("phone", shown(1, 3), new Shown(4, "vier"))))
        .containsExactly(Kind.SHOWN_NOT_STORED, Kind.TWO_CONTENTS, Kind.SHOWN_NOT_STORED);
  }

  @Test
  void devicesOfDifferentViewsMaySeeDifferentBytes() {
    var plain = new History("s", "tv", View.PLAIN, List.of(new Shown(1, "1")));
    var outcome =
        new Outcome("s", Map.of(View.STRUCTURED, LOG, View.PLAIN, Map.of(1L, "1")), List.of());

    assertThat(
            HistoryChecker.check(List.of(device("laptop", shown(1, 3)), plain), List.of(outcome))
                .violations())
        .isEmpty();
  }

  @Test
  void aHoleIsSeenUnlessItWasTold() {
    assertThat(kinds(List.of(), device("laptop", new Shown(1, "one"), new Shown(3, "three"))))
        .containsExactly(Kind.HOLE);
    assertThat(kinds(List.of(), device("laptop", new Shown(2, "two")))).containsExactly(Kind.HOLE);
    assertThat(kinds(List.of(), device("laptop", new Missing(1, 2), new Shown(3, "three"))))
        .isEmpty();
    assertThat(kinds(List.of(), device("laptop", new Missing(2, 2), new Shown(3, "three"))))
        .containsExactly(Kind.HOLE);
  }

  @Test
  void readingOnBeyondWhatWasHadIsAHole() {
    assertThat(
            kinds(
                List.of(),
                device("laptop", new Shown(1, "one"), new Began(2), new Shown(3, "three"))))
        .containsExactly(Kind.HOLE);
  }

  @Test
  void aNumberThatComesAgainUnaskedIsDoubled() {
    assertThat(kinds(List.of(), device("laptop", shown(1, 2), new Shown(2, "two"))))
        .containsExactly(Kind.DOUBLED_OUTPUT);
    assertThat(kinds(List.of(), device("laptop", shown(1, 2), new Began(1), new Shown(2, "two"))))
        .isEmpty();
  }

  @Test
  void whatWasShownMustBeInTheLogUnlessRetentionHasRemovedIt() {
    assertThat(kinds(List.of(), device("laptop", shown(1, 3), new Shown(4, "four"))))
        .containsExactly(Kind.SHOWN_NOT_STORED);
    var kept = new Outcome("s", Map.of(View.STRUCTURED, Map.of(3L, "three")), List.of());
    assertThat(
            HistoryChecker.check(List.of(device("laptop", shown(1, 3))), List.of(kept))
                .violations())
        .isEmpty();
  }

  @Test
  void aSessionOfUnknownEndIsNoSuccess() {
    assertThat(HistoryChecker.check(List.of(device("laptop")), List.of()).violations())
        .extracting(Violation::kind)
        .containsExactly(Kind.OTHER);
  }

  private static List<Kind> kinds(List<String> inputs, History... devices) {
    return check(inputs, devices).violations().stream().map(Violation::kind).toList();
  }

  private static Verdict check(List<String> inputs, History... devices) {
    return HistoryChecker.check(
        List.of(devices), List.of(new Outcome("s", Map.of(View.STRUCTURED, LOG), inputs)));
  }

  /** A history of steps, where an array stands for what it holds. */
  private static History device(String name, Object... parts) {
    var recorder = new HistoryRecorder("s", name, View.STRUCTURED);
    for (Object part : parts) {
      if (part instanceof Step[] several) {
        List.of(several).forEach(recorder::add);
      } else if (part instanceof Step one) {
        recorder.add(one);
      }
    }
    return recorder.history();
  }

  private static History device(String name, Step[] steps) {
    return new History("s", name, View.STRUCTURED, List.of(steps));
  }

  private static Step[] shown(long first, long last) {
    var steps = new Step[(int) (last - first + 1)];
    for (int i = 0; i < steps.length; i++) {
      steps[i] = new Shown(first + i, String.valueOf(LOG.get(first + i)));
    }
    return steps;
  }
}
