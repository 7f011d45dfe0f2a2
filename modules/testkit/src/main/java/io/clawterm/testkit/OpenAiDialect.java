package io.clawterm.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Chat Completions, streamed, with the thinking field that compatible servers add. */
final class OpenAiDialect implements Dialect {

  @Override
  public Optional<String> key(HttpMessage request) {
    return Dialect.bearer(request);
  }

  @Override
  public Conversation read(HttpMessage request) throws BadRequestException {
    JsonNode body = request.json();
    String model = body.path("model").asText("");
    if (model.isEmpty()) {
      throw new BadRequestException(400, "you must provide a model parameter");
    }
    if (!body.path("stream").asBoolean(false)) {
      throw new BadRequestException(400, "stream: this scripted server only streams");
    }
    List<ReceivedTurn> turns = new ArrayList<>();
    var system = new StringBuilder();
    for (ReceivedTurn turn : Dialect.turns(body.path("messages"))) {
      switch (turn.role()) {
        case "system", "developer" -> system.append(turn.text());
        case "user", "assistant" -> turns.add(turn);
        default -> throw new BadRequestException(400, "Invalid value: '" + turn.role() + "'");
      }
    }
    boolean withUsage = body.path("stream_options").path("include_usage").asBoolean(false);
    return new Conversation(model, turns, system.toString(), withUsage);
  }

  @Override
  public boolean continuesPrefix() {
    return true;
  }

  @Override
  public List<String> opening(Reply reply) {
    return List.of(choice(reply, delta -> delta.put("role", "assistant").put("content", ""), null));
  }

  @Override
  public List<String> start(Reply reply, ChunkKind kind) {
    return List.of();
  }

  @Override
  public List<String> stop(Reply reply, ChunkKind kind) {
    return List.of();
  }

  @Override
  public String chunk(Reply reply, ChunkKind kind, String text) {
    String field = kind == ChunkKind.THINKING ? "reasoning_content" : "content";
    return choice(reply, delta -> delta.put(field, text), null);
  }

  @Override
  public List<String> closing(Reply reply, boolean outOfTokens, int chunks) {
    List<String> events = new ArrayList<>();
    events.add(choice(reply, delta -> {}, outOfTokens ? "length" : "stop"));
    if (reply.conversation().withUsage()) {
      ObjectNode usage = envelope(reply);
      usage.putArray("choices");
      long inputTokens = reply.conversation().inputTokens();
      usage
          .putObject("usage")
          .put("prompt_tokens", inputTokens)
          .put("completion_tokens", chunks)
          .put("total_tokens", inputTokens + chunks);
      events.add(Dialect.event(usage));
    }
    events.add("data: [DONE]\n\n");
    return events;
  }

  @Override
  public String error(String type, String message) {
    ObjectNode data = JSON.createObjectNode();
    data.putObject("error").put("message", message).put("type", type).putNull("code");
    return Dialect.event(data);
  }

  @Override
  public String errorBody(int status, String message) {
    ObjectNode body = JSON.createObjectNode();
    body.putObject("error")
        .put("message", message)
        .put("type", type(status))
        .putNull("param")
        .put("code", code(status));
    return body.toString();
  }

  private static String type(int status) {
    return switch (status) {
      case 429 -> "requests";
      case 500, 502, 503, 529 -> "server_error";
      default -> "invalid_request_error";
    };
  }

  private static String code(int status) {
    return switch (status) {
      case 401 -> "invalid_api_key";
      case 404 -> "model_not_found";
      case 429 -> "rate_limit_exceeded";
      default -> "unknown";
    };
  }

  private static String choice(
      Reply reply, Consumer<ObjectNode> fill, @Nullable String finishReason) {
    ObjectNode chunk = envelope(reply);
    ObjectNode choice = chunk.putArray("choices").addObject().put("index", 0);
    fill.accept(choice.putObject("delta"));
    choice.putNull("logprobs").put("finish_reason", finishReason);
    if (reply.conversation().withUsage()) {
      chunk.putNull("usage");
    }
    return Dialect.event(chunk);
  }

  private static ObjectNode envelope(Reply reply) {
    return JSON.createObjectNode()
        .put("id", "chatcmpl-" + reply.id())
        .put("object", "chat.completion.chunk")
        .put("created", reply.createdSecond())
        .put("model", reply.conversation().model())
        .put("system_fingerprint", "scripted");
  }
}
