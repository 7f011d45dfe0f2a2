package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Some places with the build, all with {@code -Pfaults} or {@code -Dcut.every=1}. */
class CutEverywhereTest {

  private static final int EVERY = Integer.getInteger("cut.every", 15);

  private static final int TLS_STEP = 23;

  @TempDir private Path folder;

  /** With TLS the handshakes are most of the bytes: the step is larger there. */
  @ParameterizedTest(name = "TLS: {0}")
  @ValueSource(booleans = {false, true})
  void aConversationEndsTheSameWhereverItIsCut(boolean encrypted) throws Exception {
    int every = encrypted ? TLS_STEP * EVERY : EVERY;
    CutReport report = CutEverywhere.run(folder, every, Seeds.ofRun(), encrypted);

    System.out.println(report.summary());
    assertThat(report.violations()).as(report.summary()).isEmpty();
    // The last acknowledgements come when they come, so not every conversation reaches its cut.
    assertThat(report.cuts()).isGreaterThan(report.conversations() * 8 / 10);
    assertThat(report.conversations()).isGreaterThan(400 / every);
  }
}
