package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.model.ModelChunk;
import io.clawterm.model.Role;
import io.clawterm.model.StopReason;
import io.clawterm.model.Turn;
import io.clawterm.model.Usage;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entries;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.testkit.Seeds;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What entries make of a conversation. */
class TranscriptTest {

  private static final Entry DONE =
      AgentEntries.done("a/b", new ModelChunk.Finished(StopReason.END, new Usage(1, 2)));

  private final Transcript transcript = new Transcript(1_000);
  private long head;

  private void add(Entry... entries) {
    for (Entry entry : entries) {
      transcript.add(++head, entry);
    }
  }

  private static Entry message(String device, String text) {
    return message(device, text, false);
  }

  private static Entry message(String device, String text, boolean more) {
    return Entries.ofInput(device, new SessionCommand.InputFrame(Bytes.of(text), false, more))
        .getFirst();
  }

  @Test
  void aQuestionAndItsAnswerAreTwoTurns() {
    add(message("a", "hi"), AgentEntries.started(1, 1), Entry.text("hel"), Entry.text("lo"), DONE);

    assertThat(transcript.turns()).containsExactly(Turn.user("hi"), Turn.assistant("hello"));
    assertThat(transcript.answer()).isEmpty();
  }

  @Test
  void theAnswerUnderWayIsNoTurnYet() {
    add(message("a", "hi"), AgentEntries.started(1, 1), Entry.text("hel"), message("b", "more?"));
    add(Entry.text("lo"));

    assertThat(transcript.turns()).containsExactly(Turn.user("hi"));
    assertThat(transcript.answer()).isEqualTo("hello");
    assertThat(transcript.answerRanges()).containsExactly(new long[] {3, 3}, new long[] {5, 5});
    assertThat(transcript.runStart()).isEqualTo(2);
  }

  @Test
  void whatIsRetractedIsNoPartOfTheAnswer() {
    add(message("a", "hi"), AgentEntries.started(1, 1), Entry.text("wrong"), Entry.text("er"));
    add(AgentEntries.retract(3, 4), Entry.text("right"), DONE);

    assertThat(transcript.turns().getLast()).isEqualTo(Turn.assistant("right"));
  }

  @Test
  void aMessageInPartsIsWholeThoughAnotherDeviceSpeaksInBetween() {
    add(message("a", "one ", true), message("b", "two"), message("a", "three"));

    add(AgentEntries.started(2, 2), DONE, AgentEntries.started(1, 3));

    assertThat(transcript.turns()).containsExactly(Turn.user("two\n\none three"));
  }

  @Test
  void aMessageEndsWhereItsRunSaysSo() {
    add(message("a", "one", true), message("a", "two"));

    add(AgentEntries.started(1, 1), Entry.text("1"), DONE, AgentEntries.started(2, 2));

    assertThat(transcript.turns())
        .containsExactly(Turn.user("one"), Turn.assistant("1"), Turn.user("two"));
  }

  @Test
  void messagesThatWaitAreAnsweredInTheirOrder() {
    add(message("a", "1"), AgentEntries.started(1, 1), message("b", "2"), message("a", "3"));
    add(Entry.text("one"), DONE, AgentEntries.started(3, 3), Entry.text("two"), DONE);
    add(AgentEntries.started(4, 4));

    assertThat(transcript.turns().stream().map(Turn::text))
        .containsExactly("1", "one", "2", "two", "3");
  }

  @Test
  void aRefusedMessageIsNoTurnAndIsSettled() {
    add(message("a", "1"), message("a", "2"), AgentEntries.refused(1, 1, "no room"));

    add(AgentEntries.started(2, 2));

    assertThat(transcript.turns()).containsExactly(Turn.user("2"));
    assertThat(transcript.isUnanswered(1)).isFalse();
    assertThat(transcript.isUnanswered(2)).isFalse();
    add(message("a", "3"));
    assertThat(transcript.isUnanswered(head)).isTrue();
  }

