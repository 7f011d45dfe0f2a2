package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.session.Bytes;
import io.clawterm.session.TargetCommand.TargetInput;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class PodInputTest {

  private final PodInput input = new PodInput(4);

  private static List<TargetInput> inputs(long first, long last) {
    return LongStream.rangeClosed(first, last)
        .mapToObj(number ->
            new TargetInput(number, "phone", Bytes.of("text"), false, false, Optional.empty()))
        .toList();
  }

  private List<Long> takeAll() {
    List<Long> taken = new ArrayList<>();
    for (Optional<TargetInput> next = input.takeNext(); next.isPresent(); next = input.takeNext()) {
      taken.add(next.get().number());
    }
    return taken;
  }

  @Test
  void whatThePodHasIsNotSentAgain() {
    input.deliver(inputs(3, 7));

    assertThat(takeAll()).containsExactly(5L, 6L, 7L);
    assertThat(input.settled()).isEqualTo(4);
  }

  @Test
  void whatIsNotAcknowledgedGoesOutAgainInFrontOfTheRest() {
    input.deliver(inputs(5, 7));
    input.window(OptionalLong.of(8));
    assertThat(takeAll()).containsExactly(5L, 6L);
    assertThat(input.acknowledge(5)).isTrue();

    input.takeBack();

    assertThat(takeAll()).containsExactly(6L, 7L);
    assertThat(input.settled()).isEqualTo(5);
  }

  @Test
  void aFrameThatIsLargerThanTheWindowGoesAlone() {
    input.deliver(inputs(5, 6));
    input.window(OptionalLong.of(1));

    assertThat(takeAll()).containsExactly(5L);
    assertThat(input.acknowledge(5)).isTrue();
    assertThat(takeAll()).containsExactly(6L);
  }

  @Test
  void aClosedWindowLetsNothingThrough() {
    input.deliver(inputs(5, 5));
    input.window(OptionalLong.of(0));

    assertThat(takeAll()).isEmpty();
  }

  @Test
  void aPodCannotAcknowledgeWhatItWasNotSent() {
    input.deliver(inputs(5, 6));
    input.window(OptionalLong.of(4));
    assertThat(takeAll()).containsExactly(5L);

    assertThatThrownBy(() -> input.acknowledge(6)).isInstanceOf(PodViolationException.class);
  }

  @Test
  void whatAPodSaysThatItHasIsNotSent() {
    input.deliver(inputs(5, 7));

    input.resumeAfter(6);

    assertThat(takeAll()).containsExactly(7L);
    assertThat(input.settled()).isEqualTo(6);
  }
}
