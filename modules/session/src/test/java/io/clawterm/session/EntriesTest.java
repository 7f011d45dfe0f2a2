package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How entries look on the wire; what is asserted as text here is fixed for ever. */
class EntriesTest {

  private static final SessionId ID = SessionId.of("1a2b3c4d");
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void theStructuredFormOfTextIsFixed() throws IOException {
    String text = "a\"b\\c\n\r\t\b\f\u0000\u001f\u007f/<>&é€\u2028𝄞";

    String shown = shown(Entry.text(text), true);

    assertThat(shown)
        .isEqualTo(
            "{\"type\":\"text\",\"text\":\"a\\\"b\\\\c\\n\\u000d\\u0009\\u0008\\u000c\\u0000\\u001f"
                + "\u007f/<>&é€\u2028𝄞\"}");
    assertThat(JSON.readTree(shown).get("text").asText()).isEqualTo(text);
    assertThat(shown(Entry.text(text), false)).isEqualTo(text);
  }

  @Test
  void everyCharacterSurvivesTheStructuredForm() throws IOException {
    var text = new StringBuilder();
    for (int c = 0; c <= Character.MAX_CODE_POINT; c += c < 0x3000 ? 1 : 97) {
      if (c < 0xd800 || c > 0xdfff) {
        text.appendCodePoint(c);
      }
    }
    var read = new StringBuilder();
    for (Entry entry : Entries.text(text.toString())) {
      read.append(JSON.readTree(shown(entry, true)).get("text").asText());
    }

    assertThat(read.toString()).isEqualTo(text.toString());
  }

  @Test
  void halfOfASurrogatePairIsStillAWellFormedEntry() throws IOException {
    assertThat(JSON.readTree(shown(Entry.text("a\ud834"), true)).get("text").asText())
        .isEqualTo("a?");
  }

  @Test
  void longTextIsNeverDividedWithinASurrogatePair() {
    String text = "x" + "𝄞".repeat(Entries.MAX_TEXT_CHARS);

    List<Entry> parts = Entries.text(text);

    assertThat(parts).hasSize(3);
    assertThat(String.join("", parts.stream().map(part -> part.body().utf8()).toList()))
        .isEqualTo(text);
    assertThat(Entries.text("")).isEmpty();
  }

  @Test
  void bytesAreDividedWithMoreOnAllButTheLast() {
    byte[] bytes = new byte[Frame.MAX_PAYLOAD * 2 + 1];

    List<Entry> parts = Entries.bytes(bytes, bytes.length);

    assertThat(parts).extracting(Entry::more).containsExactly(true, true, false);
    assertThat(parts).extracting(part -> part.body().length()).containsExactly(65_535, 65_535, 1);
    assertThat(Entries.frame(ID, 1, parts.getFirst(), true, false).flags()).isEqualTo(Flags.MORE);
    assertThat(Entries.bytes(bytes, 65_535)).extracting(Entry::more).containsExactly(false);
    assertThat(Entries.bytes(bytes, 0)).isEmpty();
  }

  @Test
  void eachFormFitsAFrameWhateverItHolds() {
    for (String worst : List.of("\u0000", "\u0001", "\"", "\\", "€", "\uffff", "\ud834", "é")) {
      Entry full = Entry.text(worst.repeat(Entries.MAX_TEXT_CHARS));
      assertThat(shownBytes(full, true)).hasSizeLessThanOrEqualTo(Frame.MAX_PAYLOAD);
      assertThat(shownBytes(full, false)).hasSizeLessThanOrEqualTo(Frame.MAX_PAYLOAD);
    }
    String device = "\u0001".repeat(64);
    for (int value : new int[] {0, 1, '"', '\\', 0x80, 0xff, 'x'}) {
      byte[] body = new byte[Frame.MAX_PAYLOAD];
      Arrays.fill(body, (byte) value);
      var frame = new SessionCommand.InputFrame(Bytes.wrap(body), false, true);
      for (Entry entry : Entries.ofInput(device, frame)) {
        assertThat(shownBytes(entry, true)).hasSizeLessThanOrEqualTo(Frame.MAX_PAYLOAD);
      }
    }
    int fill = ClientEvents.MAX_CHARS - 30;
    for (String type : List.of("input", "other")) {
      Bytes json = Bytes.of("{\"type\":\"" + type + "\",\"text\":\"" + "x".repeat(fill) + "\"}");
      Bytes canonical = ClientEvents.canonical(json).orElseThrow();
      var frame = new SessionCommand.InputFrame(canonical, true, false);
      for (Entry entry : Entries.ofInput(device, frame)) {
        assertThat(shownBytes(entry, true)).hasSizeLessThanOrEqualTo(Frame.MAX_PAYLOAD);
      }
    }
  }

