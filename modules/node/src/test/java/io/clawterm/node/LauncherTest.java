package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The script {@code ./clawterm} in a checkout of a few empty files, on a machine of its own: the
 * folders where it looks for JDKs, the tools on its PATH, and JDKs and a Maven that only note how
 * they were called.
 */
class LauncherTest {

  private static final Path SCRIPT = Path.of("../../clawterm");
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final List<String> TOOLS =
      List.of(
          "bash",
          "cat",
          "cksum",
          "cp",
          "cut",
          "dirname",
          "env",
          "find",
          "grep",
          "head",
          "ls",
          "mkdir",
          "mktemp",
          "mv",
          "nice",
          "readlink",
          "rm",
          "sed",
          "sh",
          "sleep",
          "tail",
          "tr");

  @TempDir private Path root;

  private final Map<String, String> environment = new HashMap<>();
  private Path checkout;
  private Path tools;
  private Path jar;
  private Path javaCalls;
  private Path mavenCalls;
  private Path archives;
  private Path scratch;

  /** What the script has left. */
  private record Result(int code, String err, List<String> java) {
    Result succeeded() {
      assertThat(code).as(err).isZero();
      return this;
    }

    /** The JDK that was started last. */
    String jdk() {
      return java.getLast().replaceAll("/bin/java .*", "").replaceAll(".*/", "");
    }
  }

  @BeforeEach
  void makeMachine() throws IOException {
    checkout = Files.createDirectory(root.resolve("checkout"));
    tools = Files.createDirectory(root.resolve("tools"));
    archives = root.resolve("archives");
    javaCalls = root.resolve("java-calls");
    mavenCalls = root.resolve("maven-calls");
    jar = checkout.resolve("modules/node/target/clawterm/lib/clawterm-node.jar");
    for (String tool : TOOLS) {
      Path real =
          Stream.of("/usr/bin", "/bin")
              .map(folder -> Path.of(folder, tool))
              .filter(Files::exists)
              .findFirst()
              .orElseThrow();
      executable(tools.resolve(tool), "#!/bin/sh\nexec " + real + " \"$@\"\n");
    }
    String script = Files.readString(SCRIPT);
    assertThat(script).contains(" /usr/lib/jvm/* /usr/java/* /opt/*jdk* /opt/java/* ");
    executable(
        checkout.resolve("clawterm"),
        script.replaceAll("(?<=[ ])/(usr|opt|Library)/", root + "/machine/$1/"));
    source("pom.xml");
    source("modules/node/pom.xml");
    source("modules/node/src/main/java/Main.java");
    source("modules/node/src/test/java/MainTest.java");
    environment.put("PATH", tools.toString());
    environment.put("HOME", Files.createDirectory(root.resolve("home")).toString());
    environment.put("CLAWTERM_ARCHIVE_DIR", archives.toString());
    scratch = Files.createDirectory(root.resolve("scratch"));
    environment.put("TMPDIR", scratch.toString());
  }

