package io.clawterm.session;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Optional;

/**
 * Structured entries from devices, brought into one form before they are stored: what is read from
 * the log later does not depend on how a device wrote its JSON.
 */
final class ClientEvents {

  /** The longest canonical form; with what the log puts around it, it fits one frame. */
  static final int MAX_CHARS = 60_000;

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private ClientEvents() {}

  /** The canonical form, or nothing if this is no object with a type, or too long. */
  static Optional<Bytes> canonical(Bytes body) {
    return canonicalOfAnyLength(body).filter(canonical -> canonical.length() <= MAX_CHARS);
  }

  private static Optional<Bytes> canonicalOfAnyLength(Bytes body) {
    try {
      JsonNode node = JSON.readTree(body.unsafeArray());
      if (node == null || !node.isObject() || !node.path("type").isTextual()) {
        return Optional.empty();
      }
      String text;
      if (node.path("type").textValue().equals("input")) {
        if (!node.path("text").isTextual()) {
          return Optional.empty();
        }
        var json = new StringBuilder(Entries.INPUT_HEAD);
        Entries.quote(node.path("text").textValue(), json);
        text = json.append('}').toString();
      } else {
        text = JSON.writeValueAsString(node);
      }
      return Optional.of(Bytes.of(text));
    } catch (IOException e) {
      return Optional.empty(); // not JSON: the device is told so
    }
  }

  /**
   * Whether this is refused for its length: as it came, whatever it holds, or in its canonical
   * form.
   */
  static boolean isTooLong(SessionCommand.InputFrame frame) {
    return frame.event()
        && (frame.body().length() > MAX_CHARS
            || canonicalOfAnyLength(frame.body())
                .filter(canonical -> canonical.length() > MAX_CHARS)
                .isPresent());
  }

  /** Whether this is what a structured entry in the log has to be. */
  static boolean isEvent(Bytes body) {
    try {
      JsonNode node = JSON.readTree(body.unsafeArray());
      return node != null && node.isObject() && node.path("type").isTextual();
    } catch (IOException e) {
      return false; // not JSON
    }
  }

  /** The text of a structured input in its canonical form. */
  static String textOf(String canonical) {
    return field(canonical, "text");
  }

  /** The type of a structured entry in its canonical form. */
  static String typeOf(String canonical) {
    return field(canonical, "type");
  }

  private static String field(String canonical, String name) {
    try {
      return JSON.readTree(canonical).path(name).textValue();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a stored entry is not in its canonical form", e);
    }
  }
}
