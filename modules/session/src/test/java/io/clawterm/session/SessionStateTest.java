package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.clawterm.api.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What events make of a session. */
class SessionStateTest {

  private static final Instant AT = Instant.parse("2026-11-21T12:00:00Z");

  @Test
  void nothingFollowsNothingButCreated() {
    assertThatThrownBy(() -> new SessionState.Absent().after(event(0, emitted(Entry.text("x")))))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> open().after(event(0, created(Target.InputStyle.MESSAGES))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aCommitThatDoesNotFollowTheHeadThrows() {
    SessionState one = open().after(event(0, emitted(Entry.text("x"))));

    assertThatThrownBy(() -> one.after(event(0, emitted(Entry.text("x")))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("came after entry 1");
    assertThatThrownBy(() -> one.after(event(2, emitted(Entry.text("x")))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void inputThatDoesNotFollowTheDevicesOwnThrows() {
    SessionState state = open().after(event(0, attachedChange("laptop")));

    assertThatThrownBy(() -> state.after(event(0, input("laptop", 2, "b"))))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> state.after(event(0, input("phone", 1, "a"))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void nothingFollowsTheEnd() {
    SessionState ended = open().after(event(0, new SessionEvent.Closed("done")));

    assertThat(ended).isInstanceOf(SessionState.Ended.class);
    assertThatThrownBy(() -> ended.after(event(0, emitted(Entry.text("x")))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void messagesAreLoggedAndWaitUntilConsumed() {
    SessionState.Open state =
        (SessionState.Open)
            open()
                .after(event(0, attachedChange("laptop"), input("laptop", 1, "a", "b")))
                .after(event(2, consumed(1)));

    assertThat(state.head()).isEqualTo(2);
    assertThat(state.input().received()).isEqualTo(2);
    assertThat(state.input().consumed()).isEqualTo(1);
    assertThat(state.input().waiting()).extracting(i -> i.body().utf8()).containsExactly("b");
    assertThat(state.input().waiting().getFirst().entry()).contains(2L);
    assertThat(state.device("laptop").lastInput()).isEqualTo(2);
  }

  @Test
  void inputThatWasNeverGivenIsNotConsumed() {
    SessionState state = open().after(event(0, attachedChange("laptop")));

    assertThatThrownBy(() -> state.after(event(0, consumed(1))))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void volatileInputNeverWaits() {
    SessionState.Open state =
        (SessionState.Open)
            new SessionState.Absent()
                .after(event(0, created(Target.InputStyle.VOLATILE), attachedChange("laptop")))
                .after(
                    event(
                        0,
                        new SessionEvent.InputReceived(
                            "laptop",
                            1,
                            List.of(new SessionCommand.InputFrame(Bytes.of("ls"), false, false)),
                            false)));

    assertThat(state.input().waiting()).isEmpty();
    assertThat(state.input().received()).isEqualTo(1);
    assertThat(state.input().consumed()).isEqualTo(1);
    assertThat(state.head()).isZero();
  }

  @Test
  void inputAndEntriesAreCountedAlikeByTheStateAndByTheLog() {
    SessionEvent event =
        event(
            0,
            attachedChange("laptop"),
            input("laptop", 1, "a", "", "x".repeat(Entries.MAX_TEXT_CHARS * 3 + 1)),
            emitted(Entry.text("y")),
            input("laptop", 4, "z"));

    SessionState.Open state = (SessionState.Open) open().after(event);

    assertThat(state.head()).isEqualTo(Entries.of(event).size()).isEqualTo(1 + 4 + 1 + 1);
    assertThat(state.log().bytes())
        .isEqualTo(Entries.of(event).stream().mapToLong(Entry::size).sum());
    assertThat(state.input().waiting().getLast().entry()).contains(7L);
  }

  @Test
  void marksTellInWhichEventAnEntryStandsAndHowMuchIsBelow() {
    SessionState.Open state = log(200, 1_000);
    LogExtent log = state.log();

    assertThat(log.marks()).hasSizeBetween(3, 5);
    for (LogExtent.Mark mark : log.marks()) {
      // Each event holds one entry; the first one only created the session.
      assertThat(mark.journal()).isEqualTo(mark.number() + 1);
      assertThat(mark.bytesBefore()).isEqualTo((mark.number() - 1) * 1_032);
    }
    for (long number = 1; number <= log.head(); number++) {
      long journal = log.journalOf(number);
      assertThat(journal).isLessThanOrEqualTo(number + 1);
      assertThat(number + 1 - journal).isLessThanOrEqualTo(65_536 / 1_032 + 1);
    }
  }

  @Test
  void marksThinOutAndStayRight() {
    SessionState.Open state = log(400, 65_000);

    assertThat(state.log().marks()).hasSizeLessThanOrEqualTo(LogExtent.MAX_MARKS);
    assertThat(state.log().marks().getFirst().number()).isEqualTo(1);
    for (long number = 1; number <= state.log().head(); number++) {
      assertThat(state.log().journalOf(number)).isLessThanOrEqualTo(number + 1);
    }
  }

  @Test
  void whatIsTrimmedTakesItsMarksAlong() {
    SessionState.Open state = log(200, 1_000);
    LogExtent.Mark second = state.log().marks().get(1);

    SessionState.Open trimmed =
        (SessionState.Open)
            state.after(event(state.head(), new SessionEvent.Trimmed(second.number())));

    assertThat(trimmed.log().first()).isEqualTo(second.number());
    assertThat(trimmed.log().head()).isEqualTo(state.head());
    assertThat(trimmed.log().marks().getFirst()).isEqualTo(second);
    assertThat(trimmed.log().journalOf(second.number())).isEqualTo(second.journal());
  }

  @Test
  void whatWasDecidedIsWhatReplayGives() {
    var pending = new Pending(open());
    pending.add(attachedChange("laptop"), AT);
    pending.add(input("laptop", 1, "a"), AT);
    pending.add(input("laptop", 2, "b", "c"), AT);
    pending.add(emitted(Entry.text("y")), AT);
    pending.add(input("laptop", 4, "d"), AT);
    SessionState decided = pending.state();

    SessionEvent event = pending.take(AT, open(), Optional.empty());

    assertThat(event.changes()).hasSize(4);
    assertThat(((SessionEvent.InputReceived) event.changes().get(1)).frames())
        .extracting(frame -> frame.body().utf8())
        .containsExactly("a", "b", "c");
    SessionState.Open replayed = (SessionState.Open) open().after(event);
    assertThat(replayed.input()).isEqualTo(((SessionState.Open) decided).input());
    assertThat(replayed.devices()).isEqualTo(((SessionState.Open) decided).devices());
    assertThat(replayed.log().head()).isEqualTo(decided.head());
    assertThat(pending.hasChanges()).isFalse();
  }

  @Test
  void inputOfSeveralDevicesIsNotMerged() {
    var pending = new Pending(open());
    pending.add(attachedChange("laptop"), AT);
    pending.add(attachedChange("phone"), AT);
    pending.add(input("laptop", 1, "a"), AT);
    pending.add(input("phone", 1, "b"), AT);
    pending.add(input("laptop", 2, "c"), AT);

    assertThat(pending.take(AT, open(), Optional.empty()).changes()).hasSize(5);
  }

  @Test
  void afterACommitDecisionsRestOnWhatItHasLedTo() {
    var pending = new Pending(open());
    pending.add(emitted(Entry.text("y")), AT);
    SessionEvent event = pending.take(AT.plusSeconds(1), open(), Optional.empty());
    SessionState.Open committed = (SessionState.Open) open().after(event);

    pending.committed(committed);

    assertThat(pending.state()).isSameAs(committed);
    assertThat(committed.touchedAt()).isEqualTo(AT.plusSeconds(1));
    assertThat(committed.log().marks()).hasSize(1);
    pending.add(emitted(Entry.text("y")), AT);
    assertThatThrownBy(() -> pending.committed(committed))
        .isInstanceOf(IllegalStateException.class);
  }

  private static SessionState.Open log(int entries, int chars) {
    SessionState state = open();
    for (int i = 0; i < entries; i++) {
      state = state.after(event(i, emitted(Entry.bytes(Bytes.of("x".repeat(chars)), false))));
    }
    return (SessionState.Open) state;
  }

  private static SessionState open() {
    return new SessionState.Absent().after(event(0, created(Target.InputStyle.MESSAGES)));
  }

  private static SessionEvent event(long head, SessionEvent.Change... changes) {
    return new SessionEvent(AT, head, new ArrayList<>(List.of(changes)), Optional.empty());
  }

  private static SessionEvent.Created created(Target.InputStyle style) {
    return new SessionEvent.Created(
        Principal.LOCAL,
        Optional.of("main"),
        "agent:main",
        style,
        7,
        Duration.ofDays(30).toSeconds());
  }

  private static SessionEvent.DeviceAttached attachedChange(String device) {
    return new SessionEvent.DeviceAttached(device, (7L << 32) + 1, 0);
  }

  private static SessionEvent.InputReceived input(String device, long first, String... texts) {
    List<SessionCommand.InputFrame> frames = new ArrayList<>();
    for (String text : texts) {
      frames.add(new SessionCommand.InputFrame(Bytes.of(text), false, false));
    }
    return new SessionEvent.InputReceived(device, first, frames, true);
  }

  private static SessionEvent.Emitted emitted(Entry... entries) {
    return new SessionEvent.Emitted(List.of(entries), OptionalLong.empty(), Optional.empty());
  }

  private static SessionEvent.Emitted consumed(long upTo) {
    return new SessionEvent.Emitted(List.of(), OptionalLong.of(upTo), Optional.empty());
  }
}
