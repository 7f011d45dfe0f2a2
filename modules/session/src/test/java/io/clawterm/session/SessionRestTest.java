package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.cluster.sharding.typed.javadsl.ClusterSharding;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Passivation, expiry and retention. */
class SessionRestTest {

  private static final TestNode NODE = new TestNode();
  private static final Duration SOON = Duration.ofMillis(200);
  private static final Duration LATER = Duration.ofMillis(700);

  private final TestSession session =
      NODE.session(Target.InputStyle.MESSAGES, TestNode.settings(1_000, SOON));

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @Test
  void aSessionWithoutADeviceIsPassivatedAndOneWithADeviceIsNot() {
    TestDevice laptop = session.attached("laptop");
    session.shard.expectNoMessage(LATER);

    laptop.detach();

    session.shard.expectMessageClass(ClusterSharding.Passivate.class);
  }

  @Test
  void aDeviceThatComesBackInTimeKeepsTheSession() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    laptop.detach();
    session.device("laptop").resume(token, 0).attached();

    session.shard.expectNoMessage(LATER);
  }

  @Test
  void anOpenRunKeepsTheSession() {
    TestDevice laptop = session.attached("laptop");
    session.memo(1, true);
    session.targetTold(TargetCommand.Emitted.class);
    laptop.detach();
    session.shard.expectNoMessage(LATER);

    session.memo(1, false);

    session.shard.expectMessageClass(ClusterSharding.Passivate.class);
  }

  @Test
  void waitingInputKeepsTheSession() {
    TestDevice laptop = session.attached("laptop");
    laptop.input(1, "a");
    laptop.durable();
    laptop.detach();
    session.shard.expectNoMessage(LATER);

    session.consume(1, 1);

    session.shard.expectMessageClass(ClusterSharding.Passivate.class);
  }

  @Test
  void anOpenRunIsTakenUpAgainAfterACrashWithoutAnyDevice() {
    session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    session.memo(epoch, true);
    session.targetTold(TargetCommand.Emitted.class);

    session.crash();
    session.actor();

    assertThat(session.targetStarted().memo()).contains(new TargetMemo("{}", true));
  }

  @Test
  void aSessionExpiresOnceItsTimeWithoutADeviceIsOver() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    session.clock.advance(Duration.ofDays(40));
    session.actor().tell(new SessionCommand.ExpireIfDue());
    assertThat(session.describe().phase()).isEqualTo("open");

    laptop.detach();
    session.settle();
    session.clock.advance(Duration.ofDays(29));
    session.actor().tell(new SessionCommand.ExpireIfDue());
    assertThat(session.describe().phase()).isEqualTo("open");
    session.clock.advance(Duration.ofDays(2));
    session.actor().tell(new SessionCommand.ExpireIfDue());

    await().untilAsserted(() -> assertThat(session.describe().phase()).isEqualTo("ended"));
    assertThat(session.device("laptop").resume(token, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.CLOSED);
  }

  @Test
  void theTimeThatADeviceWasAttachedBeforeACrashDoesNotCount() {
    session.attached("laptop");
    session.clock.advance(Duration.ofDays(40));
    session.crash();
    int stored = session.journaled().size();

    session.actor().tell(new SessionCommand.ExpireIfDue());
    await().until(() -> session.journaled().size() > stored);
    session.clock.advance(Duration.ofDays(29));
    session.actor().tell(new SessionCommand.ExpireIfDue());
    assertThat(session.describe().phase()).isEqualTo("open");
    session.clock.advance(Duration.ofDays(2));
    session.actor().tell(new SessionCommand.ExpireIfDue());

    await().untilAsserted(() -> assertThat(session.describe().phase()).isEqualTo("ended"));
  }

  @Test
  void useCountsAgainstExpiry() {
    TestDevice laptop = session.attached("laptop");
    session.clock.advance(Duration.ofDays(40));
    laptop.input(1, "a");
    laptop.durable();
    laptop.detach();
    session.consume(1, 1);
    session.settle();
    session.clock.advance(Duration.ofDays(1));

    session.actor().tell(new SessionCommand.ExpireIfDue());

    assertThat(session.describe().phase()).isEqualTo("open");
  }

  @Test
  void aDeviceMayAskForLessTime() {
    TestDevice laptop = session.attached("laptop");
    laptop.tell(new SessionCommand.Suspend(laptop.number, 0, Optional.of(Duration.ofHours(1))));
    assertThat(laptop.detached()).isEqualTo(Code.SUSPENDED);
    session.clock.advance(Duration.ofHours(2));

    session.actor().tell(new SessionCommand.ExpireIfDue());

    await().untilAsserted(() -> assertThat(session.describe().phase()).isEqualTo("ended"));
  }

  @Test
  void aDeviceThatOnlyWatchesMayNot() {
    session.attached("laptop").suspend();
    TestDevice wall = session.device("wall").mode(Mode.WATCH).connect();
    wall.attached();
    wall.tell(new SessionCommand.Suspend(wall.number, 0, Optional.of(Duration.ofHours(1))));
    assertThat(wall.detached()).isEqualTo(Code.SUSPENDED);
    session.clock.advance(Duration.ofHours(2));

    session.actor().tell(new SessionCommand.ExpireIfDue());

    session.settle();
    assertThat(session.describe().phase()).isEqualTo("open");
  }

  @Test
  void retentionGivesUpTheOldestAndANewDeviceIsToldWhereTheLogBegins() {
    TestDevice laptop = session.device("laptop").window(100_000_000).connect();
    laptop.attached();
    fill(laptop, 1, 300);

    DeviceMessage.Attached phone = session.device("phone").window(0).connect().attached();

    assertThat(phone.firstNumber()).isGreaterThan(1);
    long kept = phone.headNumber() - phone.firstNumber() + 1;
    assertThat(kept * 1_032).isBetween(131_072L, 131_072L + 65_536 + 3_000);
  }

  @Test
  void retentionWaitsForAnAttachedDeviceUpToTheHardLimitAndThenTellsItOfTheGap() {
    TestDevice fast = session.device("fast").window(100_000_000).connect();
    fast.attached();
    TestDevice slow = session.device("slow").window(1_100).connect();
    slow.attached();
    fill(fast, 1, 400);
    assertThat(session.device("new").window(0).connect().attached().firstNumber()).isEqualTo(1);

    fill(fast, 401, 300);

    assertThat(slow.detached()).isEqualTo(Code.SEQUENCE_GAP);
    DeviceMessage.Attached again = session.device("slow").window(0).connect().attached();
    assertThat(again.firstNumber()).isGreaterThan(2);
  }

  @Test
  void whatIsTooOldGoesAsWell() {
    TestDevice laptop = session.device("laptop").window(100_000_000).connect();
    laptop.attached();
    fill(laptop, 1, 100);
    session.clock.advance(Duration.ofDays(366));
    fill(laptop, 101, 1);

    assertThat(session.device("phone").window(0).connect().attached().firstNumber())
        .isGreaterThan(50);
  }

  @Test
  void theJournalIsPrunedOnlyBelowTheSnapshotAndBelowWhatIsKept() {
    TestSession small =
        NODE.session(Target.InputStyle.MESSAGES, TestNode.settings(10, Duration.ofMinutes(2)));
    TestDevice laptop = small.device("laptop").window(100_000_000).connect();
    laptop.attached();
    for (int i = 1; i <= 300; i++) {
      small.emit(1, Entry.text("x".repeat(1_000)));
      laptop.outputUpTo(i, i);
      laptop.release(1_032, i);
    }

    await().untilAsserted(() -> assertThat(small.pruned).isNotEmpty());
    long first = small.device("phone").window(0).connect().attached().firstNumber();
    long upTo = small.pruned.stream().mapToLong(Long::longValue).max().orElseThrow();
    List<SessionEvent> kept = small.journaled().subList((int) upTo, small.journaled().size());
    assertThat(kept.getFirst().head()).isLessThan(first);
    small.crash();
    assertThat(small.describe().headNumber()).isEqualTo(300);
  }

  private void fill(TestDevice device, long from, int count) {
    for (long number = from; number < from + count; number++) {
      device.session.emit(1, Entry.text("x".repeat(1_000)));
      device.outputUpTo(number, number);
      device.release(1_032, number);
    }
  }
}
