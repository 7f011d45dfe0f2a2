package io.clawterm.load;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A part of a benchmark in a process of its own: it takes a line on its standard input and answers
 * with a line on its standard output; it ends when its input ends.
 */
final class BenchProcess implements AutoCloseable {

  /** Ticks a second in /proc, the same on each Linux. */
  private static final double TICKS = 100;

  private static final int USER_TIME = 11;
  private static final int SYSTEM_TIME = 12;

  private final Process process;
  private final BufferedReader out;
  private final PrintWriter in;

  private BenchProcess(Process process) {
    this.process = process;
    this.out = process.inputReader(StandardCharsets.UTF_8);
    this.in = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
  }

  /** Starts a main class with the options with which {@code ./clawterm up} starts a node. */
  static BenchProcess java(Class<?> main, List<String> options, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx2g",
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-XX:+UseCompactObjectHeaders",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Dlogback.configurationFile=bench-logback.xml"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return of(command);
  }

  static BenchProcess of(List<String> command) throws IOException {
    var builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    return new BenchProcess(builder.start());
  }

  /** The next line that the process prints. */
  String read() throws IOException {
    String line = out.readLine();
    if (line == null) {
      throw new IOException("the process has ended: " + process);
    }
    return line;
  }

  /** Sends a line and waits for the answer; its words. */
  String[] ask(String line) throws IOException {
    in.println(line);
    return read().split(" ", -1);
  }

  /** The CPU time that the process has used so far, user and system, in seconds. */
  double cpuSeconds() throws IOException {
    String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(fields[USER_TIME]) + Long.parseLong(fields[SYSTEM_TIME])) / TICKS;
  }

  @Override
  public void close() {
    in.close();
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }
}
