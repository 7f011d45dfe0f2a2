package io.clawterm.testkit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An archive of loaded classes (JEP 514), as the launcher makes one: the processes of a test that
 * begin from it start in a fraction of the time.
 */
public final class AotCache {

  private static final int SINCE = 25;

  private AotCache() {}

  /**
   * Runs a command once and archives what it has loaded.
   *
   * @param file where the archive is put
   * @param options of the JVM, the same ones as later
   * @param classPath the same as later; jars alone
   * @param command the main class and its arguments; it ends by itself
   * @return further options for JVMs that begin from it; none before JDK 25, or where the class
   *     path has a folder, as then there is no archive
   */
  public static List<String> of(
      Path file, List<String> options, String classPath, String... command) {
    boolean possible =
        Runtime.version().feature() >= SINCE
            && List.of(classPath.split(File.pathSeparator, -1)).stream()
                .allMatch(entry -> Files.isRegularFile(Path.of(entry)));
    if (!possible) {
      return List.of();
    }
    List<String> all = new ArrayList<>();
    all.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    all.addAll(options);
    all.addAll(List.of("-XX:AOTCacheOutput=" + file, "-cp", classPath));
    all.addAll(List.of(command));
    try {
      Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.onExit().join().exitValue() != 0 || !Files.exists(file)) {
        throw new IOException("no archive of classes was made: " + said);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("archiving what a process loads", e);
    }
    return startingFrom(file);
  }

  /** The options for JVMs that begin from an archive which is there. */
  public static List<String> startingFrom(Path file) {
    return List.of("-XX:AOTCache=" + file, "-Xlog:aot=off", "-Xlog:cds=off");
  }
}
