package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.testkit.AotCache;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
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
    boolean isNode = List.of(arguments).contains("up");
    if (classPath == null && isNode) {
      command.addAll(Program.IT.archive());
    }
    command.addAll(
        List.of(
            "-Duser.home=" + home,
            "-cp",
            classPath == null ? Program.IT.classPath() : classPath,
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

  /** A first start unpacks its database's programs: seconds, with each of the dozens of nodes. */
  void lendPostgres() throws IOException {
    Path programs = postgres();
    if (Files.notExists(data())) {
      Files.createDirectory(
          data(),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    if (Files.notExists(programs, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectories(programs.getParent());
      Files.createSymbolicLink(programs, Program.IT.postgres());
    }
  }

  /** Where a node has them. */
  Path postgres() {
    return data().resolve("postgres").resolve("bin-" + EmbeddedPostgres.VERSION);
  }

  /**
   * How the program is run: as its launcher does it, from jars and an archive of classes.
   *
   * @param postgres the programs of the embedded database, unpacked
   */
  private record Program(String classPath, List<String> archive, Path postgres) {

    static final String MAIN = "io.clawterm.node.Main";
    static final List<String> OPTIONS = options();
    private static final Path TARGET = Path.of("target").toAbsolutePath();
    static final Program IT = make();

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

    /**
     * The tests start dozens of nodes, each of which would read in its classes anew. They run in
     * two JVMs; the first one makes what both use.
     */
    private static Program make() {
      Path made = TARGET.resolve("cli");
      try (FileChannel file =
              FileChannel.open(
                  Files.createDirectories(made).resolve("lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock lock = file.lock()) {
        assertThat(lock.isValid()).isTrue();
        Path jar = made.resolve("cli.jar");
        Path archive = made.resolve("cli.aot");
        Path stamp = made.resolve("stamp");
        String wanted = stamp();
        boolean there = Files.exists(stamp) && Files.readString(stamp).equals(wanted);
        if (!there) {
          pack(jar);
        }
        String classPath = classPath(jar);
        List<String> options =
            there
                ? AotCache.startingFrom(archive)
                : AotCache.of(archive, OPTIONS, classPath, MAIN, "warm-up");
        if (!options.isEmpty()) {
          Files.writeString(stamp, wanted);
        }
        return new Program(classPath, options, unpacked(made));
      } catch (IOException e) {
        throw new UncheckedIOException("preparing the program", e);
      }
    }

    private static Path unpacked(Path made) {
      EmbeddedPostgresSettings settings = EmbeddedPostgresSettings.forTests();
      Path programs = settings.binariesFolder().orElseThrow();
      if (!Files.exists(programs)) {
        EmbeddedPostgres.start(made.resolve("postgres"), settings).close();
      }
      return programs;
    }

    /** Of what the program is made: each file of the class path with its time. */
    private static String stamp() throws IOException {
      var stamp = new StringBuilder(System.getProperty("java.home"));
      for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
        if (Files.exists(Path.of(entry))) {
          try (Stream<Path> files = Files.walk(Path.of(entry))) {
            for (Path each : files.sorted().toList()) {
              stamp.append('\n').append(each).append(Files.getLastModifiedTime(each));
            }
          }
        }
      }
      return stamp.toString();
    }

    private static void pack(Path jar) {
      int failed =
          ToolProvider.findFirst("jar")
              .orElseThrow()
              .run(
                  System.out,
                  System.err,
                  "--create",
                  "--file=" + jar,
                  "-C",
                  TARGET.resolve("classes").toString(),
                  ".");
      assertThat(failed).isZero();
    }

    /** That of the tests without the tests, and with jars alone, as an archive needs it. */
    private static String classPath(Path jar) {
      return Stream.concat(
              Stream.of(jar.toString()),
              Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                  .filter(entry -> !entry.startsWith(TARGET.toString())))
          .collect(Collectors.joining(File.pathSeparator));
    }
  }
}
