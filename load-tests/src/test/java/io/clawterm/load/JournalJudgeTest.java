package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.load.JournalJudge.Row;
import io.clawterm.testkit.Violation;
import java.util.List;
import org.junit.jupiter.api.Test;

class JournalJudgeTest {

  @Test
  void livesThatFollowEachOtherAreFine() {
    JournalJudge judge =
        JournalJudge.of(
            List.of(
                new Row("a", 4, "one"),
                new Row("a", 5, "one"),
                new Row("a", 6, "two"),
                new Row("b", 1, "one"),
                new Row("b", 2, "three")));

    assertThat(judge.violations()).isEmpty();
    assertThat(judge.events()).isEqualTo(5);
    assertThat(judge.lives()).isEqualTo(4);
  }

  @Test
  void aLifeThatWritesAfterTheNextOneIsFound() {
    JournalJudge judge =
        JournalJudge.of(
            List.of(new Row("a", 1, "one"), new Row("a", 2, "two"), new Row("a", 3, "one")));

    assertThat(judge.violations())
        .singleElement()
        .extracting(Violation::kind)
        .isEqualTo(Violation.Kind.TWO_WRITERS);
  }

  @Test
  void aNumberThatIsLeftOutIsFound() {
    JournalJudge judge = JournalJudge.of(List.of(new Row("a", 1, "one"), new Row("a", 3, "one")));

    assertThat(judge.violations()).hasSize(1);
  }
}
