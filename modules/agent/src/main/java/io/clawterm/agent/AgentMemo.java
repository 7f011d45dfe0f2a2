package io.clawterm.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.session.TargetMemo;
import io.clawterm.telemetry.TraceContext;
import java.util.Optional;

/**
 * What an agent knows about its runs after a crash.
 *
 * @param readFrom the entry from which on the log must be read back: the message of the newest run
 *     begins there, or an older one that still waits
 * @param attempt how often the open run was begun; 0 when none is open
 * @param trace below what the open run stands in its trace, where there is one
 */
record AgentMemo(long readFrom, int attempt, Optional<TraceContext> trace) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** In no trace. */
  AgentMemo(long readFrom, int attempt) {
    this(readFrom, attempt, Optional.empty());
  }

  static AgentMemo of(Optional<TargetMemo> stored) {
    if (stored.isEmpty()) {
      return new AgentMemo(1, 0);
    }
    try {
      JsonNode node = JSON.readTree(stored.get().json());
      return new AgentMemo(
          node.path("readFrom").asLong(1),
          node.path("attempt").asInt(),
          Optional.of(node.path("trace").asText(""))
              .filter(text -> !text.isEmpty())
              .map(TraceContext::new));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an agent's memo is no JSON", e);
    }
  }

  boolean open() {
    return attempt > 0;
  }

  TargetMemo toTargetMemo() {
    ObjectNode json = JSON.createObjectNode().put("readFrom", readFrom).put("attempt", attempt);
    trace.ifPresent(context -> json.put("trace", context.traceparent()));
    return new TargetMemo(json.toString(), open());
  }
}
