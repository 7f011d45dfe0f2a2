package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.session.TargetMemo;
import io.clawterm.telemetry.TraceContext;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What an agent leaves to its next life. */
class AgentMemoTest {

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
    assertThat(new AgentMemo(7, 2, Optional.of(new TraceContext("00-a"))).toTargetMemo().json())
        .isEqualTo("{\"readFrom\":7,\"attempt\":2,\"trace\":\"00-a\"}");
  }

  @Test
  void aMemoInATraceIsReadAsItWasWritten() {
    var memo = new AgentMemo(7, 2, Optional.of(new TraceContext("00-a")));

    assertThat(AgentMemo.of(Optional.of(memo.toTargetMemo()))).isEqualTo(memo);
  }
}
