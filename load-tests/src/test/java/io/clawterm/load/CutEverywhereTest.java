package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.Seeds;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Some places with the build, all with {@code -Pfaults} or {@code -Dcut.every=1}. */
class CutEverywhereTest {

  private static final int EVERY = Integer.getInteger("cut.every", 9);

  @TempDir private Path folder;

  @Test
  void aConversationEndsTheSameWhereverItIsCut() throws Exception {
    CutReport report = CutEverywhere.run(folder, EVERY, Seeds.ofRun());

    System.out.println(report.summary());
    assertThat(report.violations()).as(report.summary()).isEmpty();
    // The last acknowledgements come when they come, so not every conversation reaches its cut.
    assertThat(report.cuts()).isGreaterThan(report.conversations() * 8 / 10);
    assertThat(report.conversations()).isGreaterThan(400 / EVERY);
  }
}
