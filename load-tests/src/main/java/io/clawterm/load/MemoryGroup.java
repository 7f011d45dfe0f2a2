package io.clawterm.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A control group of Linux that gives a process so much memory and no more: the kernel takes back
 * what it can, and kills the process when that is not enough. In either version of control groups;
 * only root can make one.
 *
 * @param folder what the kernel shows the group as
 */
record MemoryGroup(Path folder) implements AutoCloseable {

  /**
   * Where groups are made.
   *
   * @param folder of the group that all belong to
   * @param limit the file that takes the bytes
   */
  private record Version(Path folder, String limit) {}

  private static final List<Version> VERSIONS =
      List.of(
          new Version(Path.of("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
          new Version(Path.of("/sys/fs/cgroup"), "memory.max"));

  private static final String PROCESSES = "cgroup.procs";

  /** Whether this machine lets us make one. */
  static boolean isPossible() {
    try (MemoryGroup probe = of(1L << 30)) {
      return Files.isWritable(probe.folder.resolve(PROCESSES));
    } catch (IOException e) {
      return false;
    }
  }

  /** Makes one with so many bytes. */
  static MemoryGroup of(long bytes) throws IOException {
    IOException none = new IOException("no control groups for memory");
    for (Version version : VERSIONS) {
      Path folder = version.folder.resolve("clawterm-" + ProcessHandle.current().pid());
      try {
        Files.createDirectory(folder);
      } catch (IOException e) {
        none.addSuppressed(e);
        continue;
      }
      Path limit = folder.resolve(version.limit);
      if (Files.exists(limit)) {
        Files.writeString(limit, Long.toString(bytes));
        return new MemoryGroup(folder);
      }
      Files.delete(folder);
    }
    throw none;
  }

  /** How a process is started in it. */
  Launch launch(String... jvmOptions) {
    String enter = "echo $$ > '%s' && exec \"$@\"".formatted(folder.resolve(PROCESSES));
    return new Launch(
        List.of("sh", "-c", enter, "sh"), Optional.empty(), List.of(jvmOptions), Map.of());
  }

  /** Takes it away; nobody may be in it any more. */
  @Override
  public void close() throws IOException {
    Files.delete(folder);
  }
}
