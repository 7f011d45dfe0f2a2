package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dissector for Wireshark, in a real tshark. */
class DissectorTest {
  private static final Frame DATA =
      Frame.of(0x2A, 7, FrameType.DATA, Flags.EVENT, new byte[] {'h', 'e', 'l', 'l', 'o'});

  @TempDir Path folder;

  @BeforeAll
  static void needTshark() {
    Processes.need("tshark");
  }

  @Test
  void everyVectorIsShownWithItsMeaning() throws IOException {
    var vectors = Vectors.list("frames");

    List<String> lines =
        fields(
            capture(vectors.stream().map(Vectors::bytes).toList()),
            "clawterm.session",
            "clawterm.seq",
            "clawterm.type",
            "clawterm.payload",
            "clawterm.crc.status");

    assertThat(lines)
        .containsExactlyElementsOf(
            vectors.stream()
                .map(vector ->
                    "0x%08x|%s|0x%02x|%s|Good"
                        .formatted(
                            vector.get("sessionId").asLong(),
                            vector.get("seq").asText(),
                            FrameType.valueOf(vector.get("type").asText()).code(),
                            vector.get("payload").asText()))
                .toList());
  }

  @Test
  void everyFieldIsShownWithItsValue() throws IOException {
    Fields fields =
        Fields.builder()
            .version(1)
            .target("agent:main")
            .device("Löwe")
            .lastSeq(-1)
            .keepaliveMs(30_000)
            .mode(Mode.SHARE)
            .code(Code.MOVED)
            .terminalSize(80, 24)
            .nonce(new byte[16])
            .build();
    byte[] frame = Frame.of(0x2A, 1, FrameType.RESUME, 0, fields).toBytes();

    String details = details(capture(List.of(frame)));

    assertThat(details)
        .contains(
            "ClawTerm, RESUME session=0000002a seq=1 len=" + fields.length(),
            "VERSION: 1",
            "TARGET: agent:main",
            "DEVICE: Löwe",
            "LAST_SEQ: 18446744073709551615",
            "KEEPALIVE_MS: 30000",
            "MODE: SHARE (1)",
            "CODE: MOVED (4)",
            "Columns: 80",
            "Rows: 24",
            "NONCE: 00000000000000000000000000000000",
            "[correct]")
        .doesNotContain("Expert Info");
  }

  @Test
  void aFrameCutAnywhereIsPutTogether() throws IOException {
    byte[] bytes = DATA.toBytes();
    for (int cut : new int[] {1, 5, 12, 13, 15, bytes.length - 1}) {
      Path capture =
          capture(
              List.of(
                  Arrays.copyOfRange(bytes, 0, cut), Arrays.copyOfRange(bytes, cut, bytes.length)));

      assertThat(fields(capture, "frame.number", "clawterm.seq", "clawterm.crc.status"))
          .as("cut at %d", cut)
          .containsExactly("2|7|Good");
    }
  }

  @Test
  void framesOfOneSegmentAreAllShownAndTheCutOneInTheNext() throws IOException {
    byte[] three = Streams.join(List.of(DATA, DATA, DATA));
    int cut = three.length - 3;

    Path capture =
        capture(
            List.of(
                Arrays.copyOfRange(three, 0, cut), Arrays.copyOfRange(three, cut, three.length)));

    assertThat(fields(capture, "frame.number", "clawterm.seq")).containsExactly("1|7,7", "2|7");
  }

  @Test
  void damageIsShown() throws IOException {
    byte[] damaged = DATA.toBytes();
    damaged[Frame.HEADER] ^= 1;

    Path capture = capture(List.of(damaged, new byte[] {1, 2, 3}));

    assertThat(fields(capture, "clawterm.crc.status", "_ws.expert.message"))
        .containsExactly("Bad|Bad checksum", "|A frame begins with 0x7E");
  }

