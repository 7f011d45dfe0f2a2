package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * The form of a bundle, and that nothing but what was signed passes. {@code
 * -Dclawterm.golden=FOLDER} writes the golden file where it is missing.
 */
class BundleFileTest {

  private static final String GOLDEN = "bundle-1.clawterm";

  @Test
  void whatIsWrittenIsReadBack() throws Exception {
    try (BundleFile file = BundleSample.file(BundleSample.bytes())) {
      BundleFile.Verified verified = file.verify(signer -> true);
      var read = new BundleSample.Read();
      file.read(verified.manifest(), read);

      assertThat(verified.manifest()).isEqualTo(BundleSample.manifest());
      assertThat(verified.fingerprint()).isEqualTo(BundleSample.SIGNER.fingerprint());
      assertThat(read.entries.stream().map(LogEntry::entry).toList())
          .isEqualTo(BundleSample.ENTRIES);
      assertThat(read.entries.stream().map(LogEntry::number).toList())
          .containsExactly(4L, 5L, 6L, 7L, 8L);
      assertThat(read.inputs).isEqualTo(BundleSample.INPUTS);
    }
  }

  @Test
  void theFormIsThatOfTheGoldenFile() throws Exception {
    String folder = System.getProperty("clawterm.golden");
    if (folder != null && Files.notExists(Path.of(folder, GOLDEN))) {
      Files.write(Path.of(folder, GOLDEN), BundleSample.bytes());
    }
    byte[] golden;
    try (InputStream in =
        Objects.requireNonNull(getClass().getResourceAsStream("/golden/0.1/" + GOLDEN))) {
      golden = in.readAllBytes();
    }

    assertThat(new String(BundleSample.bytes(), StandardCharsets.UTF_8))
        .isEqualTo(new String(golden, StandardCharsets.UTF_8));
    try (BundleFile file = BundleSample.file(golden)) {
      assertThat(file.verify(signer -> true).manifest()).isEqualTo(BundleSample.manifest());
    }
  }

  @Test
  void aBundleWithAnyBitChangedIsRefused() throws Exception {
    byte[] good = BundleSample.bytes();
    var random = new Random(42);

    for (int position = 0; position < good.length; position++) {
      byte[] bad = good.clone();
      bad[position] ^= (byte) (1 << random.nextInt(8));
      assertThat(refusal(bad)).as("position %d", position).isNotNull();
    }
    assertThat(good.length).isGreaterThan(900);
  }

  @Test
  void aBundleThatIsCutOrHasMoreIsRefused() throws Exception {
    byte[] good = BundleSample.bytes();
    List<Integer> lengths = IntStream.range(0, good.length).boxed().toList();

    for (int length : lengths) {
      assertThat(refusal(Arrays.copyOf(good, length)))
          .as("%d bytes", length)
          .isEqualTo(InvalidBundleException.Reason.DAMAGED);
    }
    for (String more : List.of("\n", " ", "{}\n", new String(good, StandardCharsets.UTF_8))) {
      assertThat(
              refusal(
                  (new String(good, StandardCharsets.UTF_8) + more)
                      .getBytes(StandardCharsets.UTF_8)))
          .isEqualTo(InvalidBundleException.Reason.DAMAGED);
    }
  }

