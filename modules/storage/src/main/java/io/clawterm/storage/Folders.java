package io.clawterm.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the embedded server does with folders: parts that become whole by one rename, and removal.
 */
final class Folders {

  /**
   * Ending of folders that are being made. What a killed process left is removed once it is older
   * than {@link #ABANDONED}; a younger one may still be in the making by a process that shares the
   * folder.
   */
  private static final String PART = ".part";

  private static final Duration ABANDONED = Duration.ofMinutes(10);

  private Folders() {}

  /** A name beside {@code target} that nobody else uses. */
  static Path partOf(Path target) {
    String name = target.getFileName() + "." + ProcessHandle.current().pid() + "-";
    return target.resolveSibling(name + Long.toHexString(System.nanoTime()) + PART);
  }

  /** Removes the parts of {@code target} that a killed process left. */
  static void deleteAbandonedParts(Path target) throws IOException {
    Path parent = target.toAbsolutePath().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      return;
    }
    List<Path> parts;
    try (Stream<Path> siblings = Files.list(parent)) {
      parts = siblings.filter(sibling -> isPartOf(target, sibling)).toList();
    }
    Instant before = Instant.now().minus(ABANDONED);
    for (Path part : parts) {
      if (Files.getLastModifiedTime(part).toInstant().isBefore(before)) {
        delete(part);
      }
    }
  }

  private static boolean isPartOf(Path target, Path sibling) {
    String name = String.valueOf(sibling.getFileName());
    return name.startsWith(target.getFileName() + ".") && name.endsWith(PART);
  }

  /** Writes the entries of a folder to the disk, so that a rename in it survives a power cut. */
  static void sync(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Deletes a file or folder with all that is in it; nothing there is fine. */
  static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** The failure to use a path, with what to do about it. */
  static StorageException unusable(Path path, IOException cause) {
    String advice =
        switch (cause) {
          case AccessDeniedException denied ->
              ": user "
                  + System.getProperty("user.name")
                  + " may not use "
                  + denied.getFile()
                  + ". Change its owner or permissions, or choose another data folder (--data).";
          case IOException other when isDiskFull(other) ->
              ": the disk is full. Free some space (about 150 MB are needed at first) and start"
                  + " again; nothing half made is left in use.";
          case IOException other -> ": " + other;
        };
    return new StorageException("Can't use " + path + advice, cause);
  }

  /** The JDK has no exception of its own for ENOSPC and EDQUOT; their texts are all there is. */
  private static boolean isDiskFull(IOException cause) {
    String text = String.valueOf(cause.getMessage());
    return text.contains("No space left on device") || text.contains("quota exceeded");
  }
}
