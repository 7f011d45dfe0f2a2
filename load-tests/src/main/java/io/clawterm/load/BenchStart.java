package io.clawterm.load;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The time from {@code ./clawterm up} to the line that says that it is ready, with the archive that
 * the script makes and without, by turns. The data folder is there, the files have been read.
 *
 * <p>Argument: starts of each kind. The working directory is that of the script.
 */
final class BenchStart {

  private static final double TARGET_SECONDS = 3;
  private static final Duration ARCHIVE_LIMIT = Duration.ofMinutes(3);
  private static final long LOOK_MS = 100;

  private BenchStart() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int starts = Integer.parseInt(args[0]);
    Path folder = Files.createTempDirectory("clawterm-bench");
    try {
      Path archive = Files.createDirectory(folder.resolve("archive"));
      Path none = Files.createDirectory(folder.resolve("none"));
      Path data = folder.resolve("data");
      Map<String, String> with = Map.of("CLAWTERM_ARCHIVE_DIR", archive.toString());
      Map<String, String> without =
          Map.of("CLAWTERM_ARCHIVE_DIR", none.toString(), "CLAWTERM_NO_ARCHIVE", "1");
      BenchReport.title("start: ./clawterm up to its ready line");
      BenchReport.line(
          String.format(
              Locale.ROOT, "the first time of all (makes the database) %.2f s", start(data, with)));
      BenchReport.line(
          String.format(Locale.ROOT, "then the archive is made for %.1f s", awaitArchive(archive)));
      start(data, without);
      double[] fast = new double[starts];
      double[] slow = new double[starts];
      for (int i = 0; i < starts; i++) {
        fast[i] = start(data, with);
        slow[i] = start(data, without);
      }
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "with the archive %.2f s (%.2f to %.2f)  without %.2f s (%.2f to %.2f)  ratio %.2f",
              BenchReport.median(fast),
              BenchReport.percentile(0, fast),
              BenchReport.percentile(100, fast),
              BenchReport.median(slow),
              BenchReport.percentile(0, slow),
              BenchReport.percentile(100, slow),
              BenchReport.median(fast) / BenchReport.median(slow)));
      BenchReport.target("start", BenchReport.median(fast), "<=", TARGET_SECONDS, "s");
    } finally {
      BenchFiles.delete(folder);
    }
  }

  /** In the background of the first start; the seconds that it goes on. */
  private static double awaitArchive(Path folder) throws IOException, InterruptedException {
    long begin = System.nanoTime();
    while (!isThere(folder)) {
      if (System.nanoTime() - begin > ARCHIVE_LIMIT.toNanos()) {
        throw new IOException("no archive was made in " + folder);
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    return (System.nanoTime() - begin) / 1e9;
  }

  private static boolean isThere(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(file -> file.toString().endsWith(".aot"));
    }
  }

  private static double start(Path data, Map<String, String> environment)
      throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(
            "./clawterm",
            "up",
            "--data",
            data.toString(),
            "--port",
            "0",
            "--http",
            "0",
            "--management",
            "0");
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    long started = System.nanoTime();
    Process process = builder.start();
    List<String> lines = new ArrayList<>();
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
        if (line.contains(" is ready")) {
          return (System.nanoTime() - started) / 1e9;
        }
      }
    } finally {
      process.destroy();
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    throw new IOException("it has ended without being ready: " + String.join("\n", lines));
  }
}
