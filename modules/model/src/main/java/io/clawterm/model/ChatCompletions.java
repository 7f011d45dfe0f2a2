package io.clawterm.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.model.ModelChunk.Finished;
import io.clawterm.model.ModelChunk.TextDelta;
import io.clawterm.model.ModelChunk.ThinkingDelta;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * OpenAI's Chat Completions, and what compatible servers make of it: thinking in {@code
 * reasoning_content} or {@code reasoning}, no usage, no end mark.
 */
final class ChatCompletions implements AnswerDecoder {

  private @Nullable StopReason reason;
  private boolean refused;
  private Usage usage = Usage.UNKNOWN;
  private Optional<String> model = Optional.empty();

  /** The body of a request; the name of the limit differs between servers. */
  static String body(ModelRequest request, String limitName) {
    ObjectNode body = Json.object().put("model", request.model()).put("stream", true);
    body.putObject("stream_options").put("include_usage", true);
    body.put(limitName, request.maxOutputTokens());
    ArrayNode messages = body.putArray("messages");
    request
        .system()
        .ifPresent(text -> messages.addObject().put("role", "system").put("content", text));
    Json.turns(messages, request.turns());
    return body.toString();
  }

  @Override
  public List<ModelChunk> event(ServerSentEvent event) {
    if (event.data().isBlank()) {
      return List.of();
    }
    if (event.data().strip().equals("[DONE]")) {
      return List.of(finished(reason == null ? StopReason.OTHER : reason));
    }
    JsonNode data = Json.object(event.data());
    JsonNode error = data.path("error");
    if (!error.isMissingNode() && !error.isNull()) {
      throw new ErrorEventException(
          error.path("code").isTextual()
              ? error.path("code").asText()
              : error.path("type").asText(""),
          error.path("message").asText(""));
    }
    model = model.or(() -> Json.name(data.path("model")));
    usage(data.path("usage"));
    return choice(data.path("choices").path(0));
  }

  @Override
  public List<ModelChunk> end() {
    return reason == null ? List.of() : List.of(finished(reason));
  }

  private Finished finished(StopReason reason) {
    return new Finished(refused ? StopReason.REFUSED : reason, usage, model);
  }

  private void usage(JsonNode counts) {
    if (counts.isObject()) {
      usage =
          new Usage(
              counts.path("prompt_tokens").asLong(0), counts.path("completion_tokens").asLong(0));
    }
  }

  private List<ModelChunk> choice(JsonNode choice) {
    List<ModelChunk> chunks = new ArrayList<>();
    JsonNode delta = choice.path("delta");
    String thinking = delta.path("reasoning_content").asText(delta.path("reasoning").asText(""));
    if (!thinking.isEmpty()) {
      chunks.add(new ThinkingDelta(thinking));
    }
    text(delta.path("content"), chunks);
    if (delta.path("refusal").isTextual()) {
      refused = true;
      text(delta.path("refusal"), chunks);
    }
    if (choice.path("finish_reason").isTextual()) {
      reason = reason(choice.path("finish_reason").asText());
    }
    return chunks;
  }

  private static void text(JsonNode node, List<ModelChunk> chunks) {
    if (node.isTextual() && !node.textValue().isEmpty()) {
      chunks.add(new TextDelta(node.textValue()));
    }
  }

  private static StopReason reason(String word) {
    return switch (word) {
      case "stop" -> StopReason.END;
      case "length" -> StopReason.LENGTH;
      case "content_filter" -> StopReason.REFUSED;
      default -> StopReason.OTHER;
    };
  }
}
