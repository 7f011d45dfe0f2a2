package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.StopReason;
import io.clawterm.model.Usage;
import io.clawterm.protocol.Frame;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Each entry is one frame, whatever was said. */
class AgentEntriesTest {

  private static final ModelChunk.Finished FINISHED =
      new ModelChunk.Finished(StopReason.END, new Usage(Long.MAX_VALUE, Long.MAX_VALUE));

  static Stream<Entry> entriesOfLongTexts() {
    return Stream.of("x", "\u0001", "\"", "ä", "\ud83d\ude00", "\ud83d")
        .flatMap(piece -> {
          String text = piece.repeat(300_000);
          var run = new RunText();
          run.addThinking(text);
          run.addText(text);
          return Stream.concat(
              run.take().stream(),
              Stream.of(
                  AgentEntries.failed(text),
                  AgentEntries.notice(text),
                  AgentEntries.refused(Long.MAX_VALUE, Long.MAX_VALUE, text),
                  AgentEntries.done(text, FINISHED)));
        });
  }

  @ParameterizedTest
  @MethodSource("entriesOfLongTexts")
  void anEntryOfALongTextFitsOneFrame(Entry entry) throws JsonProcessingException {
    for (boolean structured : new boolean[] {true, false}) {
      Frame frame = Entries.frame(new SessionId(1), 1, entry, structured, false);
      assertThat(frame.payload().length).isLessThanOrEqualTo(Frame.MAX_PAYLOAD);
    }
    if (entry.kind() == Entry.Kind.EVENT) {
      assertThat(new ObjectMapper().readTree(entry.body().utf8()).path("type").isTextual())
          .isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(StopReason.class)
  void anAnswerThatIsNotWholeIsNeverSilentlySo(StopReason reason) {
    Entry done = AgentEntries.done("a/b", new ModelChunk.Finished(reason, new Usage(0, 0)));

    boolean whole = List.of(StopReason.END, StopReason.OTHER).contains(reason);
    assertThat(done.plain().utf8().isBlank()).isEqualTo(whole);
  }

  @Test
  void theFormsOfAStatusAreThese() {
    assertThat(AgentEntries.started(3, 4).body().utf8())
        .isEqualTo("{\"type\":\"status\",\"run\":\"started\",\"answers\":3,\"to\":4}");
    assertThat(AgentEntries.aborted().body().utf8())
        .isEqualTo("{\"type\":\"status\",\"run\":\"ended\",\"outcome\":\"aborted\"}");
  }
}
