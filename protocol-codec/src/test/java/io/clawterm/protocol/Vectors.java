package io.clawterm.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;

/** The test vectors, the file that clients in other languages use too. */
final class Vectors {
  private static final JsonNode ROOT = read();

  private Vectors() {}

  static JsonNode of(String section) {
    return Objects.requireNonNull(ROOT.get(section), section);
  }

  static List<JsonNode> list(String section) {
    return StreamSupport.stream(of(section).spliterator(), false).toList();
  }

  static JsonNode frame(String name) {
    return list("frames").stream()
        .filter(frame -> frame.get("name").asText().equals(name))
        .findAny()
        .orElseThrow();
  }

  static byte[] bytes(JsonNode vector) {
    return bytes(vector, "hex");
  }

  static byte[] bytes(JsonNode vector, String key) {
    return HexFormat.of().parseHex(vector.get(key).asText());
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  private static JsonNode read() {
    try (InputStream file = Vectors.class.getResourceAsStream("vectors.json")) {
      return new ObjectMapper().readTree(Objects.requireNonNull(file, "vectors.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
