package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.NotUsed;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.Source;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChoice;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelException;
import io.clawterm.model.ModelProvider;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.Turn;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.TargetCommand;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One life of an agent against a session that the test plays. */
class AgentActorTest {

  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final String STARTED =
      "{\"type\":\"status\",\"run\":\"started\",\"answers\":%s,\"to\":%s}";

  private final ManualProvider model = new ManualProvider(Continuation.RESTART);
  private final ProbedAgent agent = asking(model).start();

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private static ProbedAgent asking(ModelProvider provider) {
    return asking(
        () -> CompletableFuture.completedFuture(new ModelChoice.Chosen(provider, "model")));
  }

  private static ProbedAgent asking(Supplier<CompletionStage<ModelChoice>> models) {
    return new ProbedAgent(KIT, Agents.asking(models, Optional.of("be brief")));
  }

  /** A run that has begun: its start is stored and the model is asked. */
  private ManualProvider.Call begun(String question) {
    agent.deliver(agent.line("laptop", question));
    agent.emitAndConfirm();
    return model.call();
  }

  private static String last(SessionCommand.Emit emit) {
    return ProbedAgent.shown(emit.entries()).getLast();
  }

  @Test
  void theStartOfARunIsStoredBeforeTheModelIsAsked() {
    agent.deliver(agent.line("laptop", "hi"));

    SessionCommand.Emit start = agent.emit();
    agent.hearsNothing();

    assertThat(ProbedAgent.shown(start.entries())).containsExactly(STARTED.formatted(1, 1));
    assertThat(start.consumedUpTo()).hasValue(1);
    assertThat(start.memo().orElseThrow().open()).isTrue();
    assertThat(model.asked).hasValue(0);

    agent.confirm(start);
    ManualProvider.Call call = model.call();

    assertThat(call.request().turns()).containsExactly(Turn.user("hi"));
    assertThat(call.request().system()).contains("be brief");
  }

  @Test
  void theModelIsAskedOnceTheNodeMayAct() {
    agent.mayAct = false;
    agent.deliver(agent.line("laptop", "hi"));
    agent.emitAndConfirm();
    await().until(() -> agent.rightAsked.get() > 2);
    assertThat(model.asked).hasValue(0);

    agent.mayAct = true;

    assertThat(model.call().request().turns()).containsExactly(Turn.user("hi"));
  }

  @Test
  void aRunThatIsAbortedBeforeTheNodeMayActAsksNothing() {
    agent.mayAct = false;
    agent.deliver(agent.line("laptop", "hi"));
    agent.emitAndConfirm();
    await().until(() -> agent.rightAsked.get() > 0);
    agent.deliver(agent.control("{\"type\":\"abort\"}"));
    assertThat(last(agent.emitAndConfirm())).contains("aborted");

    agent.mayAct = true;

    agent.hearsNothing();
    assertThat(model.asked).hasValue(0);
  }

  @Test
  void whatComesDuringACommitIsInTheNext() {
    ManualProvider.Call call = begun("hi");
    call.says("a");
    SessionCommand.Emit first = agent.emit();
    call.says("b");
    call.says("c");
    agent.hearsNothing();

    agent.confirm(first);

    assertThat(first.entries()).containsExactly(Entry.text("a"));
    assertThat(agent.emitAndConfirm().entries()).containsExactly(Entry.text("bc"));
  }

  @Test
  void theEndClosesTheMemoInTheSameCommit() {
    ManualProvider.Call call = begun("hi");
    call.says("a");
    SessionCommand.Emit first = agent.emit();
    call.finishes();
    agent.confirm(first);

    SessionCommand.Emit end = agent.emitAndConfirm();

    assertThat(last(end)).contains("\"outcome\":\"done\"").contains("\"output_tokens\":4");
    assertThat(end.memo().orElseThrow().open()).isFalse();
    agent.hearsNothing();
  }

  @ParameterizedTest
  @EnumSource(Stuff.class)
  void aModelIsHeldBackWhileMuchWaits(Stuff kind) {
    var given = new AtomicInteger();
    ProbedAgent held = asking(new Endless(given, kind)).start();
    held.deliver(held.line("laptop", "hi"));
    held.emitAndConfirm();
    held.emit(); // the first text; its commit does not end

    await().until(() -> given.get() >= 64);
    held.hearsNothing();

    assertThat(given).hasValueLessThan(100);
  }