  @Test
  void linesOfTwoBundlesDoNotMakeAThird() throws Exception {
    String one = new String(BundleSample.bytes(), StandardCharsets.UTF_8);
    String[] lines = one.split("(?<=\n)", -1);
    String swapped = one.replace(lines[1] + lines[2], lines[2] + lines[1]);
    String without = one.replace(lines[1], "");

    assertThat(refusal(swapped.getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(InvalidBundleException.Reason.DAMAGED);
    assertThat(refusal(without.getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(InvalidBundleException.Reason.DAMAGED);
  }

  @Test
  void aSignedBundleThatContradictsItselfIsRefused() throws Exception {
    BundleManifest all = BundleSample.manifest();
    var gap =
        List.of(
            new TargetCommand.TargetInput(
                5, "laptop", Bytes.of("consumed"), false, false, java.util.Optional.of(4L)),
            BundleSample.INPUTS.getLast());

    byte[] consumedInput = BundleSample.bytes(all, BundleSample.ENTRIES, gap, BundleSample.SIGNER);

    assertThat(refusal(consumedInput)).isEqualTo(InvalidBundleException.Reason.DAMAGED);
  }

  /** Whoever signs may be trusted by a caller alone: what is signed is still not believed. */
  @Test
  void aSignedBundleThatHoldsWhatNoSessionHoldsIsRefused() throws Exception {
    List<UnaryOperator<String>> forgeries =
        List.of(
            line -> line.replace("2026-11-21T12:34:56.123456789Z", "+20000-01-01T00:00:00Z"),
            line -> line.replace("2026-11-21T12:34:56.123456789Z", "1969-12-31T23:59:59Z"),
            line -> line.replace("\"key\":\"agent:main:main\"", "\"key\":\"nonce:local:00\""),
            line -> line.replace("\"session\":\"a1b2c3d4\"", "\"session\":\"00000000\""),
            line -> line.replace("\"headNumber\":8", "\"headNumber\":9"),
            line -> line.replace("\"expirySeconds\":2592000", "\"expirySeconds\":-1"),
            line -> line.replace("{\\\"type\\\":\\\"status\\\"", "{\\\"kind\\\":\\\"status\\\""),
            line -> line.replace("{\\\"type\\\":\\\"status\\\"", "\\\"status\\\""),
            line -> line.replace("\"kind\":\"text\"", "\"kind\":\"text\",\"plain\":\"x\""),
            line -> line.replace("\"kind\":\"text\"", "\"kind\":\"text\",\"more\":true"),
            line -> line.replace("{\\\"type\\\":\\\"abort\\\"}", "{ \\\"type\\\":\\\"abort\\\"}"),
            line -> line.replace("{\\\"type\\\":\\\"abort\\\"}", "abort"),
            line -> line.replace("\"device\":\"phone\"", "\"device\":\"" + "p".repeat(65) + "\""),
            line -> line.replace("and then?", "x".repeat(65_536)),
            line -> line.replace("\"device\":\"phone\"", "\"device\":\"phone\",\"path\":\"../x\""));

    for (UnaryOperator<String> forgery : forgeries) {
      byte[] forged = signed(forgery);
      assertThat(refusal(forged))
          .as(new String(forged, StandardCharsets.UTF_8))
          .isEqualTo(InvalidBundleException.Reason.DAMAGED);
    }
    try (BundleFile file = BundleSample.file(signed(line -> line))) {
      assertThat(file.verify(signer -> true).manifest()).isEqualTo(BundleSample.manifest());
    }
  }

  /** The sample with other lines, and a signature that fits them. */
  private static byte[] signed(UnaryOperator<String> forgery) throws Exception {
    String good = new String(BundleSample.bytes(), StandardCharsets.UTF_8);
    String content = good.substring(0, good.lastIndexOf("{\"signature\"")).transform(forgery);
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    String digest = HexFormat.of().formatHex(BundleWriter.sha256().digest(bytes));
    byte[] end = BundleLines.signature(BundleSample.SIGNER.sign(digest));
    byte[] all = Arrays.copyOf(bytes, bytes.length + end.length);
    System.arraycopy(end, 0, all, bytes.length, end.length);
    return all;
  }

  @Test
  void moreBytesThanAllowedAreNotEvenKept() throws Exception {
    try (BundleFile file = BundleFile.create(BundleSample.limits(65_536, 65_536))) {
      for (int i = 0; i < 70; i++) {
        file.write(ByteBuffer.allocate(1_000));
      }

      assertThatThrownBy(() -> file.verify(signer -> true))
          .isInstanceOfSatisfying(
              InvalidBundleException.class,
              refused ->
                  assertThat(refused.reason()).isEqualTo(InvalidBundleException.Reason.TOO_LARGE));
    }
  }

  @Test
  void moreWaitingInputThanAllowedIsRefused() throws Exception {
    List<TargetCommand.TargetInput> inputs =
        LongStream.rangeClosed(6, 8)
            .mapToObj(number ->
                new TargetCommand.TargetInput(
                    number, "laptop", Bytes.of("x".repeat(30_000)), false, false, Optional.of(4L)))
            .toList();
    BundleManifest sample = BundleSample.manifest();
    var manifest =
        new BundleManifest(
            sample.session(),
            sample.key(),
            sample.target(),
            sample.createdAt(),
            sample.expirySeconds(),
            sample.firstNumber(),
            sample.headNumber(),
            8,
            5,
            3,
            Optional.empty());

    assertThat(
            refusal(
                BundleSample.bytes(manifest, BundleSample.ENTRIES, inputs, BundleSample.SIGNER)))
        .isEqualTo(InvalidBundleException.Reason.TOO_LARGE);
  }

  @Test
  void aNewerVersionIsToldAsSuch() throws Exception {
    String newer =
        new String(BundleSample.bytes(), StandardCharsets.UTF_8)
            .replace("{\"clawterm-bundle\":1,", "{\"clawterm-bundle\":2,\"more\":[],");

    try (BundleFile file = BundleSample.file(newer.getBytes(StandardCharsets.UTF_8))) {
      assertThatThrownBy(() -> file.verify(signer -> true))
          .isInstanceOf(InvalidBundleException.class)
          .hasMessageContaining("version 2")
          .hasMessageContaining("reads version 1");
    }
  }

  @Test
  void anUnknownSignerIsToldByItsFingerprint() throws Exception {
    try (BundleFile file = BundleSample.file(BundleSample.bytes())) {
      assertThatThrownBy(() -> file.verify(signer -> false))
          .isInstanceOf(InvalidBundleException.class)
          .hasMessageContaining(BundleSample.SIGNER.fingerprint());
    }
  }

  @Test
  void somebodyElsesKeyInThePlaceOfTheSignersIsRefused() throws Exception {
    byte[] seed = new byte[BundleSigner.SEED_BYTES];
    String mine = java.util.Base64.getEncoder().encodeToString(BundleSample.SIGNER.publicKey());
    String other =
        java.util.Base64.getEncoder().encodeToString(BundleSigner.ofSeed(seed).publicKey());
    String forged = new String(BundleSample.bytes(), StandardCharsets.UTF_8).replace(mine, other);

    assertThat(refusal(forged.getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(InvalidBundleException.Reason.DAMAGED);
  }

  @Test
  void aWriterRefusesALogWithAHole() {
    var writer = new BundleWriter(BundleSample.manifest(), BundleSample.SIGNER);
    writer.manifest();
    writer.entry(new LogEntry(4, Entry.text("x")));

    assertThatThrownBy(() -> writer.entry(new LogEntry(6, Entry.text("y"))))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(writer::signature).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theKeyPairOfASeedIsThatOfTheStandard() {
    // RFC 8032, section 7.1, test 1
    byte[] seed =
        java.util.HexFormat.of()
            .parseHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    byte[] publicKey = BundleSigner.ofSeed(seed).publicKey();

    assertThat(java.util.HexFormat.of().formatHex(publicKey))
        .endsWith("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  }

  private static InvalidBundleException.Reason refusal(byte[] bytes) throws IOException {
    try (BundleFile file = BundleSample.file(bytes)) {
      InvalidBundleException refused =
          catchThrowableOfType(InvalidBundleException.class, () -> file.verify(signer -> true));
      assertThat(refused).isNotNull();
      return refused.reason();
    }
  }
}
