package io.clawterm.protocol;

import org.jspecify.annotations.Nullable;

/** How a device joins a session that other devices may have: the field MODE. */
public enum Mode {
  /** Other devices are detached with reason TAKEN_OVER. */
  TAKE_OVER(0),
  /** All attached devices see all. */
  SHARE(1),
  /** Reads only. */
  WATCH(2);

  private final int value;

  Mode(int value) {
    this.value = value;
  }

  /** The value on the wire. */
  public int value() {
    return value;
  }

  /** The mode with this value on the wire, or null where there is none. */
  public static @Nullable Mode of(int value) {
    return switch (value) {
      case 0 -> TAKE_OVER;
      case 1 -> SHARE;
      case 2 -> WATCH;
      default -> null;
    };
  }
}
