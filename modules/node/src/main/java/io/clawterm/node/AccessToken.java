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

  /** The token of a data folder, made if there is none. */
  static String readOrMake(Path data) throws IOException {
    Path file = file(data);
    if (!Files.exists(file)) {
      byte[] random = new byte[RANDOM_BYTES];
      new SecureRandom().nextBytes(random);
      String token = "ct_" + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
      Path whole = data.resolve("token." + ProcessHandle.current().pid());
      Files.deleteIfExists(whole);
      try (FileChannel channel =
          FileChannel.open(
              whole,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        ByteBuffer bytes = ByteBuffer.wrap((token + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      // The folder's lock is held: nobody else makes one now.
      Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return Files.readString(file).strip();
  }
}
