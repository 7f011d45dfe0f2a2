package io.clawterm.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.session.TargetMemo;
import java.util.Optional;

/**
 * What an agent knows about its runs after a crash.
 *
 * @param readFrom the entry from which on the log must be read back: the message of the newest run
 *     begins there, or an older one that still waits
 * @param attempt how often the open run was begun; 0 when none is open
 */
record AgentMemo(long readFrom, int attempt) {

  private static final ObjectMapper JSON = new ObjectMapper();

  static AgentMemo of(Optional<TargetMemo> stored) {
    if (stored.isEmpty()) {
      return new AgentMemo(1, 0);
    }
    try {
      JsonNode node = JSON.readTree(stored.get().json());
      return new AgentMemo(node.path("readFrom").asLong(1), node.path("attempt").asInt());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an agent's memo is no JSON", e);
    }
  }

  boolean open() {
    return attempt > 0;
  }

  TargetMemo toTargetMemo() {
    return new TargetMemo(
        JSON.createObjectNode().put("readFrom", readFrom).put("attempt", attempt).toString(),
        open());
  }
}
