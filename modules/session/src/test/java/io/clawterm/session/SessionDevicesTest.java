package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.TestProbe;
import io.clawterm.api.Principal;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** How devices come and go, and what their tokens are worth. */
class SessionDevicesTest {

  private static final TestNode NODE = new TestNode();

  private final TestSession session = NODE.session();

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @Test
  void aConnectOpensTheSessionAndStartsItsTarget() {
    DeviceMessage.Attached attached = session.device("laptop").connect().attached();

    assertThat(attached.lastInput()).isZero();
    assertThat(attached.firstNumber()).isEqualTo(1);
    assertThat(attached.headNumber()).isZero();
    assertThat(attached.key()).contains("main");
    assertThat(attached.expiry()).hasDays(30);
    assertThat(session.targetStarted().epoch()).isEqualTo(1);
  }

  @Test
  void aNonceIsNoKeyThatADeviceIsTold() {
    String nonce = SessionKeys.ofNonce(Principal.LOCAL, "00ff");

    TestDevice device = session.device("laptop").connect(Optional.of(nonce), Principal.LOCAL);

    assertThat(device.attached().key()).isEmpty();
  }

  @Test
  void anotherConnectWithTheKeyJoins() {
    TestDevice laptop = session.attached("laptop");
    session.emit(1, Entry.text("hello"));
    laptop.output();

    TestDevice phone = session.device("phone").connect();

    assertThat(phone.attached().headNumber()).isEqualTo(1);
    assertThat(phone.output().replay()).isTrue();
    assertThat(session.describe().attached()).containsExactlyInAnyOrder("laptop", "phone");
  }

  @Test
  void anIdInUseIsRefusedWithoutTheKey() {
    session.attached("laptop");

    TestDevice stranger = session.device("phone").connect(Optional.empty(), Principal.LOCAL);
    TestDevice other = session.device("phone").connect(Optional.of("x"), Principal.LOCAL);

    assertThat(stranger.refused().refusal()).isEqualTo(DeviceMessage.Refusal.ID_TAKEN);
    assertThat(other.refused().refusal()).isEqualTo(DeviceMessage.Refusal.ID_TAKEN);
  }

  @Test
  void aLimitThatIsChangedHoldsForASessionThatIsAwake() {
    session.attached("laptop");
    SessionSettings usual = session.settings;
    session.settings =
        new SessionSettings(
            usual.tailBytes(),
            usual.maxWaitingBytes(),
            1,
            usual.passivateAfter(),
            usual.defaultExpiry(),
            usual.maxExpiry(),
            usual.retainBytes(),
            usual.retainHardBytes(),
            usual.retainFor(),
            usual.snapshotEvery());

    assertThat(session.device("phone").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.OVERLOADED);

    session.settings = usual;
    session.attached("phone");
  }

  @Test
  void anotherPrincipalDoesNotJoin() {
    session.attached("laptop");

    TestDevice other =
        session.device("phone").connect(Optional.of("main"), new Principal("default", "eve"));

    assertThat(other.refused().refusal()).isEqualTo(DeviceMessage.Refusal.FORBIDDEN);
  }

  @Test
  void aTargetThatIsMissingOrDeniedOpensNothing() {
    session.found = new Targets.Found.Missing("there is main");
    assertThat(session.device("laptop").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_TARGET);
    session.found = new Targets.Found.Denied("not for you");
    assertThat(session.device("laptop").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.FORBIDDEN);

    assertThat(session.journaled()).isEmpty();
  }

  @Test
  void aResumeGivesWhatIsMissingAndOnlyThat() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    session.emit(1, Entry.text("one"), Entry.text("two"), Entry.text("three"));
    laptop.outputUpTo(1, 3);
    laptop.detach();

    TestDevice again = session.device("laptop").resume(token, 2);

