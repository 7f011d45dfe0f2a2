package io.clawterm.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How one provider's API reads requests and writes events. The events come as text of the
 * event-stream format, blank line included.
 */
interface Dialect {

  ObjectMapper JSON = new ObjectMapper();

  /** The key that the request carries, if any. */
  Optional<String> key(HttpMessage request);

  Conversation read(HttpMessage request) throws BadRequestException;

  /** Whether a conversation that ends with the assistant's text is gone on from. */
  boolean continuesPrefix();

  /** Events before the first chunk. */
  List<String> opening(Reply reply);

  /** Events before the first chunk of a kind. */
  List<String> start(Reply reply, ChunkKind kind);

  String chunk(Reply reply, ChunkKind kind, String text);

  /** Events after the last chunk of a kind. */
  List<String> stop(Reply reply, ChunkKind kind);

  /** Events after everything. */
  List<String> closing(Reply reply, boolean outOfTokens, int chunks);

  /** An error event in the middle of the stream. */
  String error(String type, String message);

  /** The JSON body of an error response. */
  String errorBody(int status, String message);

  /** What a chunk is of. */
  enum ChunkKind {
    THINKING,
    TEXT
  }

  /** What the events of one answer have in common. */
  record Reply(String id, long createdSecond, Conversation conversation, boolean withThinking) {}

  /** Reads the turns of a {@code messages} array whose content is a string or text blocks. */
  static List<ReceivedTurn> turns(JsonNode messages) throws BadRequestException {
    if (!messages.isArray() || messages.isEmpty()) {
      throw new BadRequestException(400, "messages: expected a non-empty array");
    }
    List<ReceivedTurn> turns = new ArrayList<>();
    for (JsonNode message : messages) {
      turns.add(new ReceivedTurn(message.path("role").asText(""), text(message.path("content"))));
    }
    return turns;
  }

  /** The text of a content that is a string or an array of text blocks. */
  static String text(JsonNode content) throws BadRequestException {
    if (content.isTextual()) {
      return content.textValue();
    }
    if (!content.isArray()) {
      throw new BadRequestException(400, "content: expected a string or an array of blocks");
    }
    var text = new StringBuilder();
    for (JsonNode block : content) {
      if (!block.path("type").asText("").equals("text") || !block.path("text").isTextual()) {
        throw new BadRequestException(400, "content: only blocks of type text are known here");
      }
      text.append(block.path("text").textValue());
    }
    return text.toString();
  }

  static Optional<String> bearer(HttpMessage request) {
    return request
        .header("authorization")
        .filter(value -> value.startsWith("Bearer "))
        .map(value -> value.substring("Bearer ".length()));
  }

  static String event(JsonNode data) {
    return "data: " + data + "\n\n";
  }
}
