package io.clawterm.agent;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.model.ModelChunk;
import io.clawterm.session.Entry;
import java.util.Locale;

/** The structured entries of a run (protocol, "Structured entries"). */
final class AgentEntries {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_CHARS = 1_000;

  private AgentEntries() {}

  /** A run begins that answers the message in these entries of its device. */
  static Entry started(long first, long last) {
    return Entry.event(
        object("status").put("run", "started").put("answers", first).put("to", last).toString(),
        "");
  }

  /** The message in these entries of its device gets no run. */
  static Entry refused(long first, long last, String text) {
    String shown = bounded(text);
    return Entry.event(
        object("notice").put("text", shown).put("refuses", first).put("to", last).toString(),
        "[" + shown + "]\n");
  }

  /** A run has answered. */
  static Entry done(String model, ModelChunk.Finished finished) {
    ObjectNode status = object("status").put("run", "ended").put("outcome", "done");
    status.put("model", bounded(model));
    status.put("stop", finished.reason().name().toLowerCase(Locale.ROOT));
    status
        .putObject("usage")
        .put("input_tokens", finished.usage().inputTokens())
        .put("output_tokens", finished.usage().outputTokens());
    String plain =
        switch (finished.reason()) {
          case END, OTHER -> "\n";
          case LENGTH -> "\n[the answer has reached the limit of its length]\n";
          case REFUSED -> "\n[the model has declined to go on]\n";
        };
    return Entry.event(status.toString(), plain);
  }

  /** A run has failed; the text is for people. */
  static Entry failed(String text) {
    String shown = bounded(text);
    return Entry.event(
        object("status")
            .put("run", "ended")
            .put("outcome", "failed")
            .put("error", shown)
            .toString(),
        "\n[failed: " + shown + "]\n");
  }

  /** A run was stopped by a device. */
  static Entry aborted() {
    return Entry.event(
        object("status").put("run", "ended").put("outcome", "aborted").toString(), "\n[stopped]\n");
  }

  /** The entries of a range are void: the step is run again. */
  static Entry retract(long from, long to) {
    return Entry.event(
        object("retract").put("from", from).put("to", to).toString(),
        "\n[cut off; the answer is started again]\n");
  }

  /** The place where an answer goes on after it was cut. */
  static Entry seam() {
    return Entry.event(
        object("notice").put("text", "the answer was cut off here and goes on").toString(), "");
  }

  /** What the model shows of its thinking. */
  static Entry thinking(String delta) {
    return Entry.event(object("thinking").put("text", delta).toString(), "");
  }

  /** Something that people should know. */
  static Entry notice(String text) {
    String shown = bounded(text);
    return Entry.event(object("notice").put("text", shown).toString(), "[" + shown + "]\n");
  }

  /** Text from elsewhere may be of any length; an entry has to fit one frame. */
  private static String bounded(String text) {
    if (text.length() <= MAX_CHARS) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(MAX_CHARS - 1)) ? MAX_CHARS - 1 : MAX_CHARS;
    return text.substring(0, end) + "…";
  }

  private static ObjectNode object(String type) {
    return JSON.createObjectNode().put("type", type);
  }
}
