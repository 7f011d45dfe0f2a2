package io.clawterm.client;

/** Text from a model or another person, made harmless for a terminal. */
final class PlainText {
  private PlainText() {}

  /**
   * Without control characters but line feed and tab: an escape sequence could rewrite what a
   * person sees, set the clipboard or answer in the person's name. Also without the marks that
   * reverse the order of letters, which make a command look like another one.
   */
  static String of(String untrusted) {
    var safe = new StringBuilder(untrusted.length());
    untrusted.codePoints().filter(PlainText::isHarmless).forEach(safe::appendCodePoint);
    return safe.toString();
  }

  private static boolean isHarmless(int character) {
    if (character == '\n' || character == '\t') {
      return true;
    }
    boolean reorders =
        (character >= 0x202A && character <= 0x202E)
            || (character >= 0x2066 && character <= 0x2069);
    return !Character.isISOControl(character) && !reorders;
  }
}
