package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.api.Principal;
import io.clawterm.testkit.Seeds;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is decided, and the state that a session goes on with once that is durable. */
class PendingTest {

  private static final Instant START = Instant.parse("2026-11-21T12:00:00Z");
  private static final List<String> DEVICES = List.of("laptop", "phone");

  static LongStream seeds() {
    return Seeds.cases("PendingTest", 50);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void whatTheSessionGoesOnWithIsWhatReplayMakesOfTheJournal(long seed) {
    RandomGenerator random = new Random(seed);
    Target.InputStyle[] styles = Target.InputStyle.values();
    Target.InputStyle style = styles[random.nextInt(styles.length)];
    SessionState live = new SessionState.Absent();
    SessionState replayed = live;
    Pending pending = new Pending(live);
    Instant now = START;

    for (int commit = 0; commit < 60 && !(live instanceof SessionState.Ended); commit++) {
      int changes = random.nextInt(1, 5);
      for (int i = 0; i < changes && !(pending.state() instanceof SessionState.Ended); i++) {
        now = now.plusMillis(random.nextInt(1, 1_000));
        pending.add(change(pending.state(), style, random), now);
      }
      now = now.plusMillis(random.nextInt(1, 1_000));
      SessionEvent event = pending.take(now, live, Optional.empty());
      live = pending.after(live, event);
      pending.committed(live);
      replayed = replayed.after(event);

      assertThat(live).isEqualTo(replayed);
    }
  }

  @Test
  void whatWasDecidedIsNotWorkedOutAgain() {
    SessionState open = open();
    var pending = new Pending(open);
    pending.add(emitted("x"), START);
    SessionEvent event = pending.take(START, open, Optional.empty());

    assertThat(pending.after(open, event)).isSameAs(pending.after(open, event));
  }

  @Test
  void anotherEventThanTheOneDecidedIsWorkedOut() {
    SessionState open = open();
    var pending = new Pending(open);
    pending.add(emitted("decided"), START);
    SessionEvent event = pending.take(START, open, Optional.empty());
    var other = new SessionEvent(START, 0, List.of(emitted("a"), emitted("b")), Optional.empty());

    assertThat(pending.after(open, other)).isEqualTo(open.after(other));
    assertThat(pending.after(open, other).head()).isEqualTo(2);
    assertThat(pending.after(open, event).head()).isEqualTo(1);
  }

  private static SessionState open() {
    var created =
        new SessionEvent(START, 0, List.of(created(Target.InputStyle.MESSAGES)), Optional.empty());
    return new SessionState.Absent().after(created);
  }

  private static SessionEvent.Change change(
      SessionState state, Target.InputStyle style, RandomGenerator random) {
    if (!(state instanceof SessionState.Open open)) {
      return created(style);
    }
    String name = DEVICES.get(random.nextInt(DEVICES.size()));
    SessionState.Device device = open.devices().get(name);
    if (device == null || random.nextInt(8) == 0) {
      return new SessionEvent.DeviceAttached(name, random.nextLong(1, 99), random.nextLong(9));
    }
    return switch (random.nextInt(20)) {
      case 0 -> new SessionEvent.Closed("done");
      case 1 -> new SessionEvent.TokenConfirmed(name);
      case 2 ->
          new SessionEvent.DeviceDetached(
              name,
              random.nextLong(9),
              random.nextBoolean() ? OptionalLong.empty() : OptionalLong.of(60));
      case 3 -> new SessionEvent.Trimmed(random.nextLong(1, open.head() + 2));
      case 4 ->
          new SessionEvent.Emitted(
              List.of(),
              OptionalLong.empty(),
              Optional.of(new TargetMemo("{}", random.nextBoolean())));
      case 5, 6, 7 ->
          new SessionEvent.Emitted(
              List.of(),
              OptionalLong.of(random.nextLong(open.input().received() + 1)),
              Optional.empty());
      case 8, 9, 10, 11, 12 -> emitted("x".repeat(random.nextInt(8_000)));
      default -> input(name, device.lastInput() + 1, style, random);
    };
  }

  private static SessionEvent.Change input(
      String device, long first, Target.InputStyle style, RandomGenerator random) {
    List<SessionCommand.InputFrame> frames = new ArrayList<>();
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      frames.add(new SessionCommand.InputFrame(Bytes.of("line\nline\n"), false, false));
    }
    return new SessionEvent.InputReceived(
        device, first, frames, style == Target.InputStyle.MESSAGES);
  }

  private static SessionEvent.Change created(Target.InputStyle style) {
    return new SessionEvent.Created(
        Principal.LOCAL, Optional.empty(), "agent:main", style, 7, 3_600);
  }

  private static SessionEvent.Change emitted(String text) {
    return new SessionEvent.Emitted(
        List.of(Entry.text(text)), OptionalLong.empty(), Optional.empty());
  }
}
