package io.clawterm.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VectorsTest {
  private static final HexFormat HEX = HexFormat.of();

  static Stream<JsonNode> frames() {
    return Vectors.list("frames").stream();
  }

  static Stream<JsonNode> fields() {
    return Vectors.list("fields").stream();
  }

  static Stream<JsonNode> malformedFrames() {
    return Vectors.list("malformedFrames").stream();
  }

  static Stream<JsonNode> malformedFields() {
    return Vectors.list("malformedFields").stream();
  }

  static Stream<JsonNode> checksums() {
    return Vectors.list("crc").stream();
  }

  static Stream<JsonNode> sequence() {
    return Vectors.list("sequence").stream();
  }

  @Test
  void theConstantsAreThoseOfTheCode() {
    assertThat(constants("types")).isEqualTo(values(FrameType.values(), FrameType::code));
    assertThat(constants("codes")).isEqualTo(values(Code.values(), Code::value));
    assertThat(constants("modes")).isEqualTo(values(Mode.values(), Mode::value));
    assertThat(constants("flags"))
        .isEqualTo(
            Map.of(
                "MORE", Flags.MORE,
                "EVENT", Flags.EVENT,
                "REPLAY", Flags.REPLAY,
                "ACK_NOW", Flags.ACK_NOW,
                "ERROR", Flags.ERROR));
    var tags = new TreeMap<String, Integer>();
    Vectors.of("tags")
        .properties()
        .forEach(tag -> tags.put(tag.getKey(), tag.getValue().get("tag").asInt()));
    assertThat(tags).isEqualTo(values(Tag.values(), Tag::code));
  }

  @Test
  void eachTypeAndEachFieldHasAVector() {
    assertThat(frames().map(frame -> frame.get("type").asText()))
        .containsAll(Arrays.stream(FrameType.values()).map(Enum::name).toList());
    assertThat(fields().map(field -> field.get("tag").asText()))
        .containsAll(Arrays.stream(Tag.values()).map(Enum::name).toList());
    assertThat(
            Stream.concat(malformedFrames(), malformedFields())
                .map(vector -> vector.get("reason").asText()))
        .containsAll(
            Arrays.stream(MalformedFrameException.Reason.values())
                .map(Enum::name)
                // A stream waits where a single message is refused: not for vectors of streams.
                .filter(name -> !name.equals("TRUNCATED") && !name.equals("TRAILING_BYTES"))
                .toList());
  }

  @ParameterizedTest
  @MethodSource("checksums")
  void aChecksumIsTheGivenOne(JsonNode vector) {
    byte[] bytes = Vectors.bytes(vector);

    assertThat("%04x".formatted(Crc16.of(bytes, 0, bytes.length)))
        .isEqualTo(vector.get("crc").asText());
  }

  @ParameterizedTest
  @MethodSource("sequence")
  void aNumberIsExtendedToTheGivenOne(JsonNode vector) {
    long near = vector.get("near").asLong();

    assertThat(Sequence.extend(near, (int) vector.get("wire").asLong()))
        .isEqualTo(vector.get("number").asLong());
  }

  @ParameterizedTest
  @MethodSource("frames")
  void aFrameIsReadAsItsMeaning(JsonNode vector) {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    byte[] bytes = Vectors.bytes(vector);

    List<Frame> frames = Streams.feed(decoder, bytes, 0, bytes.length);

    assertThat(frames).hasSize(1);
    Frame frame = frames.get(0);
    assertThat(Integer.toUnsignedLong(frame.sessionId()))
        .isEqualTo(vector.get("sessionId").asLong());
    assertThat(Integer.toUnsignedLong(frame.seq())).isEqualTo(vector.get("seq").asLong());
    assertThat(frame.type().name()).isEqualTo(vector.get("type").asText());
    assertThat(frame.flags()).isEqualTo(flags(vector));
    assertThat(frame.payload()).isEqualTo(Vectors.bytes(vector, "payload"));
    if (vector.has("fields")) {
      assertThat(names(frame.fields())).isEqualTo(names(vector.get("fields")));
      vector
          .get("fields")
          .properties()
          .forEach(field ->
              assertThat(value(frame.fields(), Tag.valueOf(field.getKey())))
                  .isEqualTo(field.getValue().toString()));
    }
  }

  @ParameterizedTest
  @MethodSource("frames")
  void aMeaningIsWrittenAsItsFrame(JsonNode vector) {
    if (vector.path("readOnly").asBoolean()) {
      return;
    }
    int sessionId = (int) vector.get("sessionId").asLong();
    int seq = (int) vector.get("seq").asLong();
    FrameType type = FrameType.valueOf(vector.get("type").asText());

    Frame frame =
        vector.has("fields") && !hasUnknownCode(vector.get("fields"))
            ? Frame.of(sessionId, seq, type, flags(vector), build(vector.get("fields")))
            : Frame.of(sessionId, seq, type, flags(vector), Vectors.bytes(vector, "payload"));

    assertThat(HEX.formatHex(frame.toBytes())).isEqualTo(vector.get("hex").asText());
  }

  @ParameterizedTest
  @MethodSource("fields")
  void aFieldIsReadAndWritten(JsonNode vector) {
    Tag tag = Tag.valueOf(vector.get("tag").asText());
    JsonNode given = vector.get("value");

    Fields read = Fields.parse(Vectors.bytes(vector));

    assertThat(names(read)).containsExactly(tag.name());
    assertThat(value(read, tag)).isEqualTo(given.toString());
    assertThat(HEX.formatHex(read.toBytes())).isEqualTo(vector.get("hex").asText());
    if (tag != Tag.CODE || Code.of(given.asInt()) != null) {
      Fields.Builder builder = Fields.builder();
      set(builder, tag, given);
      assertThat(HEX.formatHex(builder.build().toBytes())).isEqualTo(vector.get("hex").asText());
    }
  }

  @ParameterizedTest
  @MethodSource("malformedFrames")
  void aMalformedFrameIsRefusedForItsReasonWhereverItIsCut(JsonNode vector) {
    byte[] bytes = Vectors.bytes(vector);
    for (int cut = 0; cut < bytes.length; cut++) {
      var decoder = new FrameDecoder(vector.get("maxPayload").asInt());
      int first = cut;

      var refusal =
          catchThrowableOfType(
              MalformedFrameException.class,
              () -> {
                Streams.feed(decoder, bytes, 0, first);
                Streams.feed(decoder, bytes, first, bytes.length - first);
              });

      assertThat(refusal).isNotNull();
      assertThat(refusal.reason().name()).isEqualTo(vector.get("reason").asText());
      assertThat(refusal.code().name()).isEqualTo(vector.get("code").asText());
    }
  }

  @ParameterizedTest
  @MethodSource("malformedFields")
  void malformedFieldsAreRefusedForTheirReason(JsonNode vector) {
    byte[] bytes = Vectors.bytes(vector);

    var refusal = catchThrowableOfType(MalformedFrameException.class, () -> Fields.parse(bytes));

    assertThat(refusal).isNotNull();
    assertThat(refusal.reason().name()).isEqualTo(vector.get("reason").asText());
    assertThat(refusal.code().name()).isEqualTo(vector.get("code").asText());
  }

  private static int flags(JsonNode vector) {
    int flags = 0;
    for (JsonNode name : vector.get("flags")) {
      flags |= Vectors.of("flags").get(name.asText()).asInt();
    }
    return flags;
  }

  private static boolean hasUnknownCode(JsonNode fields) {
    return fields.has("CODE") && Code.of(fields.get("CODE").asInt()) == null;
  }

  private static Set<String> names(Fields fields) {
    return Arrays.stream(Tag.values())
        .filter(tag -> !value(fields, tag).isEmpty())
        .map(Enum::name)
        .collect(Collectors.toSet());
  }

  private static Set<String> names(JsonNode fields) {
    var names = new HashSet<String>();
    fields.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** A field's value as the vectors write it, or nothing where it is absent. */
  private static String value(Fields fields, Tag tag) {
    return switch (tag) {
      case VERSION -> number(fields.version().stream().asLongStream());
      case TARGET -> quoted(fields.target().stream());
      case CREDENTIAL -> quoted(fields.credential().stream());
      case DEVICE -> quoted(fields.device().stream());
      case RESUME_TOKEN -> quoted(fields.resumeToken().stream().map(HEX::formatHex));
      case LAST_SEQ -> unsigned(fields.lastSeq().stream().boxed());
      case FIRST_SEQ -> unsigned(fields.firstSeq().stream().boxed());
      case HEAD_SEQ -> unsigned(fields.headSeq().stream().boxed());
      case KEEPALIVE_MS -> number(fields.keepaliveMs().stream());
      case MODE -> number(fields.mode().stream().mapToLong(Mode::value));
      case WINDOW -> number(fields.window().stream());
      case CODE -> number(fields.codeValue().stream().asLongStream());
      case TEXT -> quoted(fields.text().stream());
      case RETRY_AFTER_MS -> number(fields.retryAfterMs().stream());
      case TERMINAL_SIZE ->
          fields
              .terminalSize()
              .map(size -> "[" + size.columns() + "," + size.rows() + "]")
              .orElse("");
      case SESSION_KEY -> quoted(fields.sessionKey().stream());
      case ADDRESS -> quoted(fields.address().stream());
      case NONCE -> quoted(fields.nonce().stream().map(HEX::formatHex));
      case EXPIRY_S -> number(fields.expirySeconds().stream());
      case EVENTS -> fields.toString().contains("EVENTS") ? (fields.events() ? "1" : "0") : "";
    };
  }

  private static String number(LongStream value) {
    return value.mapToObj(Long::toString).collect(Collectors.joining());
  }

  private static String unsigned(Stream<Long> value) {
    return quoted(value.map(Long::toUnsignedString));
  }

  private static String quoted(Stream<String> value) {
    return value.map(text -> '"' + text + '"').collect(Collectors.joining());
  }

  private static Fields build(JsonNode fields) {
    Fields.Builder builder = Fields.builder();
    fields
        .properties()
        .forEach(field -> set(builder, Tag.valueOf(field.getKey()), field.getValue()));
    return builder.build();
  }

  private static void set(Fields.Builder builder, Tag tag, JsonNode value) {
    switch (tag) {
      case VERSION -> builder.version(value.asInt());
      case TARGET -> builder.target(value.asText());
      case CREDENTIAL -> builder.credential(value.asText());
      case DEVICE -> builder.device(value.asText());
      case RESUME_TOKEN -> builder.resumeToken(HEX.parseHex(value.asText()));
      case LAST_SEQ -> builder.lastSeq(Long.parseUnsignedLong(value.asText()));
      case FIRST_SEQ -> builder.firstSeq(Long.parseUnsignedLong(value.asText()));
      case HEAD_SEQ -> builder.headSeq(Long.parseUnsignedLong(value.asText()));
      case KEEPALIVE_MS -> builder.keepaliveMs(value.asLong());
      case MODE -> builder.mode(Objects.requireNonNull(Mode.of(value.asInt())));
      case WINDOW -> builder.window(value.asLong());
      case CODE -> builder.code(Objects.requireNonNull(Code.of(value.asInt())));
      case TEXT -> builder.text(value.asText());
      case RETRY_AFTER_MS -> builder.retryAfterMs(value.asLong());
      case TERMINAL_SIZE -> builder.terminalSize(value.get(0).asInt(), value.get(1).asInt());
      case SESSION_KEY -> builder.sessionKey(value.asText());
      case ADDRESS -> builder.address(value.asText());
      case NONCE -> builder.nonce(HEX.parseHex(value.asText()));
      case EXPIRY_S -> builder.expirySeconds(value.asLong());
      case EVENTS -> builder.events(value.asInt() == 1);
    }
  }

  private static Map<String, Integer> constants(String section) {
    var constants = new TreeMap<String, Integer>();
    Vectors.of(section)
        .properties()
        .forEach(entry -> constants.put(entry.getKey(), entry.getValue().asInt()));
    return constants;
  }

  private static <E extends Enum<E>> Map<String, Integer> values(E[] all, ToIntFunction<E> value) {
    Function<E, Integer> boxed = value::applyAsInt;
    return Arrays.stream(all).collect(Collectors.toMap(Enum::name, boxed));
  }
}
