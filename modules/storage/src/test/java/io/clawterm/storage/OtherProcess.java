package io.clawterm.storage;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another JVM that holds something until it is killed. */
final class OtherProcess implements AutoCloseable {

  private final Process process;
  private final String says;

  private OtherProcess(Process process, String says) {
    this.process = process;
    this.says = says;
  }

  /** Starts a JVM and waits for its first line. */
  static OtherProcess holding(String what, Path folder) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(OtherProcess.class.getName(), what, folder.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    var lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    return new OtherProcess(process, String.valueOf(lines.readLine()));
  }

  /** What it holds, or the message of the failure. */
  String says() {
    return says;
  }

  long pid() {
    return process.pid();
  }

  /** As kill -9 does: it runs none of its code any more. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  /** Run in the other JVM: takes what the first argument says in the folder of the second. */
  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[1]);
    System.out.println(take(arguments[0], folder));
    if (System.in.read() >= 0) {
      throw new UncheckedIOException(new IOException("nothing was to be read"));
    }
  }

  @SuppressWarnings("resource") // held until the process ends
  private static String take(String what, Path folder) {
    try {
      return switch (what) {
        case "server" -> {
          var settings = EmbeddedPostgresSettings.forTests();
          yield EmbeddedPostgres.start(folder, settings).target().url();
        }
        case "lock" -> String.valueOf(DataFolderLock.acquire(folder) != null);
        default -> throw new IllegalArgumentException(what);
      };
    } catch (StorageException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
