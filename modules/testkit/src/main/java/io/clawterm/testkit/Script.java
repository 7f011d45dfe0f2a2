package io.clawterm.testkit;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * How a {@link ScriptedModelServer} answers one request, as data.
 *
 * @param thinking pieces of thinking that come before the text
 * @param speech the text
 * @param firstByteDelay how long the server is silent before the head of its response
 * @param chunkDelay how long it waits before each chunk
 * @param ending how the answer ends
 */
public record Script(
    List<String> thinking,
    Speech speech,
    Duration firstByteDelay,
    Duration chunkDelay,
    Ending ending) {

  public Script {
    thinking = List.copyOf(thinking);
  }

  /** Says these pieces, a chunk each. */
  public static Script answer(String... pieces) {
    return of(new Speech.Pieces(List.of(pieces)));
  }

  /** Repeats the last user turn, a chunk for each word. */
  public static Script echo() {
    return of(new Speech.Echo());
  }

  /** Says {@code turn N}, where N is the number of turns of the conversation. */
  public static Script turnCount() {
    return of(new Speech.TurnCount());
  }

  /** Counts from 1, a chunk for each number. */
  public static Script counted(int count) {
    return of(new Speech.Counted(count));
  }

  /** Says at least so many characters, in chunks of 8 KiB. */
  public static Script filler(long characters) {
    return of(new Speech.Filler(characters));
  }

  /** Refuses with a status and the dialect's own body for it. */
  public static Script refuse(int status) {
    return refuse(status, Map.of(), "");
  }

  /** Refuses with a status, headers (such as {@code retry-after}) and a body. */
  public static Script refuse(int status, Map<String, String> headers, String body) {
    return answer().endingWith(new Ending.Refuse(status, headers, body));
  }

  private static Script of(Speech speech) {
    return new Script(List.of(), speech, Duration.ZERO, Duration.ZERO, new Ending.Complete());
  }

  /** The same with thinking before the text. */
  public Script thinkingFirst(String... pieces) {
    return new Script(List.of(pieces), speech, firstByteDelay, chunkDelay, ending);
  }

  /** The same with a pause before each chunk. */
  public Script withChunkDelay(Duration delay) {
    return new Script(thinking, speech, firstByteDelay, delay, ending);
  }

  /** The same with silence before the head of the response. */
  public Script withFirstByteDelay(Duration delay) {
    return new Script(thinking, speech, delay, chunkDelay, ending);
  }

  /** The same with another ending. */
  public Script endingWith(Ending other) {
    return new Script(thinking, speech, firstByteDelay, chunkDelay, other);
  }

  /** The same, but silent after so many chunks. */
  public Script stallingAfter(int chunks) {
    return endingWith(new Ending.StallAfter(chunks));
  }

  /** The same, but with the connection closed in the middle of the event after so many chunks. */
  public Script cutAfter(int chunks) {
    return endingWith(new Ending.CutAfter(chunks));
  }

  /** The same, but with data that isn't JSON after so many chunks. */
  public Script invalidJsonAfter(int chunks) {
    return endingWith(new Ending.InvalidJsonAfter(chunks));
  }
}
