package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The command line as its own process, from the class path of the tests. */
record Cli(Path home, Map<String, String> environment, List<String> prefix) {

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** What a command has left. */
  record Result(int code, String out, String err) {
    Result succeeded() {
      assertThat(code).as("%s%n%s", out, err).isZero();
      return this;
    }
  }

  static Cli in(Path home) {
    return new Cli(home, Map.of(), List.of());
  }

  /** The same with one more variable. */
  Cli with(String name, String value) {
    var more = new HashMap<>(environment);
    more.put(name, value);
    return new Cli(home, more, prefix);
  }

  Path data() {
    return home.resolve("data");
  }

  Result run(String... arguments) throws Exception {
    return runWith("", arguments);
  }

  Result runWith(String input, String... arguments) throws Exception {
    Path out = Files.createTempFile(home, "out", ".txt");
    Path err = Files.createTempFile(home, "err", ".txt");
    Process process = start(out, err, arguments);
    try (var stdin = process.getOutputStream()) {
      stdin.write(input.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      assertThat(process.waitFor()).as("ended without reading").isNotZero();
    }
    try {
      assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS))
          .as("%s ended", List.of(arguments))
          .isTrue();
    } finally {
      process.destroyForcibly();
    }
    return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  Process start(Path out, Path err, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-Xshare:auto",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED"));
    if (Runtime.version().feature() >= 24) {
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    command.addAll(
        List.of(
            "-Duser.home=" + home,
            "-cp",
            environment.getOrDefault("CLASSPATH", System.getProperty("java.class.path")),
            "io.clawterm.node.Main"));
    command.addAll(List.of(arguments));
    var builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    Map<String, String> variables = builder.environment();
    variables
        .keySet()
        .removeIf(name ->
            name.startsWith("CLAWTERM")
                || name.startsWith("OPENAI")
                || name.startsWith("ANTHROPIC"));
    variables.put("HOME", home.toString());
    variables.put("OLLAMA_HOST", "127.0.0.1:9"); // nothing answers there
    variables.put("CLAWTERM_DATA", data().toString());
    variables.putAll(environment);
    return builder.start();
  }
}
