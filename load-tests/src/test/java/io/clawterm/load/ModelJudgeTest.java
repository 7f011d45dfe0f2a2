package io.clawterm.load;

import static io.clawterm.testkit.Violation.Kind.DOUBLE_RUN;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.ReceivedRequest;
import io.clawterm.testkit.ReceivedRequest.Outcome;
import io.clawterm.testkit.ReceivedTurn;
import io.clawterm.testkit.Violation;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelJudgeTest {

  private static final Instant START = Instant.parse("2026-11-01T00:00:00Z");

  @Test
  void oneAfterTheOtherIsNotAtOnce() {
    ModelJudge seen =
        ModelJudge.of(
            List.of(asked("a", 0, new Outcome.Cut(at(5))), asked("a", 7, done(9)), asked("b", 8)));

    assertThat(seen).isEqualTo(new ModelJudge(2, 1, 0, Duration.ZERO));
    assertThat(seen.violation()).isEmpty();
  }

  @Test
  void twiceAtOnceIsSeenWithItsLength() {
    ModelJudge seen =
        ModelJudge.of(
            List.of(
                asked("a", 0, new Outcome.Cancelled(at(5))),
                asked("a", 3, done(9)),
                asked("b", 0, done(20)),
                asked("b", 4, done(5))));

    assertThat(seen).isEqualTo(new ModelJudge(2, 2, 2, Duration.ofSeconds(2)));
    assertThat(seen.violation()).get().extracting(Violation::kind).isEqualTo(DOUBLE_RUN);
  }

  private static Outcome done(int seconds) {
    return new Outcome.Completed(at(seconds));
  }

  private static Instant at(int seconds) {
    return START.plusSeconds(seconds);
  }

  private static ReceivedRequest asked(String input, int seconds) {
    return asked(input, seconds, done(seconds + 1));
  }

  private static ReceivedRequest asked(String input, int seconds, Outcome outcome) {
    return new ReceivedRequest(
        1,
        at(seconds),
        "POST",
        "/v1/chat/completions",
        Map.of(),
        "counting",
        List.of(new ReceivedTurn("user", input), new ReceivedTurn("assistant", "1 2")),
        "",
        3,
        outcome);
  }
}