  @Test
  void brokenFieldsAreShown() throws IOException {
    List<byte[]> frames =
        Vectors.list("malformedFields").stream()
            .filter(vector -> !vector.get("reason").asText().equals("FIELD_TEXT"))
            .filter(vector -> !vector.get("reason").asText().equals("FIELD_VALUE"))
            .map(Vectors::bytes)
            .map(payload -> Frame.of(0x2A, 1, FrameType.KEEPALIVE, 0, payload).toBytes())
            .toList();

    List<String> lines = fields(capture(frames), "clawterm.crc.status", "_ws.expert.message");

    assertThat(lines)
        .hasSameSizeAs(frames)
        .allMatch(line ->
            line.contains("A field ends after the payload")
                || line.contains("A tag is given twice")
                || line.contains("A value of the wrong size"));
  }

  @Test
  void unknownTypesFlagsAndTagsAreShown() throws IOException {
    byte[] type = DATA.toBytes();
    type[9] = 0x11;
    byte[] session = DATA.toBytes();
    session[4] = 0;

    Path capture =
        capture(
            List.of(
                type,
                session,
                Vectors.bytes(Vectors.frame("data-unknown-flags")),
                Vectors.bytes(Vectors.frame("keepalive-unknown-tags"))));

    assertThat(details(capture))
        .contains(
            "Unknown type",
            "Session id 0 in a type that needs a session",
            "Flags without a meaning are set",
            "A tag that this version does not know");
  }

  private List<String> fields(Path capture, String... names) {
    List<String> options =
        new ArrayList<>(List.of("-Y", "clawterm", "-T", "fields", "-E", "separator=|"));
    for (String name : names) {
      options.addAll(List.of("-e", name));
    }
    return tshark(capture, options).lines().toList();
  }

  private String details(Path capture) {
    return tshark(capture, List.of("-O", "clawterm", "-V"));
  }

  private String tshark(Path capture, List<String> options) {
    Path script = Path.of("src/main/wireshark/clawterm.lua").toAbsolutePath();
    List<String> command =
        new ArrayList<>(List.of("tshark", "-X", "lua_script:" + script, "-r", capture.toString()));
    command.addAll(options);
    // A folder of its own as home: what the person who tests has set for Wireshark isn't tested.
    command.addAll(0, List.of("env", "HOME=" + folder, "LC_ALL=C.UTF-8"));
    var result = Processes.run(folder, "", command);
    assertThat(result.exit()).as(result.errors()).isZero();
    assertThat(result.output() + result.errors()).doesNotContainIgnoringCase("lua error");
    return result.output();
  }

  /** A capture file: these bytes, a TCP segment each, from a client to port 7220 on loopback. */
  private Path capture(List<byte[]> segments) throws IOException {
    int ipAndTcp = 40;
    int size = segments.stream().mapToInt(segment -> 16 + ipAndTcp + segment.length).sum();
    ByteBuffer file = ByteBuffer.allocate(24 + size);
    int rawIp = 101;
    file.putInt(0xA1B2C3D4).putShort((short) 2).putShort((short) 4).putLong(0);
    file.putInt(65_535).putInt(rawIp);
    int sequence = 1;
    for (byte[] segment : segments) {
      int length = ipAndTcp + segment.length;
      file.putInt(sequence).putInt(0).putInt(length).putInt(length);
      file.putShort((short) 0x4500).putShort((short) length).putInt(0);
      // Time to live 64, TCP, no checksum (tshark checks none unless told), loopback both ways.
      file.put((byte) 64).put((byte) 6).putShort((short) 0).putInt(0x7F000001).putInt(0x7F000001);
      file.putShort((short) 50_000).putShort((short) 7220).putInt(sequence).putInt(1);
      file.putShort((short) 0x5018).putShort((short) 0xFFFF).putInt(0).put(segment);
      sequence += segment.length;
    }
    return Files.write(Files.createTempFile(folder, "capture", ".pcap"), file.array());
  }
}
