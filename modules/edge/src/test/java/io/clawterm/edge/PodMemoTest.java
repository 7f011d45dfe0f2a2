package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.api.SessionId;
import io.clawterm.session.TargetMemo;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The memos of pods and programs, as the golden journal of release 0.1 has them. */
class PodMemoTest {

  private static final String OF_0_1 =
      """
      {"keys":"3586763f6b70aa92878adb845e5e186627a2d47d9f5aae340c45675ced9b110341f02e2eb71132b67eba\
      5bd3ddb2e487c1635383aaf2ba8f526991532285473ef3e555f5eb5cf60c781dfa8bcf1aa719f3f1910cdc93cb7d9\
      5e06f1545ff86cc793c56e1afb0599a0a6cb5f6f65049018cf4e9192baad651f1c52214bf","base":0,\
      "session":7,"received":3,"acknowledged":1}\
      """;

  @Test
  void aPodsMemoOfAnEarlierReleaseIsRead() {
    PodMemo memo =
        PodMemo.from(new TargetMemo(OF_0_1, true), new SealedText(new byte[32]), new SessionId(2));

    assertThat(memo)
        .isEqualTo(
            new PodMemo(
                "000102030405060708090a0b0c0d0e0f", 0, 7, "5a".repeat(32), 3, 1, Optional.empty()));
  }

  @Test
  void aProgramsMemoOfAnEarlierReleaseIsRead() {
    assertThat(PtyMemo.from(new TargetMemo("{\"started\":true}", true)).end()).isEmpty();
    assertThat(
            PtyMemo.from(new TargetMemo("{\"started\":true,\"end\":\"exit code 3\"}", true)).end())
        .contains("exit code 3");
  }
}
