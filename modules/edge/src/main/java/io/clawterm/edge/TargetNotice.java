package io.clawterm.edge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.clawterm.session.Entry;

/** What a target tells people about itself, as an entry of the log. */
final class TargetNotice {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private TargetNotice() {}

  /** A structured entry of type {@code notice}, and a line of its own on a plain terminal. */
  static Entry of(String text) {
    var object = JsonNodeFactory.instance.objectNode().put("type", "notice").put("text", text);
    try {
      return Entry.event(JSON.writeValueAsString(object), "\r\n[clawterm] " + text + "\r\n");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("two texts are always JSON", e);
    }
  }
}
