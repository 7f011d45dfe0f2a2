package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A node that {@code clawterm up} runs as its own process, with free ports. */
final class RunningNode implements AutoCloseable {

  private static final Duration START = Duration.ofMinutes(2);
  private static final Duration STOP = Duration.ofMinutes(1);

  private final Cli cli;
  private final Process process;
  private final Path out;
  private final Path err;

  private RunningNode(Cli cli, Process process, Path out, Path err) {
    this.cli = cli;
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** Starts a node and waits until it says that it is ready. */
  static RunningNode up(Cli cli, String... options) throws IOException {
    if (!List.of(options).contains("--database")) {
      cli.lendPostgres();
    }
    return upAsItIs(cli, options);
  }

  /** The same where nothing has been prepared for it, as on a machine that is new to it. */
  static RunningNode upAsItIs(Cli cli, String... options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(options));
    for (String port : List.of("--port", "--http", "--management")) {
      if (!arguments.contains(port)) {
        arguments.addAll(List.of(port, "0"));
      }
    }
    RunningNode node = begin(cli, arguments.toArray(String[]::new));
    node.awaitReady();
    return node;
  }

  /** Starts a node with these options alone, and does not wait for it. */
  static RunningNode begin(Cli cli, String... options) throws IOException {
    Path out = Files.createTempFile(cli.home(), "up", ".out");
    Path err = Files.createTempFile(cli.home(), "up", ".err");
    List<String> arguments = new ArrayList<>(List.of("up"));
    arguments.addAll(List.of(options));
    Process process = cli.start(out, err, arguments.toArray(String[]::new));
    return new RunningNode(cli, process, out, err);
  }

  /** Waits until it says that it is ready. */
  void awaitReady() {
    await()
        .atMost(START)
        .pollInterval(Duration.ofMillis(100))
        .until(() -> isReady() || !process.isAlive());
    assertThat(process.isAlive()).as("%s%n%s", said(), complained()).isTrue();
  }

  boolean isReady() {
    return said().contains("Ctrl-C stops the server");
  }

  Cli cli() {
    return cli;
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  String said() {
    return read(out);
  }

  String complained() {
    return read(err);
  }

  /** How many lines of its log hold this. */
  long logged(String text) {
    Path log = cli.data().resolve("logs").resolve("clawterm.log");
    return Files.exists(log) ? read(log).lines().filter(line -> line.contains(text)).count() : 0;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the node tells the command line about itself. */
  JsonNode file() throws IOException {
    return new ObjectMapper().readTree(cli.data().resolve("run/node.json").toFile());
  }

  String token() throws IOException {
    return Files.readString(cli.data().resolve("token")).strip();
  }

  /** The process of its embedded database; empty once that has ended. */
  Optional<Long> databasePid() throws IOException {
    try (var files = Files.walk(cli.data().resolve("postgres"))) {
      Optional<Path> file = files.filter(path -> path.endsWith("postmaster.pid")).findFirst();
      return file.isEmpty()
          ? Optional.empty()
          : Optional.of(Long.parseLong(Files.readAllLines(file.get()).getFirst().strip()));
    }
  }

  /** As {@code kill} does; the exit code. */
  int terminate() throws InterruptedException {
    process.destroy();
    return ended();
  }

  int ended() throws InterruptedException {
    assertThat(process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)).as("the node ended").isTrue();
    return process.exitValue();
  }

  /** As {@code kill -9} does. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  @Override
  public void close() {
    process.destroy();
    process
        .onExit()
        .completeOnTimeout(process, STOP.toSeconds(), TimeUnit.SECONDS)
        .thenAccept(Process::destroyForcibly)
        .join();
  }
}
