package io.clawterm.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;

/** The text of an agent's latest run, by entries, so that what is taken back can go again. */
final class AnswerText implements Consumer<Received> {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final ConcurrentSkipListMap<Long, String> texts = new ConcurrentSkipListMap<>();

  /** What stands so far. */
  String text() {
    return String.join("", texts.values());
  }

  @Override
  public void accept(Received received) {
    switch (received) {
      case Received.Gap gap -> {}
      case Received.Entry entry when !entry.structured() ->
          texts.put(entry.number(), PlainText.of(entry.text()));
      case Received.Entry entry -> structured(entry);
    }
  }

  private void structured(Received.Entry entry) {
    JsonNode object;
    try {
      object = JSON.readTree(entry.text());
    } catch (JsonProcessingException e) {
      return; // the view tells it
    }
    switch (object.path("type").asText()) {
      case "text" -> texts.put(entry.number(), PlainText.of(object.path("text").asText()));
      case "message" -> message(entry.number(), object);
      case "retract" ->
          texts
              .subMap(object.path("from").asLong(), true, object.path("to").asLong(), true)
              .clear();
      case "status" -> {
        if (object.path("run").asText().equals("started")) {
          texts.clear(); // what came before answers somebody else
        }
      }
      default -> {
        // Nothing of the answer.
      }
    }
  }

  private void message(long number, JsonNode object) {
    if (!object.path("role").asText().equals("user")) {
      texts.put(number, PlainText.of(object.path("text").asText()) + "\n");
    }
  }
}