    assertThat(again.attached().firstNumber()).isEqualTo(3);
    assertThat(again.outputUpTo(3, 3)).containsExactly(Entry.text("three"));
    again.hearsNothing();
  }

  @Test
  void theTokenBeforeStaysGoodUntilTheDeviceSendsItsFirstFrame() {
    long first = session.device("laptop").connect().attached().tokenGeneration();
    long second = session.device("laptop").resume(first, 0).attached().tokenGeneration();
    TestDevice third = session.device("laptop").resume(first, 0);

    long newest = third.attached().tokenGeneration();
    assertThat(newest).isGreaterThan(second);

    third.tell(new SessionCommand.Confirm(third.number));
    assertThat(session.device("laptop").resume(second, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    assertThat(session.device("laptop").resume(first, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    session.crash();
    assertThat(session.device("laptop").resume(first, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    session.device("laptop").resume(newest, 0).attached();
  }

  @Test
  void aResumeThatWasLateOnItsWayLocksNobodyOut() {
    TestDevice first = session.device("laptop").connect();
    long shown = first.attached().tokenGeneration();
    TestDevice live = session.device("laptop").resume(shown, 0);
    long held = live.attached().tokenGeneration();
    TestDevice late = session.device("laptop").resume(shown, 0);
    late.attached();
    assertThat(live.detached()).isEqualTo(Code.TAKEN_OVER);

    TestDevice again = session.device("laptop").resume(held, 0);
    again.attached();
    again.input(1, "hello");

    assertThat(again.durable()).isEqualTo(1);
    TestDevice old = session.device("laptop").resume(shown, 0);
    assertThat(old.refused().refusal()).isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
  }

  @Test
  void aConnectThatWasLateOnItsWayLocksNobodyOut() {
    long held = session.device("laptop").connect().attached().tokenGeneration();
    TestDevice late = session.device("laptop").connect();
    long newest = late.attached().tokenGeneration();

    TestDevice again = session.device("laptop").resume(held, 0);
    again.attached();
    again.input(1, "hello");

    assertThat(again.durable()).isEqualTo(1);
    for (long old : List.of(held, newest)) {
      TestDevice device = session.device("laptop").resume(old, 0);
      assertThat(device.refused().refusal()).isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    }
  }

  @Test
  void whoConnectsAgainAndAgainWithoutAWordDoesNotKeepAllItsTokens() {
    long first = session.device("laptop").connect().attached().tokenGeneration();
    long before = first;
    for (int i = 0; i <= AttachDecision.MAX_UNCONFIRMED + 1; i++) {
      before = session.device("laptop").connect().attached().tokenGeneration();
    }

    assertThat(session.device("laptop").resume(first, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    session.device("laptop").resume(before - 1, 0).attached();
  }

  @Test
  void whoIsAttachedIsNotTakenAgainHoweverManyCameSince() {
    TestDevice laptop = session.attached("laptop");
    for (int i = 0; i < 70; i++) {
      session.device("phone").connect().attached();
    }

    laptop.connect();

    laptop.hearsNothing();
  }

  @Test
  void aFrameOfAnOlderConnectionDoesNotVoidTheTokenThatTheDeviceHolds() {
    TestDevice old = session.device("laptop").connect();
    long held = old.attached().tokenGeneration();
    var gate = NODE.closeGate();
    try {
      // The ACCEPT of this one is lost on the way; the old connection's last frame comes late.
      session.device("other").connect();
      session.device("laptop").resume(held, 0);
      old.input(1, "late");
    } finally {
      NODE.openGate(gate);
    }

    session.device("laptop").resume(held, 0).attached();
  }

  @Test
  void aTokenOfAnotherDeviceOrLifeIsRefused() {
    long token = session.device("laptop").connect().attached().tokenGeneration();

    assertThat(session.device("phone").resume(token, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    assertThat(session.device("laptop").resume(token + 1, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    assertThat(session.device("laptop").resume(0, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    TestDevice stolen = session.device("laptop");
    stolen.tell(
        new SessionCommand.Resume(new Principal("default", "eve"), token, 0, stolen.attachment()));
    assertThat(stolen.refused().refusal()).isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    TestSession absent = NODE.session();
    assertThat(absent.device("laptop").resume(token, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
  }

  @Test
  void aDeviceThatClaimsOutputThatWasNeverGivenIsRefused() {
    long token = session.device("laptop").connect().attached().tokenGeneration();

    assertThat(session.device("laptop").resume(token, 1).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.AHEAD);
  }

  @Test
  void takingOverDetachesTheOthersAndSharingDoesNot() {
    TestDevice laptop = session.attached("laptop");
    TestDevice phone = session.attached("phone");
    laptop.hearsNothing();

    TestDevice tablet = session.device("tablet").mode(Mode.TAKE_OVER).connect();

    tablet.attached();
    assertThat(laptop.detached()).isEqualTo(Code.TAKEN_OVER);
    assertThat(phone.detached()).isEqualTo(Code.TAKEN_OVER);
    assertThat(session.describe().attached()).containsExactly("tablet");
  }

  @Test
  void inputThatTheOldDeviceHadSentBeforeATakeoverIsStillAcknowledged() {
    TestDevice laptop = session.attached("laptop");
    var gate = NODE.closeGate();
    TestDevice tablet = session.device("tablet").mode(Mode.TAKE_OVER);
    try {
      laptop.input(1, "last words");
      tablet.connect();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(laptop.durable()).isEqualTo(1);
    assertThat(laptop.detached()).isEqualTo(Code.TAKEN_OVER);
    assertThat(tablet.attached().headNumber()).isEqualTo(1);
  }

  @Test
  void theSameDeviceOnAnotherConnectionReplacesItselfEvenWhenSharing() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();

    session.device("laptop").resume(token, 0).attached();

    assertThat(laptop.detached()).isEqualTo(Code.TAKEN_OVER);
  }

  @Test
  void aWatchingDeviceSeesButNeitherTypesNorEndsTheSession() {
    TestDevice typing = session.device("watch").mode(Mode.WATCH).connect();
    typing.attached();
    TestDevice ending = session.device("end").mode(Mode.WATCH).connect();
    ending.attached();
    session.emit(1, Entry.text("hello"));
    typing.output();
    ending.output();

    typing.input(1, "no");
    ending.tell(new SessionCommand.Disconnect(ending.number, 0));

    assertThat(typing.detached()).isEqualTo(Code.FORBIDDEN);
    assertThat(ending.detached()).isEqualTo(Code.FORBIDDEN);
    assertThat(session.describe().phase()).isEqualTo("open");
  }

  @Test
  void oneConnectionMayCarrySeveralDevicesAndItsEndDetachesThemAll() {
    TestProbe<DeviceMessage> edge = NODE.kit.createTestProbe();
    TestDevice first = session.device("first", edge).connect();
    first.attached();
    TestDevice second = session.device("second", edge).connect();
    second.attached();
    TestDevice witness = session.attached("witness");

    second.detach();
    first.input(1, "still here");
    assertThat(first.durable()).isEqualTo(1);
    first.output();
    session.device("second", edge).connect().attached();
    edge.stop();

    witness.output();
    await()
        .untilAsserted(() -> assertThat(session.describe().attached()).containsExactly("witness"));
  }

  @Test
  void moreDevicesThanTheSessionRemembersAreRefused() {
    for (String name : List.of("a", "b", "c", "d")) {
      session.attached(name);
    }

    assertThat(session.device("e").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.OVERLOADED);
    session.attached("a");
  }

  @Test
  void suspendIsAnsweredOnceAllBeforeItIsDurable() {
    TestDevice laptop = session.attached("laptop");
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "one");
      laptop.suspend();
      laptop.input(2, "too late");
      laptop.hearsNothing();
    } finally {
      NODE.openGate(gate);
    }

    assertThat(laptop.durable()).isEqualTo(1);
    assertThat(laptop.detached()).isEqualTo(Code.SUSPENDED);
    laptop.hearsNothing();
    assertThat(session.describe().headNumber()).isEqualTo(1);
  }

  @Test
  void closingTellsEveryDeviceAndTheIdIsNotGivenOutAgain() {
    TestDevice laptop = session.device("laptop").connect();
    long token = laptop.attached().tokenGeneration();
    TestDevice phone = session.attached("phone");

    laptop.tell(new SessionCommand.Disconnect(laptop.number, 0));

    assertThat(laptop.detached()).isEqualTo(Code.CLOSED);
    assertThat(phone.detached()).isEqualTo(Code.CLOSED);
    session.targetTold(TargetCommand.Stop.class);
    assertThat(session.device("laptop").resume(token, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.CLOSED);
    session.crash();
    assertThat(session.device("laptop").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.CLOSED);
    assertThat(session.device("laptop").resume(token + (1L << 32), 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
  }

  @Test
  void onlyTheOwnerCloses() {
    session.attached("laptop");
    TestProbe<SessionCommand.CloseReply> probe = NODE.kit.createTestProbe();

    session.actor().tell(new SessionCommand.Close(new Principal("default", "eve"), probe.getRef()));
    probe.expectMessage(SessionCommand.CloseReply.NO_SUCH_SESSION);
    session.actor().tell(new SessionCommand.Close(Principal.LOCAL, probe.getRef()));
    probe.expectMessage(SessionCommand.CloseReply.CLOSED);
  }
}
