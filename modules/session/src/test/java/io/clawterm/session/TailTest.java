package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class TailTest {

  @Test
  void theOldestGiveWayAndTheNewestAlwaysStays() {
    var tail = new Tail(100, 11);
    for (int i = 0; i < 3; i++) {
      tail.add(Entry.text("12345678"));
    }
    assertThat(tail.holds(10)).isFalse();
    assertThat(tail.holds(11)).isFalse();
    assertThat(tail.holds(12)).isTrue();
    assertThat(tail.holds(13)).isTrue();
    assertThat(tail.holds(14)).isFalse();

    tail.add(Entry.text("x".repeat(500)));

    assertThat(tail.holds(13)).isFalse();
    assertThat(tail.holds(14)).isTrue();
  }

  @Test
  void atLeastOneEntryIsGivenAndNoMoreThanTheBytesBeyondIt() {
    var tail = new Tail(10_000, 1);
    for (String text : List.of("a", "b", "c", "d")) {
      tail.add(Entry.text(text));
    }

    assertThat(tail.from(2, 1)).containsExactly(Entry.text("b"));
    assertThat(tail.from(2, 65)).containsExactly(Entry.text("b"));
    assertThat(tail.from(2, 66)).containsExactly(Entry.text("b"), Entry.text("c"));
    assertThat(tail.from(1, 1_000)).hasSize(4);
    assertThat(tail.from(4, 1_000)).containsExactly(Entry.text("d"));
  }
}
