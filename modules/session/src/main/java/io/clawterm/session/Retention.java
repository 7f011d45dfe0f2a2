package io.clawterm.session;

import java.time.Instant;

/**
 * How much of a log is kept: what is too large or too old goes, but not before all attached devices
 * have it, unless the log grows beyond its hard limit.
 */
final class Retention {

  private Retention() {}

  /**
   * The first entry that is kept.
   *
   * @param acknowledged the newest number that all attached devices have acknowledged
   */
  static long firstKept(
      SessionSettings settings, SessionState.Extent log, Instant now, long acknowledged) {
    Instant oldest = now.minus(settings.retainFor());
    long first = log.first();
    for (int i = 1; i < log.marks().size(); i++) {
      SessionState.Extent.Mark mark = log.marks().get(i);
      long left = log.bytes() - mark.bytesBefore();
      boolean tooLarge = left >= settings.retainBytes();
      boolean tooOld = mark.at().isBefore(oldest);
      boolean free = mark.number() - 1 <= acknowledged || left >= settings.retainHardBytes();
      if ((tooLarge || tooOld) && free) {
        first = Math.max(first, mark.number());
      }
    }
    return first;
  }
}
