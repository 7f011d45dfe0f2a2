package io.clawterm.testkit;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * One request that a {@link ScriptedModelServer} got, and what became of it by the time of asking.
 *
 * @param number counts from 1, over all paths
 * @param headers by lower-case name; credentials read {@code ***}
 * @param model empty where the request names none
 * @param turns the conversation without system text
 * @param system the system text, or empty
 * @param chunksSent chunks of text and thinking that were written to the connection
 */
public record ReceivedRequest(
    int number,
    Instant at,
    String method,
    String path,
    Map<String, String> headers,
    String model,
    List<ReceivedTurn> turns,
    String system,
    int chunksSent,
    Outcome outcome) {

  public ReceivedRequest {
    headers = Map.copyOf(headers);
    turns = List.copyOf(turns);
  }

  /** What became of a request. */
  public sealed interface Outcome {

    /** It is being answered, or stalls. */
    record Running() implements Outcome {}

    /** The whole answer was sent. */
    record Completed(Instant at) implements Outcome {}

    /** The server ended it early, as its script says or because it was closed. */
    record Cut(Instant at) implements Outcome {}

    /** The client closed the connection before the end of the answer. */
    record Cancelled(Instant at) implements Outcome {}

    /** It was answered with an error status, by script or because the request was wrong. */
    record Refused(int status, Instant at) implements Outcome {}
  }
}
