package io.clawterm.node;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** The folder of a node's data, made for its owner alone. */
final class DataFolder {

  private DataFolder() {}

  /**
   * Makes the folder and the ones that other processes look into.
   *
   * @throws StartException if that is not possible
   */
  static void prepare(Path data) {
    try {
      makePrivate(data);
      makePrivate(data.resolve("run"));
      makePrivate(data.resolve("logs"));
    } catch (IOException e) {
      throw new StartException(
          "no permission to write to the data folder "
              + data
              + " ("
              + e.getMessage()
              + "). Choose another one with --data",
          e);
    }
  }

  private static void makePrivate(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      if (folder.getParent() != null) {
        Files.createDirectories(folder.getParent());
      }
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    if (!Files.isWritable(folder)) {
      throw new AccessDeniedException(folder.toString());
    }
  }
}
