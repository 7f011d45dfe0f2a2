package io.clawterm.testkit;

import java.util.List;

/** What a dialect reads out of the body of a request. */
record Conversation(String model, List<ReceivedTurn> turns, String system, boolean withUsage) {

  Conversation {
    turns = List.copyOf(turns);
  }

  /** One token for each four characters: invented, but always the same. */
  long inputTokens() {
    long characters = system.length();
    for (ReceivedTurn turn : turns) {
      characters += turn.text().length();
    }
    return characters / 4 + 1;
  }

  boolean endsWithAssistant() {
    return !turns.isEmpty() && turns.getLast().role().equals("assistant");
  }
}
