package io.clawterm.client;

import io.clawterm.protocol.Mode;
import io.clawterm.protocol.TerminalSize;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What differs from before when a session is resumed; what is absent stays as it was.
 *
 * @param after the last output number that the application holds. For an application that stores
 *     its own position together with its own effects; 0 gives the whole conversation again
 */
public record ResumeOptions(
    OptionalLong after,
    Optional<Mode> mode,
    Optional<Boolean> events,
    Optional<TerminalSize> size) {

  /** All as it was. */
  public static ResumeOptions asBefore() {
    return new ResumeOptions(
        OptionalLong.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /** The same, but with the output after this number. */
  public ResumeOptions withAfter(long number) {
    return new ResumeOptions(OptionalLong.of(number), mode, events, size);
  }

  /** The same with another way of joining. */
  public ResumeOptions withMode(Mode joining) {
    return new ResumeOptions(after, Optional.of(joining), events, size);
  }

  /** The same with or without structured entries. */
  public ResumeOptions withEvents(boolean structured) {
    return new ResumeOptions(after, mode, Optional.of(structured), size);
  }

  /** The same with the size of a terminal. */
  public ResumeOptions withSize(int columns, int rows) {
    return new ResumeOptions(after, mode, events, Optional.of(new TerminalSize(columns, rows)));
  }
}