  @Test
  void turnsAlternateThoughRunsFailWithoutAnAnswer() {
    add(message("a", "1"), AgentEntries.started(1, 1), AgentEntries.failed("no"));
    add(message("a", "2"), AgentEntries.started(4, 4), Entry.text("answer"), DONE);

    assertThat(transcript.turns()).containsExactly(Turn.user("1\n\n2"), Turn.assistant("answer"));
  }

  @Test
  void questionsWithoutAnswersStayWithinTheContext() {
    for (int i = 0; i < 20; i++) {
      add(message("a", "q" + i + "q".repeat(96)), AgentEntries.started(head + 1, head + 1));
      add(AgentEntries.failed("no"));
    }

    assertThat(transcript.turns()).hasSize(1);
    String[] questions = transcript.turns().getFirst().text().split("\n\n");
    assertThat(questions).hasSizeBetween(9, 10);
    assertThat(questions[questions.length - 1]).startsWith("q19");
  }

  @Test
  void olderTurnsAreGivenUpButNeverTheNewest() {
    for (int i = 0; i < 20; i++) {
      add(message("a", "q".repeat(90)), AgentEntries.started(head + 1, head + 1));
      add(Entry.text("a".repeat(90)), DONE);
    }
    assertThat(transcript.turns().stream().mapToInt(turn -> turn.text().length()).sum())
        .isBetween(800, 1_000);

    long question = head + 1;
    add(message("a", "x".repeat(5_000)), AgentEntries.started(question, question));

    assertThat(transcript.turns()).containsExactly(Turn.user("x".repeat(5_000)));
  }

  @Test
  void whatBeganBeforeTheFirstEntryIsPassedOver() {
    head = 100;
    add(Entry.text("end of an answer"), DONE, message("a", "hi"), AgentEntries.started(103, 103));

    assertThat(transcript.turns()).containsExactly(Turn.user("hi"));
  }

  @Test
  void theContextBeginsWithItsOldestTurn() {
    assertThat(transcript.context()).isEmpty();
    for (int i = 0; i < 20; i++) {
      add(message("a", "q".repeat(90)), AgentEntries.started(head + 1, head + 1));
      add(Entry.text("a".repeat(90)), DONE);
    }

    // Eleven of 90 characters, the oldest of them an answer, whose run begins at the second entry.
    assertThat(transcript.context()).contains(new AgentMemo.Context(4 * 14 + 2, 1_000));
  }

  @Test
  void whatIsForgottenDoesNotHoldTheContextBack() {
    add(message("a", "what is left of a refused one"), message("a", "1"));
    add(AgentEntries.started(2, 2), DONE, message("a", "2"));

    transcript.forgetBefore(2);

    assertThat(transcript.context()).contains(new AgentMemo.Context(2, 1_000));
    assertThat(transcript.isUnanswered(1)).isFalse();
    assertThat(transcript.isUnanswered(head)).isTrue();
  }

  /** Its run may have begun and ended already, and both be on their way into the log. */
  @Test
  void theContextBeginsWithAnOlderMessageThatNoRunIsKnownOf() {
    add(message("b", "begun long ago ", true), message("a", "1"), AgentEntries.started(2, 2), DONE);

    assertThat(transcript.context()).contains(new AgentMemo.Context(1, 1_000));
  }

  static LongStream seeds() {
    return Seeds.cases("TranscriptTest", 200);
  }

