package io.clawterm.client;

import java.io.PrintWriter;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * What a person sees: streamed text, whole lines, and one line of connection state that replaces
 * itself. Text given to it must be harmless already.
 */
final class Screen {
  private static final String DIM = "\u001b[2m";
  private static final String RED = "\u001b[31m";
  private static final String PLAIN = "\u001b[0m";
  private static final String CLEAR_LINE = "\r\u001b[K";

  private final ReentrantLock lock = new ReentrantLock();
  private final PrintWriter out;
  private final PrintWriter asides;
  private final boolean ansi;
  private final String lineEnd;

  /** Takes a whole line where a prompt is on screen; false where none is. */
  private final Predicate<String> abovePrompt;

  private final StringBuilder waiting = new StringBuilder();
  private boolean lineStart = true;
  private boolean statusShown;

  private Screen(
      PrintWriter out,
      PrintWriter asides,
      boolean ansi,
      String lineEnd,
      Predicate<String> abovePrompt) {
    this.out = out;
    this.asides = asides;
    this.ansi = ansi;
    this.lineEnd = lineEnd;
    this.abovePrompt = abovePrompt;
  }

  /** A terminal, with a prompt on it at times. */
  static Screen terminal(PrintWriter out, boolean ansi, Predicate<String> abovePrompt) {
    return new Screen(out, out, ansi, "\n", abovePrompt);
  }

  /** A terminal in raw mode, where a line feed doesn't return. */
  static Screen raw(PrintWriter out, boolean ansi) {
    return new Screen(out, out, ansi, "\r\n", line -> false);
  }

  /** Pipes: text to one, everything else to the other. */
  static Screen pipes(PrintWriter out, PrintWriter asides) {
    return new Screen(out, asides, false, "\n", line -> false);
  }

  /** Goes on with streamed text. */
  void text(String text) {
    locked(() -> {
      if (text.isEmpty()) {
        return;
      }
      clearStatus();
      waiting.append(text);
      if (!abovePrompt.test("")) {
        write(out, waiting.toString());
        waiting.setLength(0);
        return;
      }
      // Above a prompt there is room for whole lines only; the rest waits for its end.
      int end = waiting.lastIndexOf("\n");
      if (end >= 0 && abovePrompt.test(waiting.substring(0, end))) {
        waiting.delete(0, end + 1);
      }
    });
  }

  /** Ends a line that streamed text has left open. */
  void endText() {
    locked(() -> {
      if (!waiting.isEmpty()) {
        String rest = waiting.toString();
        waiting.setLength(0);
        if (!abovePrompt.test(rest)) {
          write(out, rest);
        }
      }
      if (!lineStart) {
        write(out, lineEnd);
      }
    });
  }

  /** A line of its own that is less important than the text. */
  void dim(String line) {
    aside(ansi ? DIM + line + PLAIN : line);
  }

  /** A line of its own that must not be overlooked. */
  void error(String line) {
    aside(ansi ? RED + line + PLAIN : line);
  }

  private void aside(String line) {
    endText();
    locked(() -> {
      clearStatus();
      if (!abovePrompt.test(line)) {
        asides.print(line + lineEnd);
        asides.flush();
      }
    });
  }

  /** The state of the connection; where the screen can, it replaces the one before. */
  void status(String line, boolean last) {
    endText();
    locked(() -> {
      if (abovePrompt.test(ansi ? DIM + line + PLAIN : line)) {
        return;
      }
      asides.print(ansi ? CLEAR_LINE + DIM + line + PLAIN : line + lineEnd);
      if (ansi && last) {
        asides.print(lineEnd);
      }
      asides.flush();
      statusShown = ansi && !last;
    });
  }

  private void clearStatus() {
    if (statusShown) {
      asides.print(CLEAR_LINE);
      asides.flush();
      statusShown = false;
    }
  }

  private void write(PrintWriter to, String text) {
    to.print(text);
    to.flush();
    lineStart = text.endsWith("\n");
  }

  private void locked(Runnable change) {
    lock.lock();
    try {
      change.run();
    } finally {
      lock.unlock();
    }
  }

  /** What a listener shows of a connection's events. */
  Consumer<ConnectionEvent> connectionEvents() {
    return event -> {
      switch (event) {
        case ConnectionEvent.Opened opened -> {}
        case ConnectionEvent.Lost lost ->
            status(PlainText.of(lost.reason()) + ", reconnecting in " + seconds(lost) + "…", false);
        case ConnectionEvent.Resumed resumed ->
            status(
                resumed.replayed() == 0
                    ? "connected"
                    : "connected, "
                        + resumed.replayed()
                        + (resumed.replayed() == 1 ? " entry" : " entries")
                        + " replayed",
                true);
        case ConnectionEvent.Over over -> {}
      }
    };
  }

  private static String seconds(ConnectionEvent.Lost lost) {
    long millis = lost.retryIn().toMillis();
    return millis < 1_000 ? millis + " ms" : (millis + 500) / 1_000 + " s";
  }
}
