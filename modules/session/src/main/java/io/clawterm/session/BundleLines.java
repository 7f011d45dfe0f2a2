package io.clawterm.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Frame;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a bundle, each a JSON object: the manifest, the entries, the input that waits, the
 * signature. docs/reference/bundle.md is the authority.
 *
 * <p>What can't be read throws {@link IllegalArgumentException}, whose message says what is wrong.
 */
final class BundleLines {

  /** The version of the form that is written, and the newest that is read. */
  static final int VERSION = 1;

  /** The longest line: an entry's 64 KiB, twice, each character escaped. */
  static final int MAX_LINE_BYTES = 1_048_576;

  /** How long the last line is, its line feed included. */
  static final int SIGNATURE_LINE_BYTES = 145;

  private static final String VERSION_FIELD = "clawterm-bundle";
  private static final Pattern SIGNATURE =
      Pattern.compile("\\{\"signature\":\"([0-9a-f]{128})\"}\n");

  /** Numbers beyond this are no count of anything. */
  private static final long MAX_NUMBER = 1L << 53;

  private static final int MAX_NAME_CHARS = 1_024;

  /** As the protocol has it (field DEVICE). */
  private static final int MAX_DEVICE_BYTES = 64;

  /** What any database and any reader of RFC 3339 can hold. */
  private static final Instant MIN_MOMENT = Instant.parse("1970-01-01T00:00:00Z");

