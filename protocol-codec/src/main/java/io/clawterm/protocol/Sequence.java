package io.clawterm.protocol;

/**
 * The numbers of DATA frames: 64 bits for the life of a session, of which the wire carries the low
 * 32 (section "Sequence numbers").
 */
public final class Sequence {
  private static final long SPAN = 1L << 32;

  private Sequence() {}

  /**
   * The number nearest to {@code near} whose low 32 bits are {@code wire} (RFC 1982). Of two that
   * are equally near it is the lower one. Never below 0: with {@code near} 5 the wire's 0xFFFFFFFF
   * is a frame far ahead, a gap, not a number before the first, which a receiver would drop as
   * already known.
   *
   * @param near a number of which the receiver knows that it is near, such as the highest received;
   *     0 or above
   */
  public static long extend(long near, int wire) {
    long extended = near + (wire - (int) near);
    return extended < 0 ? extended + SPAN : extended;
  }

  /** What the wire carries of a number: its low 32 bits. */
  public static int wire(long number) {
    return (int) number;
  }
}
