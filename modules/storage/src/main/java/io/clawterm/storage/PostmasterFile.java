package io.clawterm.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a running server says of itself in {@code postmaster.pid}; an ended one may have left it.
 *
 * <p>The lines are: process id, data folder, start in seconds, port, socket folder, address, shared
 * memory, state. The last ones are written as the start goes on.
 *
 * @param port 0 as long as it isn't written
 * @param state {@code starting}, {@code ready}, {@code stopping}; empty as long as it isn't written
 */
record PostmasterFile(long pid, Instant started, int port, String state) {

  static final String NAME = "postmaster.pid";

  private static final int LINES = 8;
  private static final Duration CLOCK_STEP = Duration.ofMinutes(1);

  /** The file of a data folder, if there is one with at least the first lines. */
  static Optional<PostmasterFile> in(Path data) throws IOException {
    List<String> lines;
    try {
      lines = Files.readAllLines(data.resolve(NAME));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    try {
      return lines.size() < 3 ? Optional.empty() : Optional.of(from(lines));
    } catch (NumberFormatException e) {
      return Optional.empty(); // damaged, which is as good as not there
    }
  }

  private static PostmasterFile from(List<String> lines) {
    return new PostmasterFile(
        Math.abs(Long.parseLong(lines.get(0).strip())),
        Instant.ofEpochSecond(Long.parseLong(lines.get(2).strip())),
        lines.size() > 3 ? Integer.parseInt(lines.get(3).strip()) : 0,
        lines.size() >= LINES ? lines.get(LINES - 1).strip() : "");
  }

  boolean isReady() {
    return state.equals("ready");
  }

  /**
   * Whether the server that wrote this still runs. Another process may have its id by now; and in a
   * container without an init process a killed server stays a zombie, which PostgreSQL itself would
   * take for alive.
   */
  boolean isRunning() {
    Optional<ProcessHandle> process = ProcessHandle.of(pid).filter(ProcessHandle::isAlive);
    if (process.isEmpty() || isZombie()) {
      return false;
    }
    ProcessHandle.Info info = process.get().info();
    Optional<String> program = info.command();
    if (program.isPresent()) {
      return String.valueOf(Path.of(program.get()).getFileName()).startsWith("postgres");
    }
    return info.startInstant().stream()
        .allMatch(start -> Duration.between(start, started).abs().compareTo(CLOCK_STEP) < 0);
  }

  private boolean isZombie() {
    try {
      String stat = Files.readString(Path.of("/proc", String.valueOf(pid), "stat"));
      return stat.startsWith(" Z", stat.lastIndexOf(')') + 1);
    } catch (IOException e) {
      return false; // no /proc on this system, or gone since: the next look tells
    }
  }
}