  private static final Instant MAX_MOMENT = Instant.parse("9999-12-31T23:59:59.999999999Z");

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(com.fasterxml.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Manifest(
      @JsonProperty(VERSION_FIELD) int version,
      String signer,
      String session,
      @Nullable String key,
      String target,
      String createdAt,
      long expirySeconds,
      long firstNumber,
      long headNumber,
      long received,
      long consumed,
      int waiting,
      @Nullable Memo memo) {}

  private record Memo(String json, boolean open) {}

  /** An entry; text where the bytes are text, and else all as Base64. */
  @JsonInclude(JsonInclude.Include.NON_DEFAULT)
  private record EntryLine(
      @JsonInclude(JsonInclude.Include.ALWAYS) long entry,
      String kind,
      @Nullable String body,
      @Nullable String plain,
      boolean base64,
      boolean more) {}

  @JsonInclude(JsonInclude.Include.NON_DEFAULT)
  private record InputLine(
      @JsonInclude(JsonInclude.Include.ALWAYS) long input,
      String device,
      @Nullable String body,
      boolean base64,
      boolean event,
      boolean more,
      @Nullable Long at) {}

  /** The manifest and who has signed. */
  record Head(BundleManifest manifest, Bytes signer) {}

  private BundleLines() {}

  // ---- manifest ----

  static byte[] manifest(BundleManifest manifest, byte[] signer) {
    return line(
        new Manifest(
            VERSION,
            Base64.getEncoder().encodeToString(signer),
            manifest.session().toString(),
            manifest.key().orElse(null),
            manifest.target(),
            manifest.createdAt().toString(),
            manifest.expirySeconds(),
            manifest.firstNumber(),
            manifest.headNumber(),
            manifest.received(),
            manifest.consumed(),
            manifest.waiting(),
            manifest.memo().map(memo -> new Memo(memo.json(), memo.open())).orElse(null)));
  }

  /** The version that a manifest states, whatever else a newer one may hold. */
  static int version(byte[] line) {
    JsonNode version = tree(line).path(VERSION_FIELD);
    require(
        version.isInt() && version.intValue() >= 1, "the first line is no manifest of a bundle");
    return version.intValue();
  }

  static Head head(byte[] line) {
    Manifest wire = read(line, Manifest.class);
    Optional<TargetMemo> memo =
        Optional.ofNullable(wire.memo()).map(given -> new TargetMemo(given.json(), given.open()));
    memo.ifPresent(TargetMemo::requireFits);
    require(given(wire.target()), "target is missing");
    require(given(wire.signer()), "signer is missing");
    require(given(wire.session()), "session is missing");
    require(given(wire.createdAt()), "createdAt is missing");
    require(wire.key() == null || Sessions.isUsableKey(wire.key()), "key is no session key");
    require(wire.expirySeconds() >= 1 && wire.expirySeconds() < MAX_NUMBER, "expirySeconds");
    require(wire.firstNumber() >= 1, "firstNumber");
    require(
        wire.headNumber() >= wire.firstNumber() - 1 && wire.headNumber() < MAX_NUMBER,
        "headNumber");
    require(wire.consumed() >= 0 && wire.received() >= wire.consumed(), "received, consumed");
    require(wire.received() < MAX_NUMBER, "received");
    require(wire.waiting() >= 0 && wire.waiting() <= wire.received() - wire.consumed(), "waiting");
    try {
      Instant createdAt = Instant.parse(wire.createdAt());
      require(
          !createdAt.isBefore(MIN_MOMENT) && !createdAt.isAfter(MAX_MOMENT),
          "createdAt is no moment of these times");
      var manifest =
          new BundleManifest(
              SessionId.of(wire.session()),
              Optional.ofNullable(wire.key()),
              wire.target(),
              createdAt,
              wire.expirySeconds(),
              wire.firstNumber(),
              wire.headNumber(),
              wire.received(),
              wire.consumed(),
              wire.waiting(),
              memo);
      return new Head(manifest, Bytes.wrap(Base64.getDecoder().decode(wire.signer())));
    } catch (DateTimeException e) {
      throw new IllegalArgumentException("createdAt is no moment", e);
    }
  }

  // ---- entries ----

  static byte[] entry(LogEntry numbered) {
    Entry entry = numbered.entry();
    boolean text = isText(entry.body()) && isText(entry.plain());
    return line(
        new EntryLine(
            numbered.number(),
            entry.kind().name().toLowerCase(Locale.ROOT),
            written(entry.body(), text),
            written(entry.plain(), text),
            !text,
            entry.more()));
  }

  static LogEntry entry(byte[] line) {
    EntryLine wire = read(line, EntryLine.class);
    require(given(wire.kind()), "kind is missing");
    Bytes body = bytes(wire.body(), wire.base64());
    Bytes plain = bytes(wire.plain(), wire.base64());
    Entry.Kind kind =
        switch (wire.kind()) {
          case "bytes" -> Entry.Kind.BYTES;
          case "text" -> Entry.Kind.TEXT;
          case "event" -> Entry.Kind.EVENT;
          default -> throw new IllegalArgumentException("no entry has the kind " + wire.kind());
        };
    require(kind == Entry.Kind.EVENT || plain.length() == 0, "only an event has plain");
    require(kind == Entry.Kind.BYTES || !wire.more(), "only bytes have more");
    switch (kind) {
      case BYTES -> {}
      case TEXT ->
          require(body.utf8().length() <= Entries.MAX_TEXT_CHARS, "a delta is longer than any");
      case EVENT -> require(ClientEvents.isEvent(body), "an event is no JSON object with a type");
    }
    return new LogEntry(wire.entry(), new Entry(kind, body, plain, wire.more()));
  }

  // ---- input ----

  static byte[] input(TargetCommand.TargetInput input) {
    boolean text = isText(input.body());
    return line(
        new InputLine(
            input.number(),
            input.device(),
            written(input.body(), text),
            !text,
            input.event(),
            input.more(),
            input.entry().orElse(null)));
  }

  static TargetCommand.TargetInput input(byte[] line) {
    InputLine wire = read(line, InputLine.class);
    require(given(wire.device()), "device is missing");
    require(Bytes.of(wire.device()).length() <= MAX_DEVICE_BYTES, "device is too long");
    require(wire.at() != null, "at is missing");
    Bytes body = bytes(wire.body(), wire.base64());
    // What a session would not have taken from a device is not taken from a file either.
    require(body.length() <= Frame.MAX_PAYLOAD, "input is longer than a frame");
    require(
        !wire.event() || (!wire.more() && ClientEvents.canonical(body).equals(Optional.of(body))),
        "input is no structured entry as sessions store them");
    return new TargetCommand.TargetInput(
        wire.input(),
        wire.device(),
        body,
        wire.event(),
        wire.more(),
        Optional.ofNullable(wire.at()));
  }

  // ---- signature ----

  static byte[] signature(byte[] signature) {
    String hex = HexFormat.of().formatHex(signature);
    return ("{\"signature\":\"" + hex + "\"}\n").getBytes(StandardCharsets.US_ASCII);
  }

  /** The signature, if the line is what {@link #signature(byte[])} writes, to the last byte. */
  static Optional<byte[]> signatureOf(byte[] line) {
    Matcher matcher = SIGNATURE.matcher(new String(line, StandardCharsets.ISO_8859_1));
    return matcher.matches()
        ? Optional.of(HexFormat.of().parseHex(matcher.group(1)))
        : Optional.empty();
  }

  // ---- bytes ----

  private static boolean isText(Bytes bytes) {
    return bytes.equals(Bytes.of(bytes.utf8()));
  }

  private static @Nullable String written(Bytes bytes, boolean text) {
    if (bytes.length() == 0) {
      return null;
    }
    return text ? bytes.utf8() : Base64.getEncoder().encodeToString(bytes.unsafeArray());
  }

  private static Bytes bytes(@Nullable String written, boolean base64) {
    if (written == null) {
      return Bytes.EMPTY;
    }
    return base64 ? Bytes.wrap(Base64.getDecoder().decode(written)) : Bytes.of(written);
  }

  private static boolean given(@Nullable String name) {
    return name != null && !name.isEmpty() && name.length() <= MAX_NAME_CHARS;
  }

  private static byte[] line(Object wire) {
    try {
      byte[] json = JSON.writeValueAsBytes(wire);
      byte[] line = Arrays.copyOf(json, json.length + 1);
      line[json.length] = '\n';
      return line;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a line of a bundle can't be written", e);
    }
  }

  private static JsonNode tree(byte[] line) {
    try {
      return JSON.readTree(line);
    } catch (IOException e) {
      throw new IllegalArgumentException("not JSON", e);
    }
  }

  private static <T> T read(byte[] line, Class<T> type) {
    try {
      T wire = JSON.readValue(line, type);
      require(wire != null, "a line holds nothing");
      return wire;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new IllegalArgumentException("not JSON", e);
    }
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new IllegalArgumentException(problem);
    }
  }
}
