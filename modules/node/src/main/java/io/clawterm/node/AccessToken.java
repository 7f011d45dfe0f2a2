package io.clawterm.node;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Set;

/** The bearer token of the local user: made at the first start, readable by its owner alone. */
final class AccessToken {

  private static final int RANDOM_BYTES = 32;

  private AccessToken() {}

  static Path file(Path data) {
    return data.resolve("token");
  }

  /** The token of a data folder, made if there is none. The folder's lock is held. */
  static String readOrMake(Path data) throws IOException {
    String token = readOrMake(file(data), "ct_");
    if (!token.matches("ct_[A-Za-z0-9_-]{43}")) {
      throw new StartException(
          file(data) + " holds no access token; delete it, and the next start makes a new one");
    }
    return token;
  }

  /** What tells the folder from those of other nodes; it stays when the token is replaced. */
  static String folderId(Path data) throws IOException {
    return readOrMake(data.resolve("folder-id"), "");
  }

  private static String readOrMake(Path file, String prefix) throws IOException {
    if (!Files.exists(file)) {
      byte[] random = new byte[RANDOM_BYTES];
      new SecureRandom().nextBytes(random);
      write(file, prefix + Base64.getUrlEncoder().withoutPadding().encodeToString(random));
    }
    return Files.readString(file).strip();
  }

  private static void write(Path file, String text) throws IOException {
    Path whole = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
    Files.deleteIfExists(whole);
    try (FileChannel channel =
        FileChannel.open(
            whole,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
