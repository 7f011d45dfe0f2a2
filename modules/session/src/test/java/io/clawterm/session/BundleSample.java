package io.clawterm.session;

import io.clawterm.api.SessionId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A bundle with one of each thing that bundles hold. */
final class BundleSample {

  static final BundleSigner SIGNER = BundleSigner.ofSeed(seed());

  private BundleSample() {}

  private static byte[] seed() {
    byte[] seed = new byte[BundleSigner.SEED_BYTES];
    for (int i = 0; i < seed.length; i++) {
      seed[i] = (byte) i;
    }
    return seed;
  }

  static final List<Entry> ENTRIES =
      List.of(
          Entry.event(
              "{\"type\":\"message\",\"role\":\"user\",\"device\":\"laptop\",\"text\":\"grüße\"}",
              ""),
          Entry.event("{\"type\":\"status\",\"state\":\"started\"}", "[started]\n"),
          Entry.text("a delta 𝄞 with \"quotes\",\n\u0000 and \u2028"),
          Entry.bytes(Bytes.wrap(new byte[] {27, 91, 72, -128}), true),
          Entry.event("{\"type\":\"command\"}", ""));

  static final List<TargetCommand.TargetInput> INPUTS =
      List.of(
          new TargetCommand.TargetInput(
              6, "laptop", Bytes.of("and then?"), false, true, Optional.of(4L)),
          new TargetCommand.TargetInput(
              7, "phone", Bytes.of("{\"type\":\"abort\"}"), true, false, Optional.of(8L)));

  static BundleManifest manifest() {
    return new BundleManifest(
        new SessionId(0xa1b2_c3d4),
        Optional.of("agent:main:main"),
        "agent:main",
        Instant.parse("2026-11-21T12:34:56.123456789Z"),
        2_592_000,
        4,
        3 + ENTRIES.size(),
        7,
        5,
        INPUTS.size(),
        Optional.of(new TargetMemo("{\"readFrom\":4,\"attempt\":1}", true)));
  }

  static byte[] bytes() {
    return bytes(manifest(), ENTRIES, INPUTS, SIGNER);
  }

  static byte[] bytes(
      BundleManifest manifest,
      List<Entry> entries,
      List<TargetCommand.TargetInput> inputs,
      BundleSigner signer) {
    var writer = new BundleWriter(manifest, signer);
    var out = new ByteArrayOutputStream();
    out.writeBytes(writer.manifest().toArrayUnsafe());
    long number = manifest.firstNumber();
    for (Entry entry : entries) {
      out.writeBytes(writer.entry(new LogEntry(number++, entry)).toArrayUnsafe());
    }
    inputs.forEach(input -> out.writeBytes(writer.input(input).toArrayUnsafe()));
    out.writeBytes(writer.signature().toArrayUnsafe());
    return out.toByteArray();
  }

  static BundleSettings limits(long maxBytes, long maxWaitingBytes) {
    return new BundleSettings(Math.max(65_536, maxBytes), maxWaitingBytes, 1, List.of());
  }

  static BundleFile file(byte[] bytes) throws IOException {
    BundleFile file = BundleFile.create(limits(bytes.length, 65_536));
    file.write(ByteBuffer.wrap(bytes));
    return file;
  }

  /** What a bundle has handed over. */
  static final class Read implements BundleFile.Content {
    final List<LogEntry> entries = new ArrayList<>();
    final List<TargetCommand.TargetInput> inputs = new ArrayList<>();

    @Override
    public void entry(LogEntry entry) {
      entries.add(entry);
    }

    @Override
    public void input(TargetCommand.TargetInput input) {
      inputs.add(input);
    }
  }
}
