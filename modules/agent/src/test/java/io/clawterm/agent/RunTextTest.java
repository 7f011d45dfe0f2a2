package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What waits for a commit. */
class RunTextTest {

  private final RunText text = new RunText();

  @Test
  void smallDeltasGrowTogether() {
    text.addText("a");
    text.addText("b");

    assertThat(text.take()).containsExactly(Entry.text("ab"));
    assertThat(text.take()).isEmpty();
  }

  @Test
  void theOrderOfTextThinkingAndOtherEntriesStays() {
    text.addThinking("hm");
    text.addText("a");
    text.add(AgentEntries.seam());
    text.addText("b");
    text.addThinking("c");

    assertThat(text.take())
        .containsExactly(
            AgentEntries.thinking("hm"),
            Entry.text("a"),
            AgentEntries.seam(),
            Entry.text("b"),
            AgentEntries.thinking("c"));
  }

  @Test
  void allThatWaitsCountsThoughKindsTakeTurns() {
    for (int i = 0; i < 100; i++) {
      text.addText("x".repeat(10));
      text.addThinking("y".repeat(10));
    }

    assertThat(text.length()).isEqualTo(2_000);

    assertThat(text.take()).hasSize(200);
    assertThat(text.length()).isZero();
  }

  @Test
  void longTextIsDivided() {
    text.addText("x".repeat(Entries.MAX_TEXT_CHARS * 2 + 1));

    List<Entry> taken = text.take();

    assertThat(taken).hasSize(3);
    assertThat(taken).allMatch(entry -> entry.body().length() <= Entries.MAX_TEXT_CHARS);
  }

  @Test
  void halfACharacterWaitsForItsOtherHalf() {
    text.addText("a\ud83d");
    List<Entry> first = text.take();
    text.addText("\ude00b");
    List<Entry> second = text.take();

    assertThat(first).containsExactly(Entry.text("a"));
    assertThat(second).containsExactly(Entry.text("\ud83d\ude00b"));
  }

  @Test
  void halfACharacterAtTheEndDoesNotHoldTheEndBack() {
    text.addText("a\ud83d");
    assertThat(text.take()).hasSize(1);
    text.add(AgentEntries.aborted());

    String all =
        text.take().stream().map(entry -> entry.kind().name()).collect(Collectors.joining(" "));

    assertThat(all).isEqualTo("TEXT EVENT");
    assertThat(text.take()).isEmpty();
  }
}
