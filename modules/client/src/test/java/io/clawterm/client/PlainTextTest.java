package io.clawterm.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PlainTextTest {

  @Test
  void controlCharactersAreRemovedButLineFeedAndTab() {
    assertThat(PlainText.of("a\u001b[2Jb\u0007c\u009b1md\r\n\te\u007f\u0000"))
        .isEqualTo("a[2Jbc1md\n\te");
  }

  @Test
  void marksThatReverseTheOrderAreRemovedAndLettersOfAllScriptsStay() {
    assertThat(PlainText.of("a\u202Eb\u2066c \u05E9\u05DC\u05D5\u05DD \uD83D\uDE00"))
        .isEqualTo("abc \u05E9\u05DC\u05D5\u05DD \uD83D\uDE00");
  }
}
