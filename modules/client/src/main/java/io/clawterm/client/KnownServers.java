package io.clawterm.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The self-signed servers that a person has accepted: a line of host:port, a blank and the
 * fingerprint each. It can be edited by hand, and is read anew each time.
 */
final class KnownServers {
  private final Path file;

  KnownServers(Path file) {
    this.file = file;
  }

  /** The fingerprint known for this server. */
  Optional<String> fingerprint(String server) {
    return lines().stream()
        .filter(line -> line.startsWith(server + " "))
        .map(line -> CertificateTrust.normalized(line.substring(server.length() + 1)))
        .findFirst();
  }

  /** Remembers a server, in place of what was known of it. */
  void put(String server, String fingerprint) throws CertificateException {
    List<String> lines = new ArrayList<>(lines());
    lines.removeIf(line -> line.startsWith(server + " "));
    lines.add(server + " " + fingerprint);
    try {
      PrivateFiles.replace(
          file, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new CertificateException("can't remember the server in " + file, e);
    }
  }

  private List<String> lines() {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
