package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.ActorRef;
import akka.stream.javadsl.Source;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Output: shown means stored; a slow device gets it from the journal. */
class SessionOutputTest {

  private static final TestNode NODE = new TestNode();

  private final TestSession session = NODE.session();

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @Test
  void nothingIsShownBeforeItIsStored() {
    TestDevice laptop = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    var gate = NODE.closeGate();
    try {
      session.emit(epoch, Entry.text("secret until stored"));
      laptop.hearsNothing();
      assertThat(session.target.told).isEmpty();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(laptop.output().entries()).hasSize(1);
    assertThat(session.targetTold(TargetCommand.Emitted.class).count()).isEqualTo(1);
  }

  @Test
  void attachedComesBeforeOutputAndReplayBeforeWhatIsLive() {
    TestDevice laptop = session.attached("laptop");
    session.emit(1, Entry.text("old"), Entry.text("older"));
    laptop.outputUpTo(1, 2);
    var gate = NODE.closeGate();
    TestDevice phone = session.device("phone");
    try {
      session.emit(1, Entry.text("before"));
      phone.connect();
      session.emit(1, Entry.text("after"));
    } finally {
      NODE.openGate(gate);
    }

    long head = phone.attached().headNumber();
    long next = 1;
    while (next <= 4) {
      DeviceMessage.Output output = phone.output();
      assertThat(output.firstNumber()).isEqualTo(next);
      next += output.entries().size();
      assertThat(output.replay()).isEqualTo(next - 1 <= head);
    }
  }

  @Test
  void aSlowDeviceIsServedFromTheJournalAndNeverBeyondItsCreditByMoreThanOneEntry() {
    TestDevice fast = session.attached("fast");
    for (int i = 1; i <= 100; i++) {
      session.emit(1, Entry.text("entry " + i + "x".repeat(200)));
    }
    List<Entry> all = fast.outputUpTo(1, 100);
    TestDevice slow = session.device("slow").window(1_000).connect();
    slow.attached();

    List<Entry> got = new ArrayList<>();
    long allowed = 1_000;
    long used = 0;
    while (got.size() < 100) {
      DeviceMessage.Output output = slow.output();
      assertThat(output.firstNumber()).isEqualTo(got.size() + 1L);
      for (Entry entry : output.entries()) {
        assertThat(used).isLessThan(allowed);
        used += entry.size();
      }
      got.addAll(output.entries());
      allowed += 700;
      slow.release(700, got.size());
    }

    assertThat(got).isEqualTo(all);
  }

  @Test
  void aDeviceWithoutCreditGetsNothingUntilItReleasesSome() {
    TestDevice laptop = session.device("laptop").window(0).connect();
    laptop.attached();
    session.emit(1, Entry.text("a"));
    laptop.hearsNothing();

    laptop.release(1, 0);

    laptop.outputUpTo(1, 1);
  }

  @Test
  void aPageThatCannotBeReadIsToldAndTheDeviceMayComeBack() {
    TestDevice fast = session.attached("fast");
    for (int i = 1; i <= 40; i++) {
      session.emit(1, Entry.text("x".repeat(200)));
    }
    fast.outputUpTo(1, 40);
    session.log = (id, journal, number) -> Source.failed(new IllegalStateException("no disk"));

    TestDevice slow = session.device("slow").connect();
    slow.attached();
    assertThat(slow.detached()).isEqualTo(Code.OVERLOADED);

    session.log = NODE.log;
    TestDevice again = session.device("slow").connect();
    again.attached();
    again.outputUpTo(1, 40);
  }

  @Test
  void anEntryThatTheJournalLacksIsToldRatherThanSkipped() {
    TestDevice fast = session.attached("fast");
    for (int i = 1; i <= 40; i++) {
      session.emit(1, Entry.text("x".repeat(200)));
    }
    fast.outputUpTo(1, 40);
    session.log = (id, journal, number) -> NODE.log.read(id, journal, number + 1);

    TestDevice slow = session.device("slow").connect();
    slow.attached();

    assertThat(slow.detached()).isEqualTo(Code.INTERNAL);
  }

  @Test
  void aSlowDeviceGetsAllThatIsStoredBeforeItIsToldOfTheEnd() {
    TestDevice slow = session.device("slow").window(500).connect();
    slow.attached();
    TestDevice fast = session.attached("fast");
    for (int i = 1; i <= 100; i++) {
      session.emit(1, Entry.text("x".repeat(200)));
    }
    session.actor().tell(new SessionCommand.Finish(1, "the program has ended"));
    fast.outputUpTo(1, 100);
    assertThat(fast.detached()).isEqualTo(Code.CLOSED);

    long next = 1;
    while (next <= 100) {
      DeviceMessage.Output output = slow.output();
      assertThat(output.firstNumber()).isEqualTo(next);
      next += output.entries().size();
      slow.release(1_000, next - 1);
    }

    assertThat(slow.detached()).isEqualTo(Code.CLOSED);
  }

  @Test
  void aTargetThatIsGoneIsToldAndNothingFollows() {
    session.attached("laptop");
    session.emit(1, Entry.text("x"));
    session.crash();
    session.found = new Targets.Found.Missing("there is none any more");

    TestDevice again = session.device("laptop").connect();

    again.attached();
    DeviceMessage last = again.edge.receiveMessage();
    assertThat(last).isInstanceOf(DeviceMessage.Detached.class);
    again.hearsNothing();
  }

  @Test
  void whatFollowsFromACommandThatChangesNothingIsStoredAtOnce() {
    TestDevice laptop = session.attached("laptop");
    for (int life = 1; life <= 4; life++) { // so that the next one is far away, and commits nothing
      session.targetStarted();
      ActorRef<TargetCommand> target = session.target.actor.orElseThrow();
      target.tell(new ScriptedTarget.Crash());
      NODE.kit.createTestProbe().expectTerminated(target);
    }
    session.settle();
    session.found = new Targets.Found.Missing("there is none any more");

    session.actor().tell(new SessionCommand.Wake());

    assertThat(laptop.detached()).isEqualTo(Code.NO_SUCH_TARGET);
    await()
        .atMost(Duration.ofSeconds(1))
        .until(() ->
            session.journaled().getLast().changes().getFirst()
                instanceof SessionEvent.DeviceDetached);
  }

  @Test
  void aTakeoverDuringAPageReadLeavesNothingBehind() {
    TestDevice fast = session.attached("fast");
    for (int i = 1; i <= 40; i++) {
      session.emit(1, Entry.text("x".repeat(200)));
    }
    fast.outputUpTo(1, 40);
    long token = session.device("slow").window(0).connect().attached().tokenGeneration();

    TestDevice first = session.device("slow").resume(token, 0);
    TestDevice second = session.device("slow").mode(Mode.TAKE_OVER).resume(token, 0);

    first.attached();
    second.attached();
    second.outputUpTo(1, 40);
    assertThat(first.detached()).isEqualTo(Code.TAKEN_OVER);
    first.hearsNothing();
  }

  @Test
  void theNewestSizeOfATerminalReachesTheTarget() {
    TestDevice laptop = session.device("laptop").size(80, 24).connect();
    laptop.attached();
    assertThat(session.targetStarted().size()).contains(new Attachment.WindowSize(80, 24));

    laptop.resize(100, 40);

    assertThat(session.targetTold(TargetCommand.Resized.class).size())
        .isEqualTo(new Attachment.WindowSize(100, 40));
  }

  @Test
  void theSizeOfATerminalThatHasGoneOrOnlyWatchesDoesNotReachTheTarget() {
    TestDevice laptop = session.attached("laptop");
    session.targetStarted();
    session.device("tablet").mode(Mode.TAKE_OVER).connect().attached();
    TestDevice wall = session.device("wall").mode(Mode.WATCH).size(300, 90).connect();
    wall.attached();

    laptop.resize(80, 24);
    wall.resize(301, 91);

    session.settle();
    assertThat(session.target.told).isEmpty();
  }

  @Test
  void noMessageToADeviceIsLargerThanAPageFromMemoryOrJournal() {
    SessionSettings usual = TestNode.settings();
    for (long tailBytes : List.of(4_096L, 4_000_000L)) {
      var settings =
          new SessionSettings(
              tailBytes,
              usual.maxWaitingBytes(),
              usual.maxDevices(),
              usual.passivateAfter(),
              usual.defaultExpiry(),
              usual.maxExpiry(),
              usual.retainBytes(),
              usual.retainHardBytes(),
              usual.retainFor(),
              usual.snapshotEvery());
      TestSession large = NODE.session(Target.InputStyle.MESSAGES, settings);
      large.attached("laptop");
      for (int i = 0; i < 10; i++) {
        large.emit(1, Entry.bytes(Bytes.wrap(new byte[30_000]), false));
      }
      TestDevice phone = large.device("phone").connect();
      phone.attached();

      int seen = 0;
      while (seen < 10) {
        List<Entry> part = phone.output().entries();
        assertThat(part.stream().mapToInt(Entry::size).sum()).isLessThanOrEqualTo(131_072);
        seen += part.size();
      }
    }
  }

  @Test
  void aMemoBeyondItsBoundIsRefusedWhereItIsMade() {
    assertThat(emit("ü".repeat(32_768)).memo()).isPresent();
    assertThatThrownBy(() -> emit("ü".repeat(32_768) + "x"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("65537");
  }

  private static SessionCommand.Emit emit(String memo) {
    return new SessionCommand.Emit(
        1, List.of(), OptionalLong.empty(), Optional.of(new TargetMemo(memo, true)));
  }
}
