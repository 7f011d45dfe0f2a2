package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import akka.stream.javadsl.Source;
import io.clawterm.protocol.Code;
import java.io.NotSerializableException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What holds when the journal fails and when the entity moves. */
class SessionFaultTest {

  private static final TestNode NODE = new TestNode();

  private final TestSession session = NODE.session();

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @Test
  void aFailedCommitEndsTheEntityAndShowsNothingOfIt() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    session.emit(1, Entry.text("stored"));
    laptop.outputUpTo(1, 1);
    NODE.journal.failNextPersisted(session.persistenceId());

    laptop.input(1, "lost");

    assertThat(laptop.detached()).isEqualTo(Code.OVERLOADED);
    session.awaitStop();
    TestDevice again = session.device("laptop").resume(token, 1);
    DeviceMessage.Attached attached = again.attached();
    assertThat(attached.lastInput()).isZero();
    assertThat(attached.headNumber()).isEqualTo(1);
    again.input(1, "lost");
    assertThat(again.durable()).isEqualTo(1);
  }

  @Test
  void aRejectedCommitEndsTheEntityAsWell() {
    TestDevice laptop = session.attached("laptop");
    NODE.journal.rejectNextPersisted(session.persistenceId());

    laptop.input(1, "lost");

    assertThat(laptop.detached()).isEqualTo(Code.OVERLOADED);
    session.awaitStop();
  }

  @Test
  void aDeviceWhoseAttachmentCouldNotBeStoredIsTold() {
    NODE.journal.failNextPersisted(session.persistenceId());

    TestDevice laptop = session.device("laptop").connect();

    assertThat(laptop.refused().refusal()).isEqualTo(DeviceMessage.Refusal.OVERLOADED);
    session.awaitStop();
    session.device("laptop").connect().attached();
  }

  @Test
  void aRefusalThatRestsOnWhatIsNotStoredIsNotTold() {
    long token = session.device("laptop").connect().attached().tokenGeneration();
    TestDevice again = session.device("laptop").resume(token, 0);
    again.attached();
    var gate = NODE.closeGate();
    TestDevice late = session.device("laptop");
    try {
      again.tell(new SessionCommand.Confirm(again.number));
      late.resume(token, 0);
      late.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(late.refused().refusal()).isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
  }

  @Test
  void leavingStoresWhatIsDecidedAndTellsTheDevicesToComeBack() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();

    laptop.input(1, "a");
    session.actor().tell(new SessionCommand.Leave());

    assertThat(laptop.durable()).isEqualTo(1);
    assertThat(laptop.detached()).isEqualTo(Code.MOVED);
    session.awaitStop();
    assertThat(session.device("laptop").resume(token, 0).attached().lastInput()).isEqualTo(1);
  }

  @Test
  void leavingDuringACommitWaitsForIt() {
    TestDevice laptop = session.attached("laptop");
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "a");
      NODE.awaitWrite(gate);
      laptop.input(2, "b");
      session.actor().tell(new SessionCommand.Leave());
      laptop.input(3, "c");
      laptop.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(laptop.durableSkippingOutput()).isEqualTo(1);
    assertThat(laptop.durableSkippingOutput()).isEqualTo(2);
    assertThat(laptop.durableSkippingOutput()).isEqualTo(3);
    assertThat(laptop.detached()).isEqualTo(Code.MOVED);
    session.awaitStop();
  }

  @Test
  void aSessionThatCannotBeReadBackStops() {
    session.attached("laptop");
    session.crash();
    NODE.journal.failNextRead(session.persistenceId());

    session.device("laptop").connect();

    session.awaitStop();
    session.device("laptop").connect().attached();
  }

  @Test
  void aPartOfTheLogThatCannotBeReadIsNoReasonToComeBackSoon() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    session.emit(1, Entry.text("stored"));
    laptop.outputUpTo(1, 1);
    session.crash();
    session.log =
        (id, journal, number) -> Source.failed(new NotSerializableException("of a later build"));

    TestDevice again = session.device("laptop").resume(token, 0);
    long next = again.attached().tokenGeneration();

    assertThat(again.detached()).isEqualTo(Code.INTERNAL);
    session.log = (id, journal, number) -> Source.failed(new TimeoutException("the database"));
    TestDevice later = session.device("laptop").resume(next, 0);
    later.attached();
    assertThat(later.detached()).isEqualTo(Code.OVERLOADED);
  }

  @Test
  void aSessionThatCannotBeReadIsTriedEverMoreRarely() {
    var clock = new ManualClock();
    var unreadable = new UnreadableSessions(clock);

    assertThat(unreadable.rest(session.id)).isEmpty();
    assertThat(unreadable.failed(session.id)).isEqualTo(Duration.ofSeconds(1));
    assertThat(unreadable.rest(session.id)).contains(Duration.ofSeconds(1));
    clock.advance(Duration.ofSeconds(1));
    assertThat(unreadable.rest(session.id)).isEmpty();
    assertThat(unreadable.failed(session.id)).isEqualTo(Duration.ofSeconds(2));
    for (int i = 0; i < 10; i++) {
      unreadable.failed(session.id);
    }
    assertThat(unreadable.rest(session.id)).contains(UnreadableSessions.LONGEST_REST);

    unreadable.recovered(session.id);
    assertThat(unreadable.rest(session.id)).isEmpty();
    assertThat(unreadable.failed(session.id)).isEqualTo(UnreadableSessions.FIRST_REST);
  }
}
