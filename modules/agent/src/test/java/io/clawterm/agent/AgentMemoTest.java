package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.session.TargetMemo;
import io.clawterm.telemetry.TraceContext;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What an agent leaves to its next life. */
class AgentMemoTest {

  private static final AgentMemo FULL =
      new AgentMemo(
          7,
          2,
          Optional.of(new TraceContext("00-a")),
          Optional.of(new AgentMemo.Context(5, 1_000)));

  @Test
  void aMemoIsReadAsItWasWritten() {
    var memo = new AgentMemo(1L << 40, 3);

    assertThat(AgentMemo.of(Optional.of(memo.toTargetMemo()))).isEqualTo(memo);
    assertThat(memo.toTargetMemo().open()).isTrue();
  }

  @Test
  void withoutARunNothingIsOpen() {
    assertThat(new AgentMemo(7, 0).toTargetMemo().open()).isFalse();
    assertThat(AgentMemo.of(Optional.empty())).isEqualTo(new AgentMemo(1, 0));
  }

  @Test
  void aDamagedMemoIsNoMemo() {
    assertThatThrownBy(() -> AgentMemo.of(Optional.of(new TargetMemo("{", true))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theFormInTheJournalIsFixed() {
    assertThat(new AgentMemo(7, 2).toTargetMemo().json())
        .isEqualTo("{\"readFrom\":7,\"attempt\":2}");
    assertThat(FULL.toTargetMemo().json())
        .isEqualTo(
            "{\"readFrom\":7,\"attempt\":2,\"trace\":\"00-a\",\"contextFrom\":5,"
                + "\"contextChars\":1000}");
  }

  @Test
  void aFullMemoIsReadAsItWasWritten() {
    assertThat(AgentMemo.of(Optional.of(FULL.toTargetMemo()))).isEqualTo(FULL);
  }

  @Test
  void aLifeReadsItsConversationAndNoMore() {
    assertThat(FULL.firstToRead(900, 500, 1_000)).isEqualTo(7); // the open run, far back
    assertThat(at(800).firstToRead(900, 500, 1_000)).isEqualTo(600);
    assertThat(at(500).firstToRead(900, 500, 1_000)).isEqualTo(500);
    assertThat(at(800).firstToRead(900, 200, 1_000)).isEqualTo(700);
  }

  @Test
  void whereTheConversationMayBeLongerAllIsRead() {
    assertThat(at(800).firstToRead(900, 500, 2_000)).isEqualTo(400);
    assertThat(new AgentMemo(800, 0).firstToRead(900, 500, 1_000)).isEqualTo(400);
    assertThat(new AgentMemo(8, 0).firstToRead(9, 500, 1_000)).isEqualTo(1);
  }

  private static AgentMemo at(long readFrom) {
    return new AgentMemo(
        readFrom, 0, Optional.empty(), Optional.of(new AgentMemo.Context(600, 1_000)));
  }
}
