package io.clawterm.protocol;

/** The size of a device's terminal in characters, 0 to 65,535 each: the field TERMINAL_SIZE. */
public record TerminalSize(int columns, int rows) {
  public TerminalSize {
    if (columns < 0 || columns > 0xFFFF || rows < 0 || rows > 0xFFFF) {
      throw new IllegalArgumentException(
          "columns and rows must be 0 to 65535, are " + columns + " and " + rows);
    }
  }
}
