package io.clawterm.storage;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * The log of the embedded server: one file and the one before it, bounded in size.
 *
 * <p>The server appends to the file it was started with, also after the node died. So the file is
 * copied and cut, not renamed. The server's own collector would be one more process, and bounds
 * either the size of a file or the number of files, not both.
 */
final class PostgresLog {

  private static final long MAX_BYTES = 4 << 20;
  private static final int TAIL_BYTES = 4096;

  private final Path file;

  PostgresLog(Path file) {
    this.file = file;
  }

  Path file() {
    return file;
  }

  void prepare(ServerAccount account) throws IOException {
    if (Files.notExists(file)) {
      Files.createDirectories(file.resolveSibling("."));
      Files.createFile(file);
    }
    account.own(file);
    bound();
  }

  /** Moves what was logged into {@code FILE.1} once it is above the limit. */
  void bound() throws IOException {
    if (Files.size(file) > MAX_BYTES) {
      Files.copy(file, previous(), StandardCopyOption.REPLACE_EXISTING);
      try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
        open.setLength(0);
      }
    }
  }

  private Path previous() {
    return file.resolveSibling(file.getFileName() + ".1");
  }

  long size() throws IOException {
    return Files.size(file);
  }

  /** What was logged behind {@code position}, at most the last 4 KB of it. */
  String since(long position) throws IOException {
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "r")) {
      long from = Math.min(open.length(), Math.max(position, open.length() - TAIL_BYTES));
      byte[] tail = new byte[(int) Math.min(TAIL_BYTES, open.length() - from)];
      open.seek(from);
      open.readFully(tail);
      return new String(tail, StandardCharsets.UTF_8).strip();
    }
  }

  /** Whether any of these texts was logged behind {@code position}. */
  boolean says(long position, List<String> texts) throws IOException {
    String logged = since(position);
    return texts.stream().anyMatch(logged::contains);
  }
}