  /** Live, entries of an emission are known later than input that follows them in the log. */
  @ParameterizedTest
  @MethodSource("seeds")
  void liveEqualsReadBack(long seed) {
    var random = new Random(seed);
    List<Entry> log = log(random).entries();

    var readBack = new Transcript(1_000);
    var live = new Transcript(1_000);
    Deque<Long> late = new ArrayDeque<>();
    for (long number = 1; number <= log.size(); number++) {
      Entry entry = log.get((int) number - 1);
      readBack.add(number, entry);
      if (entry.kind() == Entry.Kind.EVENT && entry.body().utf8().contains("\"message\"")) {
        live.add(number, entry);
      } else {
        late.addLast(number);
      }
      while (!late.isEmpty() && (number == log.size() || random.nextInt(4) == 0)) {
        live.add(late.getFirst(), log.get((int) (late.removeFirst() - 1)));
      }
    }

    assertThat(live.turns()).isEqualTo(readBack.turns());
    assertThat(live.answer()).isEqualTo(readBack.answer());
    assertThat(live.runStart()).isEqualTo(readBack.runStart());
    for (int i = 1; i < live.turns().size(); i++) {
      Role before = live.turns().get(i - 1).role();
      assertThat(live.turns().get(i).role()).isNotEqualTo(before);
    }
  }

  /**
   * A life reads from the beginning of the context that the one before has left it: what that knew,
   * and perhaps an older answer.
   */
  @ParameterizedTest
  @MethodSource("seeds")
  void readBackFromItsContextItIsTheSame(long seed) {
    Log generated = log(new Random(seed));
    List<Entry> log = generated.entries();
    var whole = new Transcript(100);
    for (long number = 1; number <= log.size(); number++) {
      long unanswered = number == 1 ? 1 : generated.unanswered().get((int) number - 2);
      long from = Math.min(unanswered, whole.context().map(AgentMemo.Context::from).orElse(number));
      whole.add(number, log.get((int) number - 1));

      var again = new Transcript(100);
      for (long each = from; each <= number; each++) {
        again.add(each, log.get((int) each - 1));
      }

      int older = again.turns().size() - whole.turns().size();
      assertThat(older).isNotNegative();
      assertThat(again.turns().subList(older, again.turns().size())).isEqualTo(whole.turns());
      assertThat(again.runStart()).isIn(whole.runStart(), 0L);
      assertThat(again.answer()).isEqualTo(whole.answer());
    }
  }

  /**
   * A log that was drawn.
   *
   * @param unanswered for each entry: where the oldest message begins that waits when it is written
   */
  private record Log(List<Entry> entries, List<Long> unanswered) {}

  private static Log log(Random random) {
    List<Entry> log = new ArrayList<>();
    List<Long> unanswered = new ArrayList<>();
    Deque<long[]> waiting = new ArrayDeque<>();
    long[] open = new long[3];
    boolean running = false;
    for (int i = 0; i < 150; i++) {
      switch (random.nextInt(7)) {
        case 0, 1 -> {
          int device = random.nextInt(3);
          boolean more = random.nextInt(4) == 0;
          log.add(message("d" + device, "m" + i + " ", more));
          long first = open[device] == 0 ? log.size() : open[device];
          open[device] = more ? first : 0;
          if (!more) {
            waiting.addLast(new long[] {first, log.size()});
          }
        }
        case 2 -> {
          if (running) {
            log.add(random.nextBoolean() ? DONE : AgentEntries.aborted());
            running = false;
          } else if (!waiting.isEmpty()) {
            long[] next = waiting.removeFirst();
            log.add(AgentEntries.started(next[0], next[1]));
            running = true;
          }
        }
        case 3 -> log.add(AgentEntries.notice("n" + i));
        case 4 -> log.add(AgentEntries.retract(Math.max(1, log.size() - 3L), log.size() + 1L));
        default -> {
          if (running) {
            log.add(Entry.text("t" + i));
          }
        }
      }
      if (log.size() > unanswered.size()) {
        LongStream begun = LongStream.of(open).filter(first -> first > 0);
        LongStream whole = waiting.stream().mapToLong(message -> message[0]);
        unanswered.add(LongStream.concat(begun, whole).min().orElse(log.size() + 1L));
      }
    }
    return new Log(log, unanswered);
  }
}
