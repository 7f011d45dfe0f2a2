package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Input: each frame once, in order, acknowledged when durable. */
class SessionInputTest {

  private static final TestNode NODE = new TestNode();

  private final TestSession session = NODE.session();

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @Test
  void inputIsLoggedDeliveredAndAcknowledged() {
    TestDevice laptop = session.attached("laptop");

    laptop.input(1, "hello");

    assertThat(laptop.durable()).isEqualTo(1);
    assertThat(laptop.output().entries())
        .containsExactlyElementsOf(Entries.ofInput("laptop", laptop.frame("hello")));
    TargetCommand.TargetInput input = delivered(1).getFirst();
    assertThat(input.body().utf8()).isEqualTo("hello");
    assertThat(input.number()).isEqualTo(1);
    assertThat(input.entry()).contains(1L);
  }

  @Test
  void repeatedInputIsAcknowledgedAgainAndNotApplied() {
    TestDevice laptop = session.attached("laptop");
    laptop.input(1, "a", "b");
    assertThat(laptop.durable()).isEqualTo(2);
    laptop.outputUpTo(1, 2);

    laptop.input(1, "a");
    assertThat(laptop.durable()).isEqualTo(2);
    laptop.input(2, "b", "c");
    assertThat(laptop.durable()).isEqualTo(3);

    laptop.outputUpTo(3, 3);
    assertThat(delivered(3)).extracting(i -> i.body().utf8()).containsExactly("a", "b", "c");
  }

  @Test
  void aHoleDetachesTheDevice() {
    TestDevice laptop = session.attached("laptop");

    laptop.input(2, "b");
    laptop.input(1, "a");

    assertThat(laptop.detached()).isEqualTo(Code.SEQUENCE_GAP);
    laptop.hearsNothing();
    assertThat(session.describe().headNumber()).isZero();
  }

  @Test
  void aStructuredEntryThatIsTooLongIsToldSo() {
    TestDevice laptop = session.attached("laptop");

    laptop.structured(1, "{\"type\":\"input\",\"text\":\"" + "x".repeat(60_000), true);

    assertThat(laptop.detached()).isEqualTo(Code.TOO_LARGE);
    assertThat(session.describe().headNumber()).isZero();
  }

  @Test
  void aStructuredEntryThatGrowsTooLongInItsStoredFormIsToldSo() {
    TestDevice laptop = session.attached("laptop");

    laptop.structured(1, "{\"type\":\"input\",\"text\":\"" + "\\b".repeat(12_000) + "\"}", false);

    assertThat(laptop.detached()).isEqualTo(Code.TOO_LARGE);
  }

