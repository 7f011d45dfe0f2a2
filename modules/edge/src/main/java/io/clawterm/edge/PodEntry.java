package io.clawterm.edge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import java.util.Optional;

/** A pod's DATA as an entry of the log. */
final class PodEntry {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private PodEntry() {}

  /** The entry as the pod sent it; a broken structured one is kept as the bytes that it is. */
  static Entry of(Frame frame) {
    byte[] payload = frame.payload();
    boolean more = frame.has(Flags.MORE);
    if (frame.has(Flags.EVENT) && !more) {
      Optional<String> plain = plainOf(payload);
      if (plain.isPresent()) {
        return new Entry(Entry.Kind.EVENT, Bytes.wrap(payload), Bytes.of(plain.get()), false);
      }
    }
    return Entry.bytes(Bytes.wrap(payload), more);
  }

  /** What a plain terminal shows of a structured entry; empty where it is no JSON object. */
  private static Optional<String> plainOf(byte[] json) {
    try {
      JsonNode object = JSON.readTree(Bytes.wrap(json).utf8());
      if (object == null || !object.isObject()) {
        return Optional.empty();
      }
      boolean isText = object.path("type").asText().equals("text");
      return Optional.of(isText ? object.path("text").asText() : "");
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }
}
