package io.clawterm.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/** JSON as all dialects write and read it. */
final class Json {

  private static final int MAX_NAME_CHARS = 200;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Json() {}

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** Reads the data of an event, which is an object. */
  static JsonNode object(String data) {
    JsonNode node;
    try {
      node = MAPPER.readTree(data);
    } catch (JsonProcessingException e) {
      // Not as the cause: Jackson quotes what it can't read, and that is somebody's conversation.
      throw new MalformedAnswerException("the data of an event is not JSON");
    }
    if (!node.isObject()) {
      throw new MalformedAnswerException("the data of an event is not a JSON object");
    }
    return node;
  }

  /** A name that a provider gives; cut, as it may give anything. */
  static Optional<String> name(JsonNode node) {
    return Optional.of(node.asText(""))
        .filter(name -> !name.isBlank())
        .map(name -> name.substring(0, Math.min(name.length(), MAX_NAME_CHARS)));
  }

  static void turns(ArrayNode messages, List<Turn> turns) {
    for (Turn turn : turns) {
      messages.addObject().put("role", role(turn.role())).put("content", turn.text());
    }
  }

  private static String role(Role role) {
    return switch (role) {
      case USER -> "user";
      case ASSISTANT -> "assistant";
    };
  }
}