  @Test
  void inputArrivingDuringACommitFormsTheNextOne() {
    TestDevice laptop = session.attached("laptop");
    TestDevice phone = session.attached("phone");
    int before = session.journaled().size();
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "first");
      // Once the write has begun, everything else has to wait for the next commit.
      NODE.awaitWrite(gate);
      for (int i = 2; i <= 50; i++) {
        laptop.input(i, "more");
        phone.input(i - 1, "more");
      }
      laptop.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    while (laptop.durableSkippingOutput() < 50) {}
    while (phone.durableSkippingOutput() < 49) {}
    assertThat(session.journaled()).hasSize(before + 2);
    assertThat(delivered(99)).hasSize(99);
  }

  @Test
  void moreInputThanIsStashedComesAgainAndPushesOutNothingElse() {
    TestSession busy = NODE.session(Target.InputStyle.VOLATILE, TestNode.settings());
    TestDevice laptop = busy.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    long epoch = busy.targetStarted().epoch();
    int flood =
        NODE.kit.system().settings().config().getInt("akka.persistence.typed.stash-capacity")
            + 1_000;
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "first");
      NODE.awaitWrite(gate);
      for (int i = 2; i <= flood; i++) {
        laptop.input(i, "more");
      }
      busy.emit(epoch, Entry.text("not to be lost"));
      laptop.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(entryAmongAcknowledgements(laptop)).isEqualTo(Entry.text("not to be lost"));
    TestDevice again = busy.device("laptop").resume(token, 1);
    long last = again.attached().lastInput();
    assertThat(last).isBetween(2L, flood - 1L);
    for (long i = last + 1; i <= last + 3; i++) {
      again.input(i, "again");
      assertThat(again.durable()).isEqualTo(i);
    }
    assertThat(busy.describe().headNumber()).isEqualTo(1);
  }

  private static Entry entryAmongAcknowledgements(TestDevice device) {
    DeviceMessage message = device.edge.receiveMessage();
    while (message instanceof DeviceMessage.InputDurable) {
      message = device.edge.receiveMessage();
    }
    return ((DeviceMessage.Output) message).entries().getFirst();
  }

  @Test
  void asManyCommandsThatChangeNothingAsMayWaitAreNoMoreThanTheStackHolds() {
    TestDevice laptop = session.attached("laptop");
    int waiting =
        NODE.kit.system().settings().config().getInt("akka.persistence.typed.stash-capacity") - 10;
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "first");
      NODE.awaitWrite(gate);
      for (int i = 0; i < waiting; i++) {
        session.actor().tell(new SessionCommand.Wake());
      }
      laptop.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(laptop.durable()).isEqualTo(1);
    laptop.input(2, "second");
    assertThat(laptop.durableSkippingOutput()).isEqualTo(2);
  }

  @Test
  void aSessionThatCannotKeepWhatComesFailsRatherThanForgetsIt() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    int stash =
        NODE.kit.system().settings().config().getInt("akka.persistence.typed.stash-capacity");
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "stored");
      NODE.awaitWrite(gate);
      for (int i = 0; i <= stash; i++) {
        session.actor().tell(new SessionCommand.Wake());
      }
      assertThat(laptop.detached()).isEqualTo(Code.OVERLOADED);
    } finally {
      NODE.openGate(gate);
    }

    session.awaitStop();
    session.device("laptop").resume(token, 0).attached();
  }

  @Test
  void aDeviceIsHeldBackWhenTheTargetTakesNothingAndNothingIsLost() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    long epoch = session.targetStarted().epoch();
    String chunk = "x".repeat(8_000);
    for (int i = 1; i <= 9; i++) {
      laptop.input(i, chunk);
      assertThat(laptop.durableSkippingOutput()).isEqualTo(i);
    }

    laptop.input(10, chunk);
    assertThat(laptop.detached()).isEqualTo(Code.OVERLOADED);

    session.consume(epoch, 9);
    TestDevice again = session.device("laptop").resume(token, 0);
    assertThat(again.attached().lastInput()).isEqualTo(9);
    again.input(10, chunk);
    assertThat(again.durableSkippingOutput()).isEqualTo(10);
    assertThat(delivered(10)).hasSize(10);
  }

  @Test
  void whatTheTargetHasNotConsumedIsDeliveredAgainToItsNextLife() {
    TestDevice laptop = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    laptop.input(1, "a", "b", "c");
    laptop.durable();
    delivered(3);
    session.consume(epoch, 1);
    session.targetTold(TargetCommand.Emitted.class);

    session.target.actor.orElseThrow().tell(new ScriptedTarget.Crash());

    assertThat(session.targetStarted().epoch()).isGreaterThan(epoch);
    assertThat(delivered(2)).extracting(i -> i.body().utf8()).containsExactly("b", "c");
  }

  @Test
  void whatTheTargetHasNotConsumedIsDeliveredAgainAfterACrashOfTheSession() {
    TestDevice laptop = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    laptop.input(1, "a", "b");
    laptop.durable();
    delivered(2);
    session.consume(epoch, 1);
    session.targetTold(TargetCommand.Emitted.class);

    session.crash();
    session.actor();

    session.targetStarted();
    TargetCommand.TargetInput again = delivered(1).getFirst();
    assertThat(again.body().utf8()).isEqualTo("b");
    assertThat(again.number()).isEqualTo(2);
  }

  @Test
  void aCommitTellsWhenThereIsWorkAndWhenThereIsNoMore() {
    TestDevice laptop = session.attached("laptop");
    laptop.input(1, "a");
    laptop.durable();
    laptop.input(2, "b");
    laptop.durableSkippingOutput();
    session.consume(1, 1);
    session.settle();
    assertThat(work(session)).containsExactly(true);

    session.memo(1, false);
    session.settle();
    assertThat(work(session)).as("a closed run, and input that waits").containsExactly(true, true);

    session.consume(1, 2);
    session.settle();
    assertThat(work(session)).containsExactly(true, true, false);
    assertThat(session.describe().runOpen()).isFalse();
  }

  @Test
  void volatileInputIsNoWork() {
    TestSession terminal = NODE.session(Target.InputStyle.VOLATILE, TestNode.settings());
    TestDevice laptop = terminal.attached("laptop");
    laptop.input(1, "ls\n");
    laptop.durable();

    assertThat(work(terminal)).isEmpty();
  }

  private static List<Boolean> work(TestSession session) {
    return session.journaled().stream().flatMap(event -> event.work().stream()).toList();
  }

  @Test
  void volatileInputIsNeverDeliveredAgain() {
    TestSession terminal = NODE.session(Target.InputStyle.VOLATILE, TestNode.settings());
    TestDevice laptop = terminal.attached("laptop");
    long epoch = terminal.targetStarted().epoch();
    laptop.input(1, "ls\n");
    laptop.durable();
    terminal.targetTold(TargetCommand.Deliver.class);

    terminal.target.actor.orElseThrow().tell(new ScriptedTarget.Crash());
    assertThat(terminal.targetStarted().epoch()).isGreaterThan(epoch);
    laptop.input(2, "pwd\n");

    TargetCommand.Deliver next = terminal.targetTold(TargetCommand.Deliver.class);
    assertThat(next.inputs()).extracting(i -> i.body().utf8()).containsExactly("pwd\n");
    assertThat(terminal.describe().headNumber()).isZero();
  }

  @Test
  void whatAnEarlierLifeOfTheTargetSaysHasNoPlace() {
    TestDevice laptop = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    session.target.actor.orElseThrow().tell(new ScriptedTarget.Crash());
    long next = session.targetStarted().epoch();

    session.emit(epoch, Entry.text("ghost"));
    session.emit(next, Entry.text("alive"));

    assertThat(laptop.output().entries()).containsExactly(Entry.text("alive"));
  }

  @Test
  void whatIsEmittedAfterTheEndHasNoPlace() {
    TestDevice laptop = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    session.emit(epoch, Entry.text("bye"));
    session.actor().tell(new SessionCommand.Finish(epoch, "done"));
    session.emit(epoch, Entry.text("ghost"));

    assertThat(laptop.output().entries()).containsExactly(Entry.text("bye"));
    assertThat(laptop.detached()).isEqualTo(Code.CLOSED);
    assertThat(session.describe().headNumber()).isEqualTo(1);
  }

  private List<TargetCommand.TargetInput> delivered(int count) {
    List<TargetCommand.TargetInput> inputs = new ArrayList<>();
    while (inputs.size() < count) {
      TargetCommand next = session.targetTold(TargetCommand.class);
      Stream.of(next)
          .filter(TargetCommand.Deliver.class::isInstance)
          .map(TargetCommand.Deliver.class::cast)
          .forEach(deliver -> inputs.addAll(deliver.inputs()));
    }
    return inputs;
  }
}
