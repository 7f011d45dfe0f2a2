package io.clawterm.session;

import akka.util.ByteString;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Writes one bundle, line by line, and signs what it has written. For one thread at a time. */
final class BundleWriter {

  private final BundleManifest manifest;
  private final BundleSigner signer;
  private final MessageDigest digest = sha256();
  private long next;
  private int inputs;

  BundleWriter(BundleManifest manifest, BundleSigner signer) {
    this.manifest = manifest;
    this.signer = signer;
    this.next = manifest.firstNumber();
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }

  ByteString manifest() {
    return written(BundleLines.manifest(manifest, signer.publicKey()));
  }

  /** Throws where the log has a hole: retention may take away what is just being read. */
  ByteString entry(LogEntry entry) {
    if (entry.number() != next) {
      throw new IllegalStateException(
          "entry " + entry.number() + " came where " + next + " was due");
    }
    next++;
    return written(BundleLines.entry(entry));
  }

  ByteString input(TargetCommand.TargetInput input) {
    inputs++;
    return written(BundleLines.input(input));
  }

  /** The last line; throws where something is missing before it. */
  ByteString signature() {
    if (next != manifest.headNumber() + 1 || inputs != manifest.waiting()) {
      throw new IllegalStateException(
          "the log ends at entry " + (next - 1) + " of " + manifest.headNumber());
    }
    String hex = HexFormat.of().formatHex(digest.digest());
    return ByteString.fromArrayUnsafe(BundleLines.signature(signer.sign(hex)));
  }

  private ByteString written(byte[] line) {
    digest.update(line);
    return ByteString.fromArrayUnsafe(line);
  }
}
