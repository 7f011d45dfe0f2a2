package io.clawterm.session;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.spec.InvalidKeySpecException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.function.Predicate;

/**
 * A bundle on its way in: a file without a name, so that what was checked is what is used, and
 * nothing of it is left whatever ends the process. For one thread at a time; all calls block.
 */
final class BundleFile implements AutoCloseable {

  private static final int READ_BYTES = 65_536;

  private final FileChannel channel;
  private final BundleSettings limits;
  private long bytes;

  private BundleFile(FileChannel channel, BundleSettings limits) {
    this.channel = channel;
    this.limits = limits;
  }

  /** An empty one, in the folder for temporary files. */
  static BundleFile create(BundleSettings limits) throws IOException {
    // Made by name first, as only that sets who may read; the name is gone at the opening.
    boolean posix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    Path path =
        posix
            ? Files.createTempFile(
                "clawterm-bundle-",
                ".tmp",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))
            : Files.createTempFile("clawterm-bundle-", ".tmp");
    return new BundleFile(
        FileChannel.open(
            path,
            EnumSet.of(
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE)),
        limits);
  }

  /** Adds bytes at the end; what makes it too large is counted and not kept. */
  void write(ByteBuffer more) throws IOException {
    bytes += more.remaining();
    while (!isTooLarge() && more.hasRemaining()) {
      channel.write(more);
    }
  }

  private boolean isTooLarge() {
    return bytes > limits.maxBytes();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /**
   * What the whole file has turned out to be.
   *
   * @param digest of all that is signed, in hexadecimal
   * @param fingerprint of the signer
   */
  record Verified(BundleManifest manifest, String digest, String fingerprint) {}

  /** Takes what a bundle holds, in its order. */
  interface Content {
    void entry(LogEntry entry) throws IOException;

    void input(TargetCommand.TargetInput input) throws IOException;
  }

  /**
   * Checks signature, signer and then each line.
   *
   * @param trusted says whether a signer with this fingerprint is
   */
  Verified verify(Predicate<String> trusted) throws IOException, InvalidBundleException {
    if (isTooLarge()) {
      throw tooLarge("The bundle is larger than the " + limits.maxBytes() + " bytes that");
    }
    long signedBytes = channel.size() - BundleLines.SIGNATURE_LINE_BYTES;
    if (signedBytes <= 0) {
      throw damaged("it is too short");
    }
    byte[] first = firstLine();
    try {
      if (BundleLines.version(first) > BundleLines.VERSION) {
        throw new InvalidBundleException(
            InvalidBundleException.Reason.NEWER_VERSION,
            "The bundle has version "
                + BundleLines.version(first)
                + "; this ClawTerm reads version "
                + BundleLines.VERSION
                + ". Import it with a newer one.");
      }
      BundleLines.Head head = BundleLines.head(first);
      PublicKey key = BundleSigner.publicKey(head.signer().unsafeArray());
      byte[] signature =
          BundleLines.signatureOf(tail(signedBytes))
              .orElseThrow(() -> damaged("its last line is no signature"));
      String digest = digest(signedBytes);
      if (!BundleSigner.isSignature(key, digest, signature)) {
        throw damaged("its content is not what was signed");
      }
      String fingerprint = BundleSigner.fingerprint(head.signer().unsafeArray());
      if (!trusted.test(fingerprint)) {
        throw new InvalidBundleException(
            InvalidBundleException.Reason.UNKNOWN_SIGNER,
            "The bundle is signed by "
                + fingerprint
                + ", which is not trusted here. If that is what the export has shown, trust it"
                + " for this import, or list it in clawterm.bundle.trusted.");
      }
      read(head.manifest(), new Nothing());
      return new Verified(head.manifest(), digest, fingerprint);
    } catch (InvalidKeySpecException e) {
      throw damaged("the signer's key is none");
    } catch (IllegalArgumentException e) {
      throw damaged("its first line can't be read: " + e.getMessage());
    }
  }

  private byte[] firstLine() throws IOException, InvalidBundleException {
    channel.position(0);
    return new Lines(Channels.newInputStream(channel)).next();
  }

  private byte[] tail(long from) throws IOException {
    ByteBuffer tail = ByteBuffer.allocate((int) (channel.size() - from));
    channel.position(from);
    while (tail.hasRemaining() && channel.read(tail) >= 0) {
      // until it is full
    }
    return tail.array();
  }

  private String digest(long length) throws IOException {
    MessageDigest digest = BundleWriter.sha256();
    ByteBuffer buffer = ByteBuffer.allocate(READ_BYTES);
    channel.position(0);
    long left = length;
    while (left > 0) {
      buffer.clear().limit((int) Math.min(READ_BYTES, left));
      int count = channel.read(buffer);
      if (count < 0) {
        throw new EOFException("the bundle has become shorter");
      }
      left -= count;
      digest.update(buffer.flip());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Hands over what follows the manifest; throws where it is not what the manifest says. */
  void read(BundleManifest manifest, Content content) throws IOException, InvalidBundleException {
    channel.position(0);
    var lines = new Lines(Channels.newInputStream(channel));
    byte[] manifestLine = lines.next();
    if (manifestLine.length == 0) {
      throw damaged("it has no manifest");
    }
    for (long number = manifest.firstNumber(); number <= manifest.headNumber(); number++) {
      content.entry(entry(lines, number));
    }
    long last = manifest.consumed();
    long waitingBytes = 0;
    for (int i = 0; i < manifest.waiting(); i++) {
      TargetCommand.TargetInput input = input(lines, manifest, last);
      last = input.number();
      waitingBytes += BundleSteps.size(input);
      if (waitingBytes > limits.maxWaitingBytes()) {
        throw tooLarge(
            "More input waits in the bundle than the " + limits.maxWaitingBytes() + " bytes that");
      }
      content.input(input);
    }
    if (BundleLines.signatureOf(lines.nextWithEnd()).isEmpty() || !lines.isAtEnd()) {
      throw lines.damaged("the signature is due");
    }
  }

  private static LogEntry entry(Lines lines, long number)
      throws IOException, InvalidBundleException {
    LogEntry entry;
    try {
      entry = BundleLines.entry(lines.next());
    } catch (IllegalArgumentException e) {
      throw lines.damaged(e.getMessage());
    }
    if (entry.number() != number) {
      throw lines.damaged("entry " + entry.number() + " stands where " + number + " is due");
    }
    return entry;
  }

  private static TargetCommand.TargetInput input(Lines lines, BundleManifest manifest, long last)
      throws IOException, InvalidBundleException {
    TargetCommand.TargetInput input;
    try {
      input = BundleLines.input(lines.next());
    } catch (IllegalArgumentException e) {
      throw lines.damaged(e.getMessage());
    }
    long at = input.entry().orElse(0L);
    if (input.number() <= last
        || input.number() > manifest.received()
        || at < 1
        || at > manifest.headNumber() + 1) {
      throw lines.damaged("input " + input.number() + " does not fit the manifest");
    }
    return input;
  }

  private static InvalidBundleException tooLarge(String what) {
    return new InvalidBundleException(
        InvalidBundleException.Reason.TOO_LARGE,
        what + " this server takes (clawterm.bundle in its configuration).");
  }

  private static InvalidBundleException damaged(String what) {
    return new InvalidBundleException(
        InvalidBundleException.Reason.DAMAGED, "This is no whole bundle: " + what + ".");
  }

  /** Only looks. */
  private static final class Nothing implements Content {
    @Override
    public void entry(LogEntry entry) {}

    @Override
    public void input(TargetCommand.TargetInput input) {}
  }

  /** Lines of bounded length. */
  private static final class Lines {
    private final InputStream in;
    private long number;

    Lines(InputStream in) {
      this.in = new BufferedInputStream(in, READ_BYTES);
    }

    /** The next line without its line feed. */
    byte[] next() throws IOException, InvalidBundleException {
      byte[] line = nextWithEnd();
      return Arrays.copyOf(line, line.length - 1);
    }

    byte[] nextWithEnd() throws IOException, InvalidBundleException {
      number++;
      var line = new ByteArrayOutputStream(512);
      int read = in.read();
      while (read >= 0) {
        line.write(read);
        if (read == '\n') {
          return line.toByteArray();
        }
        if (line.size() > BundleLines.MAX_LINE_BYTES) {
          throw damaged("it is longer than any");
        }
        read = in.read();
      }
      throw damaged("it has no end");
    }

    boolean isAtEnd() throws IOException {
      return in.read() < 0;
    }

    InvalidBundleException damaged(@org.jspecify.annotations.Nullable String what) {
      return BundleFile.damaged("line " + number + ": " + what);
    }
  }
}