  private void source(String name) throws IOException {
    Path file = checkout.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "");
    // The folders as well count as changed when something in them is.
    FileTime past = FileTime.from(Instant.now().minusSeconds(3_600));
    Files.setLastModifiedTime(file, past);
    for (Path folder = file.getParent();
        folder != null && !folder.equals(checkout);
        folder = folder.getParent()) {
      Files.setLastModifiedTime(folder, past);
    }
  }

  private static void executable(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** A JDK that notes its calls, and makes an archive where it is told to. */
  private Path jdk(String name, String version) throws IOException {
    Path home = root.resolve(name);
    executable(
        home.resolve("bin/java"),
        """
        #!/usr/bin/env bash
        echo "$0 $*" >>%s
        for each in "$@"; do
          case $each in -XX:AOTCacheOutput=*) echo archive >"${each#*=}" ;; esac
        done
        """
            .formatted(javaCalls));
    executable(home.resolve("bin/javac"), "#!/usr/bin/env bash\n");
    Files.writeString(
        home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  /** A JDK in one of the usual folders of the machine. */
  private Path usual(String name, String version) throws IOException {
    return jdk("machine/usr/lib/jvm/" + name, version);
  }

  /** A Maven that writes the jar over, after these commands. */
  private void maven(String before) throws IOException {
    executable(
        tools.resolve("mvn"),
        """
        #!/usr/bin/env bash
        echo "$JAVA_HOME $*" >>%s
        echo '[INFO] Building ClawTerm: the node 0.1.0-SNAPSHOT'
        %s
        mkdir -p %s
        echo new >%s
        """
            .formatted(mavenCalls, before, jar.getParent(), jar));
  }

  private void built() throws IOException {
    Files.createDirectories(jar.getParent());
    Files.writeString(jar, "old");
    Files.writeString(jar.resolveSibling("other.jar"), "other");
  }

  private Process start(Path output, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(checkout.resolve("clawterm").toString()));
    command.addAll(Arrays.asList(arguments));
    var builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
  }

  private Result run(String... arguments) throws Exception {
    Path err = Files.createTempFile(root, "run", ".err");
    int code = ended(start(err, arguments));
    return new Result(code, Files.readString(err), lines(javaCalls));
  }

  private static int ended(Process process) throws InterruptedException {
    try {
      assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  @Test
  void theNewestOfTheUsualFoldersIsTaken() throws Exception {
    built();
    usual("jdk-21", "21.0.5");
    usual("jdk-25", "25.0.1");
    usual("jdk-8", "1.8.0_402");

    assertThat(run("version").succeeded().jdk()).isEqualTo("jdk-25");
  }

  @Test
  void anOldJavaHomeIsPassedOver() throws Exception {
    built();
    usual("jdk-21", "21.0.5");
    environment.put("JAVA_HOME", jdk("mine", "17.0.12").toString());

    assertThat(run("version").succeeded().jdk()).isEqualTo("jdk-21");
  }

  @Test
  void javaHomeComesBeforeNewerOnesAndClawTermsOwnBeforeThat() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    environment.put("JAVA_HOME", jdk("mine", "22.0.2").toString());
    String javaHome = run("version").succeeded().jdk();
    environment.put("CLAWTERM_JAVA_HOME", jdk("clawterms", "21.0.5").toString());
    String own = run("version").succeeded().jdk();

    assertThat(javaHome).isEqualTo("mine");
    assertThat(own).isEqualTo("clawterms");
  }

  @Test
  void theJavaOnThePathIsFoundBehindItsLink() throws Exception {
    built();
    Files.createSymbolicLink(tools.resolve("java"), jdk("somewhere", "24").resolve("bin/java"));

    assertThat(run("version").succeeded().jdk()).isEqualTo("somewhere");
  }

  @Test
  void withoutAJdkItSaysWhatToDo() throws Exception {
    built();
    usual("jdk-17", "17.0.12");

    Result none = run("version");

    assertThat(none.code()).isEqualTo(1);
    assertThat(none.err()).contains("no JDK of 21 or later").contains("JAVA_HOME");
    assertThat(none.java()).isEmpty();
  }

  @Test
  void whereHomeIsNotSetItRunsAllTheSame() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    environment.remove("HOME");

    assertThat(prepared(run("up").succeeded()).err()).doesNotContain("unbound");
  }

  @Test
  void theFirstUseBuildsAndTheSecondDoesNot() throws Exception {
    Path jdk = usual("jdk-25", "25.0.1");
    maven("");

    Result first = run("version").succeeded();
    Result second = run("version", "--json").succeeded();

    assertThat(first.err()).contains("First use").contains("Built in");
    assertThat(lines(mavenCalls))
        .containsExactly(
            jdk
                + " -B -Dmaven.test.skip=true -Dexec.skip -Dcyclonedx.skip -pl modules/node -am"
                + " package");
    assertThat(second.err()).isEmpty();
    assertThat(second.java())
        .hasSize(2)
        .last()
        .asString()
        .endsWith("-cp " + jar + " io.clawterm.node.Main version --json");
  }

  @Test
  void aBuildThatFailsIsShownWithItsErrors() throws Exception {
    usual("jdk-25", "25.0.1");
    maven("echo '[ERROR] no such symbol'; exit 1");

    Result failed = run("version");

    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.err())
        .contains("[ERROR] no such symbol")
        .contains(checkout.resolve("target/build.log").toString());
    assertThat(failed.java()).isEmpty();
  }

  @Test
  void withoutMavenItSaysWhatToDo() throws Exception {
    usual("jdk-25", "25.0.1");

    Result none = run("up");

    assertThat(none.code()).isEqualTo(1);
    assertThat(none.err()).contains("Maven 3.8.7 or later").contains("apt install maven");
  }

  @Test
  void aChangedSourceIsBuiltOnceAndATestIsNot() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    maven("");
    Path test = checkout.resolve("modules/node/src/test/java/MainTest.java");
    Files.setLastModifiedTime(test, FileTime.from(Instant.now().plusSeconds(5)));
    run("version").succeeded();
    assertThat(lines(mavenCalls)).isEmpty();

    Path main = checkout.resolve("modules/node/src/main/java/Main.java");
    Files.setLastModifiedTime(jar, FileTime.from(Instant.now().minusSeconds(60)));
    Files.setLastModifiedTime(main, FileTime.from(Instant.now().minusSeconds(30)));
    Result changed = run("version").succeeded();
    run("version").succeeded();

    assertThat(changed.err()).contains("The sources have changed");
    assertThat(lines(mavenCalls)).hasSize(1);
  }

  @Test
  void aPomThatIsNewerIsBuiltUnlessThatIsLeftOut() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    maven("");
    Files.setLastModifiedTime(jar, FileTime.from(Instant.now().minusSeconds(60)));
    Files.setLastModifiedTime(
        checkout.resolve("modules/node/pom.xml"), FileTime.from(Instant.now().minusSeconds(30)));
    environment.put("CLAWTERM_NO_BUILD", "1");
    run("version").succeeded();
    assertThat(lines(mavenCalls)).isEmpty();

    environment.remove("CLAWTERM_NO_BUILD");
    run("version").succeeded();

    assertThat(lines(mavenCalls)).hasSize(1);
  }

  @Test
  void whatIsBuiltRunsOnWhereItCannotBeBuiltAnew() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    Files.setLastModifiedTime(jar, FileTime.from(Instant.now().minusSeconds(7_200)));

    Result old = run("version").succeeded();

    assertThat(old.err()).contains("The sources are newer").contains("Maven 3.8.7");
    assertThat(old.java()).hasSize(1);
  }

  @Test
  void aProgramThatRunsKeepsItsFilesWhileTheyAreBuiltAnew() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    maven("");
    Files.setLastModifiedTime(jar, FileTime.from(Instant.now().minusSeconds(7_200)));
    try (InputStream held = Files.newInputStream(jar)) {
      run("version").succeeded();

      assertThat(new String(held.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo("old");
    }
    assertThat(jar).hasContent("new");
    assertThat(jar.resolveSibling("other.jar")).hasContent("other");
  }

  @Test
  void twoFirstUsesAtOnceAreOneBuild() throws Exception {
    usual("jdk-25", "25.0.1");
    Path go = root.resolve("go");
    maven("while [ ! -f " + go + " ]; do sleep 0.1; done");
    Process first = start(root.resolve("first.err"), "version");
    await().atMost(PATIENCE).until(() -> !lines(mavenCalls).isEmpty());
    Path said = root.resolve("second.err");
    Process second = start(said, "version");
    await().atMost(PATIENCE).until(() -> Files.readString(said).contains("in another terminal"));

    Files.createFile(go);

    assertThat(ended(first)).isZero();
    assertThat(ended(second)).isZero();
    assertThat(lines(mavenCalls)).hasSize(1);
    assertThat(lines(javaCalls)).hasSize(2);
  }

  @Test
  void aBuildWhoseScriptWasKilledKeepsNobodyWaiting() throws Exception {
    usual("jdk-25", "25.0.1");
    maven("");
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    Files.createDirectories(checkout.resolve("target/building"));
    Files.writeString(checkout.resolve("target/building/pid"), gone.pid() + "\n");

    run("version").succeeded();

    assertThat(lines(mavenCalls)).hasSize(1);
    assertThat(checkout.resolve("target/building")).doesNotExist();
  }

  @Test
  void theArchiveIsMadeOnceAndThenUsed() throws Exception {
    built();
    usual("jdk-25", "25.0.1");

    Result first = prepared(run("up", "--port", "0").succeeded());
    Result second = run("up").succeeded();
    Result other = run("status").succeeded();

    assertThat(first.err()).contains("Preparing a fast start");
    assertThat(lines(javaCalls))
        .filteredOn(call -> call.contains("-XX:AOTCacheOutput="))
        .singleElement()
        .asString()
        .contains(" warm-up " + scratch);
    assertThat(second.err()).isEmpty();
    String archive = archives().getFirst();
    assertThat(archives()).containsExactly(archive);
    assertThat(second.java()).hasSize(3);
    assertThat(second.java().getLast()).contains("-XX:AOTCache=" + archives.resolve(archive) + " ");
    assertThat(other.java().getLast()).doesNotContain("AOT");
  }

  @Test
  void anotherCollectorIsNotAskedForBesideTheUsualOne() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    environment.put("CLAWTERM_NO_ARCHIVE", "1");

    String usually = run("up").succeeded().java().getLast();
    environment.put("CLAWTERM_JAVA_OPTIONS", "-XX:+UseZGC -Xmx1g");
    String asked = run("up").succeeded().java().getLast();

    assertThat(usually).contains(" -XX:+UseG1GC ");
    assertThat(asked).contains(" -XX:+UseZGC -Xmx1g ").doesNotContain("G1");
  }

  @Test
  void anArchiveOfOtherFilesIsMadeAnewAndTheOldOneRemoved() throws Exception {
    built();
    Path jdk = usual("jdk-25", "25.0.1");
    prepared(run("up").succeeded());
    List<String> first = archives();
    Files.writeString(archives.resolve("1-25-1.aot"), "of another folder");
    FileTime longAgo = FileTime.from(Instant.now().minus(Duration.ofDays(100)));
    Path strangers = Files.createDirectory(archives.resolve("letters"));
    Path unused = Files.writeString(archives.resolve("2-25-1.aot"), "of a folder that is gone");
    Files.setLastModifiedTime(strangers, longAgo);
    Files.setLastModifiedTime(unused, longAgo);

    Files.writeString(jar.resolveSibling("other.jar"), "longer than before");
    Result jarChanged = prepared(run("up").succeeded());
    List<String> second = archives();
    Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"25.0.2\"\n");
    Result jdkChanged = prepared(run("up").succeeded());
    List<String> third = archives();
    Files.setLastModifiedTime(jar, FileTime.from(Instant.now().plusSeconds(2)));
    Result builtInTheSameMinute = prepared(run("up").succeeded());

    assertThat(strangers).exists();
    assertThat(unused).doesNotExist();
    assertThat(jarChanged.err()).contains("Preparing");
    assertThat(jdkChanged.err()).contains("Preparing");
    assertThat(builtInTheSameMinute.err()).contains("Preparing");
    assertThat(second).hasSize(2).contains("1-25-1.aot").doesNotContainAnyElementsOf(first);
    assertThat(third).hasSize(2).contains("1-25-1.aot").isNotEqualTo(second);
  }

  @Test
  void theArchiveCanBeLeftOutAndOlderJavasMakeTheirOwn() throws Exception {
    built();
    Path old = usual("jdk-21", "21.0.5");
    Result onOld = run("up").succeeded();
    environment.put("JAVA_HOME", usual("jdk-25", "25.0.1").toString());
    environment.put("CLAWTERM_NO_ARCHIVE", "1");
    Result without = run("up").succeeded();

    assertThat(onOld.java().getLast())
        .startsWith(old.toString())
        .contains("-XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=" + archives);
    assertThat(without.java()).hasSize(2).last().asString().doesNotContain("AOT");
    assertThat(without.err()).isEmpty();
  }

  @Test
  void withoutAFolderForTemporaryFilesItStartsAndSaysWhatIsMissing() throws Exception {
    built();
    usual("jdk-25", "25.0.1");
    environment.put("TMPDIR", root.resolve("nowhere").toString());

    Result result = run("up").succeeded();

    assertThat(result.err()).contains("A fast start can't be prepared").contains("(TMPDIR)");
    assertThat(lines(javaCalls)).noneMatch(call -> call.contains("AOTCacheOutput"));
    assertThat(archives()).isEmpty();
  }

  @Test
  void aFastStartThatCannotBePreparedIsToldTheNextTime() throws Exception {
    built();
    Path jdk = usual("jdk-25", "25.0.1");
    executable(
        jdk.resolve("bin/java"),
        """
        #!/usr/bin/env bash
        case "$*" in *AOTCacheOutput*) echo "no room for it" >&2; exit 1 ;; esac
        """);

    Result first = prepared(run("up").succeeded());
    Result second = prepared(run("up").succeeded());

    assertThat(first.err()).contains("Preparing");
    assertThat(second.err())
        .contains("A fast start could not be prepared last time: no room for it");
    assertThat(archives()).singleElement().asString().endsWith(".log");
  }

  @Test
  void anArchiveIsMadeByOneAtATimeAndAfterOneThatWasKilledAgain() throws Exception {
    built();
    Path jdk = usual("jdk-25", "25.0.1");
    Path go = root.resolve("go");
    executable(
        jdk.resolve("bin/java"),
        """
        #!/usr/bin/env bash
        for each in "$@"; do
          case $each in
            -XX:AOTCacheOutput=*) archive=${each#*=} ;;
            warm-up)
              mkdir "${@: -1}/data"
              echo $$ >>%s
              until [ -e %s ]; do sleep 0.05; done
              echo archive >"$archive"
              ;;
          esac
        done
        """
            .formatted(javaCalls, go));

    run("up").succeeded();
    await().atMost(PATIENCE).until(() -> lines(javaCalls).size() == 1);
    run("up").succeeded();
    assertThat(lines(javaCalls)).hasSize(1);

    Path making = archives.resolve(archives().getFirst());
    long maker = Long.parseLong(Files.readString(making.resolve("pid")).strip());
    ProcessHandle.of(maker).orElseThrow().destroyForcibly();
    ProcessHandle.of(Long.parseLong(lines(javaCalls).getFirst())).orElseThrow().destroyForcibly();
    await().atMost(PATIENCE).until(() -> ProcessHandle.of(maker).isEmpty());
    assertThat(scratch).isNotEmptyDirectory();
    Files.createFile(go);
    prepared(run("up").succeeded());

    assertThat(lines(javaCalls)).hasSize(2);
    assertThat(archives()).singleElement().asString().endsWith(".aot");
    assertThat(scratch).isEmptyDirectory();
  }

  @Test
  void ofAPreparationWhoseJvmIsKilledNothingIsLeft() throws Exception {
    built();
    Path jdk = usual("jdk-25", "25.0.1");
    executable(
        jdk.resolve("bin/java"),
        """
        #!/usr/bin/env bash
        for each in "$@"; do
          case $each in
            warm-up)
              mkdir "${@: -1}/data"
              echo called >%s
              kill -9 $$ ;;
          esac
        done
        """
            .formatted(javaCalls));

    prepared(run("up").succeeded());

    assertThat(javaCalls).exists();
    assertThat(scratch).isEmptyDirectory();
    assertThat(archives()).singleElement().asString().endsWith(".log");
  }

  /** Once what goes on behind the node is over. */
  private Result prepared(Result result) {
    await()
        .atMost(PATIENCE)
        .until(() -> archives().stream().noneMatch(name -> name.endsWith(".making")));
    return result;
  }

  private List<String> archives() throws IOException {
    try (Stream<Path> files = Files.list(archives)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals("letters"))
          .sorted()
          .toList();
    }
  }

  /** With the JVM and the node as they are. */
  @Test
  void aNodeStartsWithAnArchiveThatDoesNotFit() throws Exception {
    assumeThat(Runtime.version().feature())
        .as("older ones have no such archive")
        .isGreaterThanOrEqualTo(25);
    Path real = Path.of(System.getProperty("java.home"));
    Path jdk = Files.createDirectory(root.resolve("jdk-real"));
    Files.copy(real.resolve("release"), jdk.resolve("release"));
    executable(
        jdk.resolve("bin/java"),
        """
        #!/usr/bin/env bash
        echo "$0 $*" >>%s
        for each in "$@"; do
          case $each in -XX:AOTCacheOutput=*) echo garbage >"${each#*=}"; exit 0 ;; esac
        done
        [ ! -e %s ] || exec %s/bin/java "$@"
        """
            .formatted(javaCalls, root.resolve("real"), real));
    distribution();
    environment.put("CLAWTERM_DATA", root.resolve("data").toString());
    environment.put("JAVA_HOME", jdk.toString());
    environment.put("PATH", System.getenv("PATH")); // PostgreSQL needs some of it

    prepared(run("up").succeeded());
    Files.createFile(root.resolve("real"));
    Path said = root.resolve("up.out");
    Process node = start(said, "up", "--port", "-1", "--http", "-1", "--management", "-1");
    await()
        .atMost(PATIENCE)
        .until(() -> Files.readString(said).contains("Ctrl-C stops") || !node.isAlive());
    boolean running = node.isAlive();
    node.destroy();

    assertThat(ended(node)).as(Files.readString(said)).isZero();
    assertThat(running).as(Files.readString(said)).isTrue();
    assertThat(lines(javaCalls)).hasSize(3).last().asString().contains("-XX:AOTCache=");
  }

  /** A jar that names the class path of the tests. */
  private void distribution() throws IOException {
    var manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest
        .getMainAttributes()
        .put(
            Attributes.Name.CLASS_PATH,
            Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .map(entry -> Path.of(entry).toUri().toString())
                .collect(Collectors.joining(" ")));
    Files.createDirectories(jar.getParent());
    new JarOutputStream(Files.newOutputStream(jar), manifest).close();
  }
}
