package io.clawterm.storage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A finished run of one of PostgreSQL's programs.
 *
 * @param output what it wrote, both streams
 */
record Command(int exitCode, String output) {

  boolean succeeded() {
    return exitCode == 0;
  }

  /**
   * Runs a program to its end.
   *
   * @throws StorageException when it takes longer than {@code limit}; it is ended then
   */
  static Command run(List<String> command, Path folder, Duration limit) throws IOException {
    Process process = start(command, folder);
    try {
      // Few lines, far below what a pipe holds, so reading can wait for the end.
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new StorageException(command + " did not end within " + limit);
      }
      return new Command(process.exitValue(), outputOf(process));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException("Interrupted while running " + command, e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Starts a program without the settings for PostgreSQL that the user may have for himself. */
  static Process start(List<String> command, Path folder) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
    builder.environment().put("LC_ALL", "C");
    return builder.start();
  }

  static String outputOf(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
  }
}
