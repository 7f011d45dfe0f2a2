package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.testkit.AotCache;
import java.io.File;
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
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Program.OPTIONS);
    String classPath = environment.get("CLASSPATH");
    if (classPath == null) {
      command.addAll(Program.ARCHIVE);
    }
    command.addAll(
        List.of(
            "-Duser.home=" + home,
            "-cp",
            classPath == null ? Program.CLASS_PATH : classPath,
            Program.MAIN));
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

  /** How the program is run. */
  private static final class Program {

    static final String MAIN = "io.clawterm.node.Main";
    static final List<String> OPTIONS = options();
    static final String CLASS_PATH = classPath();

    /** A test starts dozens of processes, each of which would read in its classes anew. */
    static final List<String> ARCHIVE =
        AotCache.of(
            Path.of("target", "cli.aot").toAbsolutePath(), OPTIONS, CLASS_PATH, MAIN, "warm-up");

    private static List<String> options() {
      List<String> options =
          new ArrayList<>(
              List.of(
                  "-Xmx512m",
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=1",
                  "--enable-native-access=ALL-UNNAMED"));
      if (Runtime.version().feature() >= 24) {
        options.add("--sun-misc-unsafe-memory-access=allow");
      }
      return options;
    }

    /** That of the tests without the tests, and with jars alone, as an archive needs it. */
    private static String classPath() {
      Path jar = Path.of("target", "cli.jar").toAbsolutePath();
      int failed =
          ToolProvider.findFirst("jar")
              .orElseThrow()
              .run(
                  System.out,
                  System.err,
                  "--create",
                  "--file=" + jar,
                  "-C",
                  Path.of("target", "classes").toAbsolutePath().toString(),
                  ".");
      assertThat(failed).isZero();
      String own = Path.of("target").toAbsolutePath().toString();
      return Stream.concat(
              Stream.of(jar.toString()),
              Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                  .filter(entry -> !entry.startsWith(own)))
          .collect(Collectors.joining(File.pathSeparator));
    }
  }
}