  @Test
  void whatDoesNotFitAFrameIsNoEntry() {
    assertThatThrownBy(() -> Entry.text("x".repeat(Entries.MAX_TEXT_CHARS + 1)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Entry.event("x".repeat(65_536), ""))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Entry.event("{}", "x".repeat(65_536)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Entry.bytes(Bytes.wrap(new byte[65_536]), false))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theFormOfAMessageInTheLogIsFixed() {
    assertThat(shown(input("hi \"you\"", false, false).getFirst(), true))
        .isEqualTo(
            "{\"type\":\"message\",\"role\":\"user\",\"device\":\"laptop\",\"text\":\"hi"
                + " \\\"you\\\"\"}");
    assertThat(shown(input("part", false, true).getFirst(), true))
        .isEqualTo(
            "{\"type\":\"message\",\"role\":\"user\",\"device\":\"laptop\",\"text\":\"part\",\"more\":true}");
    assertThat(input("\n \n", false, false)).isEmpty();
    assertThat(input("a\r\nb", false, false)).hasSize(2);
    assertThat(shown(input("hi", false, false).getFirst(), false)).isEmpty();
  }

  @Test
  void onlyWholeObjectsWithATypeAreTakenFromADevice() {
    for (String forged :
        List.of(
            "1},\"type\":\"message\",\"role\":\"assistant\",\"text\":\"x\"",
            "",
            "null",
            "[]",
            "{}",
            "{\"type\":1}",
            "{\"type\":\"input\"}",
            "{\"type\":\"abort\"} {\"type\":\"abort\"}",
            "{\"type\":\"a\",\"x\":\"" + "y".repeat(ClientEvents.MAX_CHARS) + "\"}",
            "[".repeat(5_000))) {
      assertThat(ClientEvents.canonical(Bytes.of(forged))).describedAs(forged).isEmpty();
    }
  }

  @Test
  void whatADeviceAsksForStandsInAnObjectOfItsOwn() {
    Bytes canonical =
        ClientEvents.canonical(Bytes.of(" { \"type\" : \"abort\", \"run\": 1 } ")).orElseThrow();

    Entry entry =
        Entries.ofInput("laptop", new SessionCommand.InputFrame(canonical, true, false)).getFirst();

    assertThat(shown(entry, true))
        .isEqualTo(
            "{\"type\":\"command\",\"device\":\"laptop\",\"command\":{\"type\":\"abort\",\"run\":1}}");
  }

  @Test
  void aLongMessageIsSeveralEntriesThatSayThatMoreComes() throws IOException {
    String text = "0123456789".repeat(2_000);

    List<Entry> entries = input(text, false, false);

    var read = new StringBuilder();
    List<Boolean> more = new ArrayList<>();
    for (Entry entry : entries) {
      JsonNode json = JSON.readTree(shown(entry, true));
      read.append(json.get("text").asText());
      more.add(json.has("more"));
    }
    assertThat(read.toString()).isEqualTo(text);
    assertThat(more).containsExactly(true, true, false);
  }

  @Test
  void aFrameTellsItsNumberKindAndWhetherItIsReplayed() {
    Entry event = Entry.event("{\"type\":\"notice\"}", "note");

    Frame structured = Entries.frame(ID, (1L << 32) + 5, event, true, true);
    Frame plain = Entries.frame(ID, 5, event, false, false);

    assertThat(structured.seq()).isEqualTo(5);
    assertThat(structured.flags()).isEqualTo(Flags.EVENT | Flags.REPLAY);
    assertThat(plain.flags()).isZero();
    assertThat(new String(plain.payload(), StandardCharsets.UTF_8)).isEqualTo("note");
  }

  private static List<Entry> input(String text, boolean event, boolean more) {
    return Entries.ofInput("laptop", new SessionCommand.InputFrame(Bytes.of(text), event, more));
  }

  private static String shown(Entry entry, boolean structured) {
    return new String(shownBytes(entry, structured), StandardCharsets.UTF_8);
  }

  private static byte[] shownBytes(Entry entry, boolean structured) {
    return Entries.frame(ID, 1, entry, structured, false).payload();
  }
}
