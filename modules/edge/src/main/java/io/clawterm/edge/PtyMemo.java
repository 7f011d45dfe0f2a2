package io.clawterm.edge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.clawterm.session.TargetMemo;
import java.util.Optional;

/**
 * What a life of a program's target leaves to the next: that the program was started, and how it
 * ended if that is known.
 */
record PtyMemo(Optional<String> end) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  static PtyMemo from(TargetMemo memo) {
    try {
      JsonNode end = JSON.readTree(memo.json()).get("end");
      return new PtyMemo(Optional.ofNullable(end).map(JsonNode::asText));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the memo of a program is a JSON object", e);
    }
  }

  /** The session stays awake, and is woken after a crash, until the end is told. */
  TargetMemo toMemo() {
    var object = JsonNodeFactory.instance.objectNode().put("started", true);
    end.ifPresent(text -> object.put("end", text));
    try {
      return new TargetMemo(JSON.writeValueAsString(object), true);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a flag and a text are always JSON", e);
    }
  }
}
