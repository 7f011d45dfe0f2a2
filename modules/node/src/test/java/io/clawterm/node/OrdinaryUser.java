package io.clawterm.node;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A user who may not write everywhere, with a home of its own: the one who runs the tests, or
 * {@code nobody} where that is root.
 */
record OrdinaryUser(Cli cli, int id) implements AutoCloseable {

  private static final int NOBODY = 65_534;

  static OrdinaryUser get() throws IOException {
    Path home = Files.createTempDirectory(Path.of("/tmp"), "clawterm-user");
    int own = (int) Files.getAttribute(home, "unix:uid");
    return own == 0 ? nobody(home) : new OrdinaryUser(Cli.in(home), own);
  }

  private static OrdinaryUser nobody(Path home) throws IOException {
    assumeThat(Path.of("/usr/bin/setpriv")).as("root needs setpriv to be another user").exists();
    List<String> classPath = readableClassPath(home.resolve("lib"));
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxrwxrwx"));
    String id = String.valueOf(NOBODY);
    return new OrdinaryUser(
        new Cli(
            home,
            Map.of("CLASSPATH", String.join(File.pathSeparator, classPath)),
            List.of("/usr/bin/setpriv", "--reuid", id, "--regid", id, "--clear-groups")),
        NOBODY);
  }

  /** The class path of the tests may lie in a folder that only root can enter. */
  private static List<String> readableClassPath(Path folder) throws IOException {
    Files.createDirectories(folder);
    int number = 0;
    List<String> readable = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path from = Path.of(entry);
      Path to = folder.resolve(number++ + "-" + from.getFileName());
      if (Files.exists(from)) {
        try (Stream<Path> files = Files.walk(from)) {
          for (Path file : files.toList()) {
            Files.copy(file, to.resolve(from.relativize(file).toString()).normalize());
          }
        }
        readable.add(to.toString());
      }
    }
    return readable;
  }

  /** A folder that this user can see and not write to. */
  Path closedFolder() throws IOException {
    Path closed = Files.createDirectory(cli.home().resolve("closed"));
    return Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-xr-xr-x"));
  }

  /** A file that this user can read. */
  Path file(String name, String text) throws IOException {
    Path file = Files.writeString(cli.home().resolve(name), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.walk(cli.home())) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
