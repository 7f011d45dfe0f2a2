package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ResumeTokensTest {

  private static final SessionId SESSION = new SessionId(7);
  private static final Principal OWNER = new Principal("acme", "ann");

  private final ResumeTokens tokens = new ResumeTokens(key(1));
  private final byte[] token = tokens.issue(SESSION, OWNER, "laptop", 42);

  @Test
  void aTokenGivesItsGenerationBack() {
    assertThat(token).hasSize(ResumeTokens.LENGTH);
    assertThat(tokens.verify(SESSION, OWNER, "laptop", token)).hasValue(42);
  }

  @Test
  void aTokenIsGoodForExactlyWhatItWasMadeFor() {
    assertThat(tokens.verify(new SessionId(8), OWNER, "laptop", token)).isEmpty();
    assertThat(tokens.verify(SESSION, new Principal("acme", "eve"), "laptop", token)).isEmpty();
    assertThat(tokens.verify(SESSION, new Principal("evil", "ann"), "laptop", token)).isEmpty();
    assertThat(tokens.verify(SESSION, OWNER, "phone", token)).isEmpty();
    assertThat(new ResumeTokens(key(2)).verify(SESSION, OWNER, "laptop", token)).isEmpty();
  }

  @Test
  void eachChangedBitIsNoticed() {
    for (int bit = 0; bit < token.length * 8; bit++) {
      byte[] changed = token.clone();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      assertThat(tokens.verify(SESSION, OWNER, "laptop", changed)).as("bit %d", bit).isEmpty();
    }
  }

  @Test
  void anotherLengthIsNoToken() {
    assertThat(tokens.verify(SESSION, OWNER, "laptop", new byte[0])).isEmpty();
    assertThat(tokens.verify(SESSION, OWNER, "laptop", Arrays.copyOf(token, 31))).isEmpty();
    assertThat(tokens.verify(SESSION, OWNER, "laptop", Arrays.copyOf(token, 33))).isEmpty();
  }

  @Test
  void aShortKeyIsRefused() {
    assertThatThrownBy(() -> new ResumeTokens(new byte[31]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static byte[] key(int fill) {
    byte[] key = new byte[32];
    Arrays.fill(key, (byte) fill);
    return key;
  }
}
