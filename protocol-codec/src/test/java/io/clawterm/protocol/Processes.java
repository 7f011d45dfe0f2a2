package io.clawterm.protocol;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs outside of the JVM that a test runs. */
final class Processes {
  private static final long LIMIT_SECONDS = 60;

  private Processes() {}

  /** Aborts the test, loudly, where a program isn't installed: the only thing that may be amiss. */
  static void need(String program) {
    String path = System.getenv().getOrDefault("PATH", "");
    boolean found =
        Arrays.stream(path.split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    if (!found) {
      abort(
          "NOT TESTED: " + program + " is not installed, so nothing is known about what needs it");
    }
  }

  /** What a program wrote, to both its outputs, and how it ended. */
  record Result(int exit, String output, String errors) {}

  /** Runs a program in a folder, with this as its input. */
  static Result run(Path folder, String input, List<String> command) {
    try {
      Path given = Files.writeString(Files.createTempFile(folder, "in", ".txt"), input);
      Path output = Files.createTempFile(folder, "out", ".txt");
      Path errors = Files.createTempFile(folder, "err", ".txt");
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectInput(given.toFile())
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(command + " ran for more than " + LIMIT_SECONDS + " s");
      }
      return new Result(
          process.exitValue(),
          Files.readString(output, StandardCharsets.UTF_8),
          Files.readString(errors, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(command + " was interrupted", e);
    }
  }
}
