package io.clawterm.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.model.ModelChunk.Finished;
import io.clawterm.model.ModelChunk.TextDelta;
import io.clawterm.model.ModelChunk.ThinkingDelta;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Anthropic's Messages. Kinds of events and blocks that aren't known are passed over. */
final class AnthropicMessages implements AnswerDecoder {

  private @Nullable StopReason reason;
  private Optional<String> model = Optional.empty();
  private long inputTokens;
  private long outputTokens;

  /** The body of a request. */
  static String body(ModelRequest request) {
    ObjectNode body =
        Json.object()
            .put("model", request.model())
            .put("stream", true)
            .put("max_tokens", request.maxOutputTokens());
    request.system().ifPresent(text -> body.put("system", text));
    Json.turns(body.putArray("messages"), request.turns());
    return body.toString();
  }

  @Override
  public List<ModelChunk> event(ServerSentEvent event) {
    JsonNode data = Json.object(event.data());
    switch (data.path("type").asText("")) {
      case "message_start" -> {
        model = Json.name(data.path("message").path("model"));
        usage(data.path("message").path("usage"));
      }
      case "content_block_start" -> {
        return block(data.path("content_block"));
      }
      case "content_block_delta" -> {
        return block(data.path("delta"));
      }
      case "message_delta" -> {
        usage(data.path("usage"));
        reason(data.path("delta").path("stop_reason"));
      }
      case "message_stop" -> {
        return List.of(finished(reason == null ? StopReason.OTHER : reason));
      }
      case "error" ->
          throw new ErrorEventException(
              data.path("error").path("type").asText(""),
              data.path("error").path("message").asText(""));
      default -> {
        // Pings, ends of blocks, and what is added later.
      }
    }
    return List.of();
  }

  @Override
  public List<ModelChunk> end() {
    return reason == null ? List.of() : List.of(finished(reason));
  }

  private Finished finished(StopReason reason) {
    return new Finished(reason, new Usage(inputTokens, outputTokens), model);
  }

  /** A beginning block and a delta name their kind and text alike. */
  private static List<ModelChunk> block(JsonNode block) {
    return switch (block.path("type").asText("")) {
      case "text", "text_delta" -> {
        String text = block.path("text").asText("");
        yield text.isEmpty() ? List.of() : List.of(new TextDelta(text));
      }
      case "thinking", "thinking_delta" -> {
        String text = block.path("thinking").asText("");
        yield text.isEmpty() ? List.of() : List.of(new ThinkingDelta(text));
      }
      default -> List.of();
    };
  }

  /** Later counts replace earlier ones; what an event leaves out stays. */
  private void usage(JsonNode counts) {
    if (counts.has("input_tokens")) {
      inputTokens =
          counts.path("input_tokens").asLong(0)
              + counts.path("cache_creation_input_tokens").asLong(0)
              + counts.path("cache_read_input_tokens").asLong(0);
    }
    outputTokens = counts.path("output_tokens").asLong(outputTokens);
  }

  private void reason(JsonNode word) {
    if (word.isTextual()) {
      reason =
          switch (word.asText()) {
            case "end_turn", "stop_sequence" -> StopReason.END;
            case "max_tokens", "model_context_window_exceeded" -> StopReason.LENGTH;
            case "refusal" -> StopReason.REFUSED;
            default -> StopReason.OTHER;
          };
    }
  }
}