  /** What an endless answer consists of, a thousand characters a chunk. */
  enum Stuff {
    TEXT,
    TAKING_TURNS
  }

  private record Endless(AtomicInteger given, Stuff kind) implements ModelProvider {
    @Override
    public String name() {
      return "endless";
    }

    @Override
    public Continuation continuation() {
      return Continuation.RESTART;
    }

    @Override
    public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
      String text = "x".repeat(1_000);
      return Source.repeat(text)
          .map(piece -> {
            boolean thinks = given.getAndIncrement() % 2 == 1 && kind == Stuff.TAKING_TURNS;
            return thinks ? new ModelChunk.ThinkingDelta(piece) : new ModelChunk.TextDelta(piece);
          });
    }
  }

  @Test
  void anAbortEndsTheRunAndItsRequest() {
    ManualProvider.Call call = begun("hi");
    call.says("half");
    agent.emitAndConfirm();

    agent.deliver(agent.control("{\"type\":\"abort\"}"));

    SessionCommand.Emit end = agent.emitAndConfirm();
    assertThat(last(end)).contains("\"outcome\":\"aborted\"");
    assertThat(end.consumedUpTo()).hasValue(2);
    await().until(() -> model.ended.get() == 1);
    call.says("too late");
    agent.hearsNothing();
  }

  @Test
  void anAbortRightBehindItsMessageIsNotLost() {
    agent.deliver(agent.line("laptop", "hi"), agent.control("{\"type\":\"abort\"}"));

    assertThat(last(agent.emitAndConfirm())).contains("\"outcome\":\"aborted\"");
    agent.hearsNothing();
    assertThat(model.asked).hasValue(0);
  }

  @Test
  void anAbortWithoutARunIsNothing() {
    agent.deliver(agent.control("{\"type\":\"abort\"}"));

    SessionCommand.Emit consumed = agent.emitAndConfirm();

    assertThat(consumed.entries()).isEmpty();
    assertThat(consumed.consumedUpTo()).hasValue(1);
  }

  @Test
  void aRunThatFollowsAnAbortIsStoredBeforeItsModelIsAskedAndAskedOnce() {
    agent.deliver(agent.line("laptop", "one"));
    SessionCommand.Emit first = agent.emit();
    agent.deliver(agent.control("{\"type\":\"abort\"}"), agent.line("laptop", "two"));
    agent.confirm(first);

    SessionCommand.Emit second = agent.emit();
    agent.hearsNothing();
    assertThat(model.asked).hasValue(0);
    agent.confirm(second);

    assertThat(model.call().request().turns()).containsExactly(Turn.user("one\n\ntwo"));
    agent.hearsNothing();
    assertThat(model.asked).hasValue(1);
  }

  @Test
  void anUnknownRequestIsAnsweredByANotice() {
    agent.deliver(agent.control("{\"type\":\"" + "x".repeat(50_000) + "\"}"));

    assertThat(last(agent.emitAndConfirm())).contains("does not know").hasSizeLessThan(2_000);
  }

  @Test
  void linesOfAFrameAreRunsOfTheirOwnAndTheFrameIsConsumedWithTheLast() {
    agent.deliver(agent.frame("laptop", "one\n\ntwo\nthree\n", false, false));

    SessionCommand.Emit start = agent.emitAndConfirm();
    assertThat(start.consumedUpTo()).isEmpty();
    model.call().finishes();
    SessionCommand.Emit next = agent.emitAndConfirm();
    assertThat(last(next)).isEqualTo(STARTED.formatted(2, 2));
    assertThat(next.consumedUpTo()).isEmpty();
    model.call().finishes();
    SessionCommand.Emit third = agent.emitAndConfirm();

    assertThat(last(third)).isEqualTo(STARTED.formatted(3, 3));
    assertThat(third.consumedUpTo()).hasValue(1);
  }

  @Test
  void linesOfAFrameAreNotAnsweredAgainAfterACrash() {
    agent.deliver(agent.frame("laptop", "one\ntwo\n", false, false));
    agent.emitAndConfirm();
    model.call().finishes();
    agent.emitAndConfirm(); // the second run has started
    model.call().finishes();
    agent.emitAndConfirm();
    agent.deliver(agent.frame("laptop", "three\nfour\n", false, false));
    agent.emitAndConfirm();
    model.call();
    agent.crash();

    agent.start();
    agent.emitAndConfirm();
    assertThat(model.call().request().turns().getLast().text()).endsWith("three");
  }

  @Test
  void aMessageInFramesIsOne() {
    agent.deliver(
        agent.frame("laptop", "one ", false, true), agent.frame("laptop", "two ", false, true));
    agent.hearsNothing();

    agent.deliver(agent.frame("laptop", "three\n", false, false));

    SessionCommand.Emit start = agent.emitAndConfirm();
    assertThat(last(start)).isEqualTo(STARTED.formatted(1, 3));
    assertThat(start.consumedUpTo()).hasValue(3);
    assertThat(model.call().request().turns()).containsExactly(Turn.user("one two three"));
  }

  @Test
  void aMessageThatEndsRightBeforeItsLineBreakIsAnswered() {
    agent.deliver(agent.frame("laptop", "full", false, true));
    agent.hearsNothing();

    agent.deliver(agent.frame("laptop", "\nnext\n", false, false));

    assertThat(last(agent.emitAndConfirm())).isEqualTo(STARTED.formatted(1, 1));
    ManualProvider.Call call = model.call();
    assertThat(call.request().turns()).containsExactly(Turn.user("full"));
    call.says("1");
    call.finishes();
    while (!last(agent.emitAndConfirm()).equals(STARTED.formatted(2, 2))) {
      assertThat(agent.log).hasSizeLessThan(10);
    }
    assertThat(model.call().request().turns())
        .containsExactly(Turn.user("full"), Turn.assistant("1"), Turn.user("next"));
  }

  @Test
  void aLongMessageIsNotLostWhereAnotherDeviceWasFasterNorAfterACrash() {
    agent.deliver(agent.frame("laptop", "long ", false, true));
    agent.deliver(agent.line("phone", "short"));
    agent.emitAndConfirm();
    model.call();
    agent.deliver(agent.frame("laptop", "message\n", false, false));
    agent.crash();

    agent.start();
    agent.emitAndConfirm();
    ManualProvider.Call call = model.call();
    assertThat(call.request().turns()).containsExactly(Turn.user("short"));
    call.finishes();

    assertThat(last(agent.emitAndConfirm())).isEqualTo(STARTED.formatted(1, 4));
    assertThat(model.call().request().turns()).containsExactly(Turn.user("short\n\nlong message"));
  }

  @Test
  void aMessageIsAnsweredOnceThoughItsLastFrameComesAgain() {
    agent.deliver(agent.frame("laptop", "long ", false, true));
    agent.deliver(agent.frame("phone", "not yet ", false, true));
    agent.deliver(agent.frame("laptop", "message\n", false, false));
    agent.emitAndConfirm();
    ManualProvider.Call call = model.call();
    assertThat(call.request().turns()).containsExactly(Turn.user("long message"));
    call.finishes();
    agent.emitAndConfirm();
    agent.crash();

    agent.start();
    agent.hearsNothing();

    agent.deliver(agent.frame("phone", "ended\n", false, false));
    assertThat(last(agent.emitAndConfirm())).isEqualTo(STARTED.formatted(2, 6));
    assertThat(model.call().request().turns())
        .containsExactly(Turn.user("long message\n\nnot yet ended"));
  }

  @Test
  void aMessageWithoutAnEndDoesNotBlockTheOthersForEver() {
    agent.deliver(agent.frame("laptop", "never ended", false, true));
    String long1 = "x".repeat(60_000);
    for (int i = 0; i < 9; i++) {
      agent.deliver(agent.frame("phone", "{\"type\":\"" + long1 + "\"}", true, false));
    }

    long consumed = 0;
    while (consumed < 10) {
      consumed = agent.emitAndConfirm().consumedUpTo().orElse(consumed);
    }
    assertThat(ProbedAgent.shown(agent.log)).anyMatch(entry -> entry.contains("\"refuses\":1"));

    agent.deliver(agent.frame("laptop", "its rest\nhello\n", false, false));
    agent.emitAndConfirm();
    assertThat(model.call().request().turns()).containsExactly(Turn.user("hello"));
  }

  @Test
  void messagesBeyondTheLimitAreRefusedOnce() {
    begun("0");
    for (int i = 1; i <= 4; i++) {
      agent.deliver(agent.line("laptop", "" + i));
    }
    SessionCommand.Emit refusal = agent.emitAndConfirm();
    assertThat(last(refusal)).contains("too many").contains("\"refuses\":6");
    agent.crash();

    agent.start();
    SessionCommand.Emit again = agent.emitAndConfirm();
    assertThat(again.entries()).isEmpty();
    for (int i = 0; i <= 3; i++) {
      ManualProvider.Call call = model.call();
      assertThat(call.request().turns().getLast().text()).endsWith("" + i);
      call.finishes();
      agent.emitAndConfirm();
    }
    agent.hearsNothing();
  }

  @ParameterizedTest
  @EnumSource(ModelException.Kind.class)
  void aFailureIsTriedAgainOnlyWhereItPasses(ModelException.Kind kind) {
    ManualProvider.Call call = begun("hi");
    for (int attempt = 1; kind.isPassing() && attempt < 3; attempt++) {
      call.fails(kind);
      SessionCommand.Emit notice = agent.emitAndConfirm();
      assertThat(last(notice)).contains("scripted").contains("next attempt in");
      assertThat(notice.memo().orElseThrow().json()).contains("\"attempt\":" + (attempt + 1));
      call = model.call();
    }

    call.fails(kind);

    SessionCommand.Emit end = agent.emitAndConfirm();
    assertThat(last(end)).contains("\"outcome\":\"failed\"").contains("scripted " + kind);
    assertThat(end.memo().orElseThrow().open()).isFalse();
    agent.hearsNothing();
  }

  @Test
  void aStreamThatEndsWithoutAFinishIsCut() {
    ManualProvider.Call call = begun("hi");
    call.queue().complete();

    assertThat(last(agent.emitAndConfirm())).contains("ended early");
  }

  @Test
  void aFaultOfOursEndsTheRunWithoutItsText() {
    ManualProvider.Call call = begun("hi");
    call.queue().fail(new IllegalStateException("secret"));

    assertThat(last(agent.emitAndConfirm())).contains("internal error").doesNotContain("secret");
  }

  @Test
  void aSecondAttemptWaitsUntilAllTextOfTheFirstIsStored() {
    ManualProvider.Call call = begun("hi");
    call.says("one ");
    SessionCommand.Emit first = agent.emit();
    call.says("two ");
    agent.hearsNothing();
    call.fails(ModelException.Kind.CUT);
    agent.hearsNothing(); // the wait before the next attempt is over by now
    agent.confirm(first);

    agent.emitAndConfirm(); // "two " and the notice
    SessionCommand.Emit retract = agent.emit();
    assertThat(ProbedAgent.shown(retract.entries()))
        .containsExactly("{\"type\":\"retract\",\"from\":3,\"to\":4}");
    assertThat(model.asked).hasValue(1);
    agent.confirm(retract);

    assertThat(model.call().request().turns()).containsExactly(Turn.user("hi"));
  }

  @Test
  void aPrefixIsGoneOnFromWhenAllOfItIsStored() {
    var prefix = new ManualProvider(Continuation.PREFIX);
    ProbedAgent going = asking(prefix).start();
    going.deliver(going.line("laptop", "hi"));
    going.emitAndConfirm();
    ManualProvider.Call call = prefix.call();
    call.says("one ");
    SessionCommand.Emit first = going.emit();
    call.says("two ");
    going.hearsNothing();
    call.fails(ModelException.Kind.CUT);
    going.hearsNothing();
    going.confirm(first);
    going.emitAndConfirm();
    assertThat(last(going.emitAndConfirm())).contains("goes on");

    assertThat(prefix.call().request().turns())
        .containsExactly(Turn.user("hi"), Turn.assistant("one two "));
  }

  @Test
  void aRunCutBeforeItsFirstTextHasNoSeam() {
    var prefix = new ManualProvider(Continuation.PREFIX);
    ProbedAgent going = asking(prefix).start();
    going.deliver(going.line("laptop", "hi"));
    going.emitAndConfirm();
    prefix.call();
    going.crash();

    going.start();

    assertThat(going.emitAndConfirm().entries()).isEmpty(); // the second attempt
    assertThat(prefix.call().request().turns()).containsExactly(Turn.user("hi"));
  }

  @Test
  void aRunThatKillsItsLivesIsGivenUp() {
    begun("hi");
    for (int attempt = 2; attempt <= 3; attempt++) {
      agent.crash();
      agent.start();
      agent.emitAndConfirm();
      model.call();
    }
    agent.crash();

    agent.start();

    assertThat(last(agent.emitAndConfirm())).contains("cut off 3 times");
    agent.hearsNothing();
    assertThat(model.asked).hasValue(3);
  }

  @Test
  void anAnswerThatGrowsFromLifeToLifeIsNotGivenUp() {
    var prefix = new ManualProvider(Continuation.PREFIX);
    ProbedAgent going = asking(prefix).start();
    going.deliver(going.line("laptop", "hi"));
    going.emitAndConfirm();
    var said = new StringBuilder();
    for (int life = 0; life < 10; life++) {
      ManualProvider.Call call = prefix.call();
      assertThat(call.request().turns()).hasSize(life == 0 ? 1 : 2);
      call.says("piece " + life + " ");
      said.append("piece ").append(life).append(' ');
      going.emitAndConfirm();
      going.crash();
      going.start();
      going.emitAndConfirm(); // another attempt
      assertThat(last(going.emitAndConfirm())).contains("goes on");
    }

    assertThat(prefix.call().request().turns())
        .containsExactly(Turn.user("hi"), Turn.assistant(said.toString()));
  }

  @Test
  void aRunCutWhileItWaitsForAnotherAttemptIsTakenUp() {
    var prefix = new ManualProvider(Continuation.RESTART);
    ProbedAgent waiting = asking(prefix).start();
    waiting.deliver(waiting.line("laptop", "hi"));
    waiting.emitAndConfirm();
    ManualProvider.Call call = prefix.call();
    call.queue()
        .fail(
            new ModelException(
                ModelException.Kind.RATE_LIMITED,
                "slow down",
                Optional.of(Duration.ofHours(1)),
                null));
    // An hour, and up to a quarter more.
    assertThat(last(waiting.emitAndConfirm())).containsPattern("in (3[6-9]|4[0-4])\\d\\d\\.\\d s");
    waiting.crash();

    waiting.start();

    assertThat(waiting.emitAndConfirm().memo().orElseThrow().json()).contains("\"attempt\":3");
    assertThat(prefix.call().request().turns()).containsExactly(Turn.user("hi"));
  }

  @Test
  void aLifeThatEndsCancelsItsRequest() {
    begun("hi");

    agent.crash();

    await().until(() -> model.ended.get() == 1);
  }

  @Test
  void aLifeThatFailsCancelsItsRequest() {
    begun("hi");

    agent.actor().tell(new TargetCommand.Emitted(99, 1)); // nothing is under way: a fault

    agent.expectEnd();
    await().until(() -> model.ended.get() == 1);
  }

  @Test
  void withoutAModelItSaysHowToGetOne() {
    ProbedAgent none =
        asking(() -> CompletableFuture.completedFuture(new ModelChoice.NoModel("Set a key.")))
            .start();
    none.deliver(none.line("laptop", "hi"));
    none.emitAndConfirm();

    List<String> said = ProbedAgent.shown(none.emitAndConfirm().entries());

    assertThat(said.getFirst()).isEqualTo("text Set a key.");
    assertThat(said.getLast()).contains("\"outcome\":\"failed\"").contains("no model");
  }

  @Test
  void aChoiceThatFailsEndsTheRun() {
    ProbedAgent failing =
        asking(() -> CompletableFuture.failedFuture(new IllegalStateException("no"))).start();
    failing.deliver(failing.line("laptop", "hi"));
    failing.emitAndConfirm();

    assertThat(last(failing.emitAndConfirm())).contains("internal error");
  }

  @Test
  void aMessageThatHasLeftTheLogIsNotAskedFor() {
    agent.deliver(agent.line("laptop", "hi"));
    agent.emitAndConfirm();
    model.call();
    agent.crash();
    agent.log.set(0, AgentEntries.notice("trimmed"));

    agent.start();

    agent.emitAndConfirm();
    assertThat(last(agent.emitAndConfirm())).contains("not in the log any more");
  }

  @Test
  void aRunOlderThanWhatIsReadBackIsStillWhole() {
    var prefix = new ManualProvider(Continuation.PREFIX);
    ProbedAgent going = asking(prefix).start();
    going.deliver(going.line("laptop", "hi"));
    going.emitAndConfirm();
    ManualProvider.Call call = prefix.call();
    call.says("a");
    going.emitAndConfirm();
    for (int i = 0; i < 12_000; i++) {
      going.log.add(Entry.text("b"));
    }
    going.crash();

    going.start();
    going.emitAndConfirm();
    going.emitAndConfirm();

    assertThat(prefix.call().request().turns())
        .containsExactly(Turn.user("hi"), Turn.assistant("a" + "b".repeat(12_000)));
  }
}
