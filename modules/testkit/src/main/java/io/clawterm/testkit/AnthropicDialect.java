package io.clawterm.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The Messages API, streamed. A conversation that ends with the assistant is refused. */
final class AnthropicDialect implements Dialect {

  private static final Set<String> VERSIONS = Set.of("2023-06-01", "2026-10-21");

  @Override
  public Optional<String> key(HttpMessage request) {
    return request.header("x-api-key").or(() -> Dialect.bearer(request));
  }

  @Override
  public Conversation read(HttpMessage request) throws BadRequestException {
    if (!request.header("anthropic-version").filter(VERSIONS::contains).isPresent()) {
      throw new BadRequestException(400, "anthropic-version: expected one of " + VERSIONS);
    }
    JsonNode body = request.json();
    String model = body.path("model").asText("");
    if (model.isEmpty()) {
      throw new BadRequestException(400, "model: Field required");
    }
    if (body.path("max_tokens").asInt(0) < 1) {
      throw new BadRequestException(400, "max_tokens: Field required");
    }
    if (!body.path("stream").asBoolean(false)) {
      throw new BadRequestException(400, "stream: this scripted server only streams");
    }
    List<ReceivedTurn> turns = Dialect.turns(body.path("messages"));
    for (ReceivedTurn turn : turns) {
      check(turn);
    }
    String system = body.has("system") ? Dialect.text(body.path("system")) : "";
    var conversation = new Conversation(model, turns, system, true);
    if (conversation.endsWithAssistant()) {
      throw new BadRequestException(
          400,
          "This model does not support assistant message prefill."
              + " The conversation must end with a user message.");
    }
    return conversation;
  }

  private static void check(ReceivedTurn turn) throws BadRequestException {
    if (!turn.role().equals("user") && !turn.role().equals("assistant")) {
      throw new BadRequestException(400, "messages: Unexpected role \"" + turn.role() + "\"");
    }
    if (turn.text().isBlank()) {
      throw new BadRequestException(
          400, "messages: text content blocks must contain non-whitespace text");
    }
  }

  @Override
  public boolean continuesPrefix() {
    return false;
  }

  @Override
  public List<String> opening(Reply reply) {
    ObjectNode data = typed("message_start");
    ObjectNode message =
        data.putObject("message")
            .put("id", "msg_" + reply.id())
            .put("type", "message")
            .put("role", "assistant")
            .put("model", reply.conversation().model());
    message.putArray("content");
    message.putNull("stop_reason").putNull("stop_sequence");
    message
        .putObject("usage")
        .put("input_tokens", reply.conversation().inputTokens())
        .put("cache_creation_input_tokens", 0)
        .put("cache_read_input_tokens", 0)
        .put("output_tokens", 1);
    return List.of(named(data));
  }

  @Override
  public List<String> start(Reply reply, ChunkKind kind) {
    ObjectNode data = typed("content_block_start").put("index", index(reply, kind));
    ObjectNode block = data.putObject("content_block");
    switch (kind) {
      case THINKING -> block.put("type", "thinking").put("thinking", "").put("signature", "");
      case TEXT -> block.put("type", "text").put("text", "");
    }
    return List.of(named(data), named(typed("ping")));
  }

  @Override
  public String chunk(Reply reply, ChunkKind kind, String text) {
    return switch (kind) {
      case THINKING -> delta(index(reply, kind), "thinking_delta", "thinking", text);
      case TEXT -> delta(index(reply, kind), "text_delta", "text", text);
    };
  }

  @Override
  public List<String> stop(Reply reply, ChunkKind kind) {
    int index = index(reply, kind);
    String stop = named(typed("content_block_stop").put("index", index));
    return switch (kind) {
      case THINKING -> List.of(delta(index, "signature_delta", "signature", "c2NyaXB0ZWQ="), stop);
      case TEXT -> List.of(stop);
    };
  }

  @Override
  public List<String> closing(Reply reply, boolean outOfTokens, int chunks) {
    ObjectNode data = typed("message_delta");
    data.putObject("delta")
        .put("stop_reason", outOfTokens ? "max_tokens" : "end_turn")
        .putNull("stop_sequence");
    data.putObject("usage").put("output_tokens", chunks);
    return List.of(named(data), named(typed("message_stop")));
  }

  /** The text's block comes second where there is thinking. */
  private static int index(Reply reply, ChunkKind kind) {
    return kind == ChunkKind.TEXT && reply.withThinking() ? 1 : 0;
  }

  private static String delta(int index, String type, String field, String text) {
    ObjectNode data = typed("content_block_delta").put("index", index);
    data.putObject("delta").put("type", type).put(field, text);
    return named(data);
  }

  @Override
  public String error(String type, String message) {
    return named(errorNode(type, message));
  }

  @Override
  public String errorBody(int status, String message) {
    return errorNode(type(status), message).toString();
  }

  private static ObjectNode errorNode(String type, String message) {
    ObjectNode data = typed("error");
    data.putObject("error").put("type", type).put("message", message);
    return data;
  }

  private static String type(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 402 -> "billing_error";
      case 403 -> "permission_error";
      case 404 -> "not_found_error";
      case 413 -> "request_too_large";
      case 429 -> "rate_limit_error";
      case 504 -> "timeout_error";
      case 529 -> "overloaded_error";
      default -> status < 500 ? "invalid_request_error" : "api_error";
    };
  }

  private static ObjectNode typed(String type) {
    return JSON.createObjectNode().put("type", type);
  }

  private static String named(ObjectNode data) {
    return "event: " + data.path("type").asText() + "\n" + Dialect.event(data);
  }
}
