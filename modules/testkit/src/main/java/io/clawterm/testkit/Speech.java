package io.clawterm.testkit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a scripted model says. The same conversation always gets the same text. */
public sealed interface Speech {

  /** These pieces of text, one streamed chunk each. */
  record Pieces(List<String> pieces) implements Speech {
    public Pieces {
      pieces = List.copyOf(pieces);
    }
  }

  /** The text of the last user turn, a chunk for each word. */
  record Echo() implements Speech {}

  /** The text {@code turn N}, where N is the number of turns of the conversation. */
  record TurnCount() implements Speech {}

  /** The text {@code 1 2 3 ... count}, a chunk for each number. */
  record Counted(int count) implements Speech {
    public Counted {
      if (count < 1) {
        throw new IllegalArgumentException("count must be above 0, is " + count);
      }
    }
  }

  /** At least so many characters of filler, in chunks of 8 KiB. */
  record Filler(long characters) implements Speech {
    private static final String PIECE = "filler, ".repeat(1024);

    public Filler {
      if (characters < 1 || characters > (1L << 32)) {
        throw new IllegalArgumentException("characters must be in 1..2^32, are " + characters);
      }
    }
  }

  /** The chunks that answer a conversation. */
  default List<String> chunks(List<ReceivedTurn> turns) {
    return switch (this) {
      case Pieces(List<String> pieces) -> pieces;
      case Echo() -> words(lastUserText(turns));
      case TurnCount() -> List.of("turn ", Integer.toString(turns.size()));
      case Counted(int count) -> numbers(count);
      case Filler(long characters) ->
          Collections.nCopies(
              Math.toIntExact(Math.ceilDiv(characters, Filler.PIECE.length())), Filler.PIECE);
    };
  }

  private static String lastUserText(List<ReceivedTurn> turns) {
    return turns.stream()
        .filter(turn -> turn.role().equals("user"))
        .reduce((first, second) -> second)
        .map(ReceivedTurn::text)
        .orElse("");
  }

  private static List<String> words(String text) {
    return List.of(text.split("(?<= )", -1));
  }

  private static List<String> numbers(int count) {
    List<String> chunks = new ArrayList<>(count);
    for (int number = 1; number <= count; number++) {
      chunks.add(number == 1 ? "1" : " " + number);
    }
    return chunks;
  }
}
