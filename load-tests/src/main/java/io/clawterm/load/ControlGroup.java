package io.clawterm.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A control group of Linux that gives a process so much of something and no more: of memory, of
 * which the kernel takes back what it can, and kills the process when that is not enough; or of
 * processor time. In either version of control groups; only root can make one.
 *
 * @param folder what the kernel shows the group as
 */
record ControlGroup(Path folder) implements AutoCloseable {

  /**
   * Where groups are made.
   *
   * @param folder of the group that all belong to
   * @param limit the file that takes the limit
   * @param form of what is written there
   */
  private record Version(Path folder, String limit, String form) {}

  private static final List<Version> MEMORY =
      List.of(
          new Version(Path.of("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "%d"),
          new Version(Path.of("/sys/fs/cgroup"), "memory.max", "%d"));

  /** In microseconds of each tenth of a second. */
  private static final List<Version> PROCESSOR =
      List.of(
          new Version(Path.of("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us", "%d"),
          new Version(Path.of("/sys/fs/cgroup"), "cpu.max", "%d 100000"));

  private static final long PERIOD_MICROS = 100_000;
  private static final String PROCESSES = "cgroup.procs";
  private static final AtomicInteger MADE = new AtomicInteger();

  /** Whether this machine lets us make one for memory. */
  static boolean isPossible() {
    try (ControlGroup probe = ofMemory(1L << 30)) {
      return Files.isWritable(probe.folder.resolve(PROCESSES));
    } catch (IOException e) {
      return false;
    }
  }

  /** Makes one with so many bytes of memory. */
  static ControlGroup ofMemory(long bytes) throws IOException {
    return of(MEMORY, bytes);
  }

  /** Makes one with so much of one core. */
  static ControlGroup ofProcessor(double cores) throws IOException {
    return of(PROCESSOR, Math.round(cores * PERIOD_MICROS));
  }

  private static ControlGroup of(List<Version> versions, long limit) throws IOException {
    IOException none = new IOException("no control groups");
    String name = "clawterm-%d-%d".formatted(ProcessHandle.current().pid(), MADE.incrementAndGet());
    for (Version version : versions) {
      Path folder = version.folder.resolve(name);
      try {
        Files.createDirectory(folder);
      } catch (IOException e) {
        none.addSuppressed(e);
        continue;
      }
      Path file = folder.resolve(version.limit);
      if (Files.exists(file)) {
        Files.writeString(file, version.form.formatted(limit));
        return new ControlGroup(folder);
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

  /** Takes a process that runs already into it. */
  void take(long pid) throws IOException {
    Files.writeString(folder.resolve(PROCESSES), Long.toString(pid));
  }

  /** Gives one that it has taken to the group that all belong to. */
  void release(long pid) throws IOException {
    Files.writeString(folder.resolveSibling(PROCESSES), Long.toString(pid));
  }

  /** Takes it away; nobody may be in it any more. */
  @Override
  public void close() throws IOException {
    Files.delete(folder);
  }
}
