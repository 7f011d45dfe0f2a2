package io.clawterm.node;

import java.io.PrintWriter;
import java.util.Locale;

/** Tells on standard error how far a file is, where that takes longer than two seconds. */
final class TransferProgress {

  private static final long QUIET_NANOS = 2_000_000_000L;

  private final PrintWriter err;
  private final String what;
  private long bytes;
  private long told = System.nanoTime();

  TransferProgress(PrintWriter err, String what) {
    this.err = err;
    this.what = what;
  }

  /** So many bytes more. */
  synchronized void add(long count) {
    bytes += count;
    long now = System.nanoTime();
    if (now - told >= QUIET_NANOS) {
      told = now;
      err.printf(Locale.ROOT, "%s: %.1f MB ...%n", what, bytes / 1e6);
      err.flush();
    }
  }

  synchronized long bytes() {
    return bytes;
  }
}
