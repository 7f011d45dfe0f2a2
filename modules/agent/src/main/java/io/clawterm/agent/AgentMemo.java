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
 * @param context where the conversation begins that a model was given; not known before the first
 *     run, nor where an earlier version has written the memo
 */
record AgentMemo(
    long readFrom, int attempt, Optional<TraceContext> trace, Optional<Context> context) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * The part of a conversation that a model is given.
   *
   * @param from the entry with which its oldest turn begins, or an older message that waits
   * @param chars how long it may be; with a higher limit it begins earlier
   */
  record Context(long from, int chars) {}

  /** In no trace, and without a context. */
  AgentMemo(long readFrom, int attempt) {
    this(readFrom, attempt, Optional.empty(), Optional.empty());
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
              .map(TraceContext::new),
          node.has("contextFrom")
              ? Optional.of(
                  new Context(node.path("contextFrom").asLong(), node.path("contextChars").asInt()))
              : Optional.empty());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an agent's memo is no JSON", e);
    }
  }

  boolean open() {
    return attempt > 0;
  }

  /**
   * The entry from which on a life reads back: what the memo names, and the conversation before it.
   *
   * @param head the newest entry
   * @param most entries that are read for the sake of the conversation
   * @param chars how long that may be now
   */
  long firstToRead(long head, long most, int chars) {
    long begin = context.filter(known -> known.chars() >= chars).map(Context::from).orElse(1L);
    return Math.max(1, Math.min(readFrom, Math.max(begin, head - most)));
  }

  TargetMemo toTargetMemo() {
    ObjectNode json = JSON.createObjectNode().put("readFrom", readFrom).put("attempt", attempt);
    trace.ifPresent(in -> json.put("trace", in.traceparent()));
    context.ifPresent(
        begins -> json.put("contextFrom", begins.from()).put("contextChars", begins.chars()));
    return new TargetMemo(json.toString(), open());
  }
}
