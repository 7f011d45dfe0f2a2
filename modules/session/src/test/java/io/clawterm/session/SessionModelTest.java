package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random operations against a small model of what a session owes its devices and its target. {@code
 * -Dclawterm.seed=} repeats a seed, {@code -Dclawterm.seeds=} runs that many.
 */
class SessionModelTest {

  private static final TestNode NODE = new TestNode();
  private static final int STEPS = 40;

  /** The seeds up to this one are run each time, with a crash after each commit. */
  private static final int ALWAYS_CRASHING = 10;

  private static final List<Mode> MODES = List.of(Mode.TAKE_OVER, Mode.SHARE, Mode.WATCH);

  @AfterAll
  static void stop() {
    NODE.close();
  }

  static LongStream seeds() {
    Long given = Long.getLong("clawterm.seed");
    if (given != null) {
      return LongStream.of(given);
    }
    return LongStream.concat(
        LongStream.rangeClosed(1, ALWAYS_CRASHING),
        new Random().longs(Long.getLong("clawterm.seeds", 30), ALWAYS_CRASHING + 1, 1_000_000_000));
  }

  @ParameterizedTest(name = "-Dclawterm.seed={0}")
  @MethodSource("seeds")
  void aSessionKeepsItsPromises(long seed) {
    try {
      new Run(seed).all();
    } catch (AssertionError | RuntimeException e) {
      // A report of a build counts the runs; it does not show their names.
      throw new AssertionError("-Dclawterm.seed=" + seed, e);
    }
  }

  /** What the model knows of a device: the client's side and what the session owes it. */
  private static final class Peer {
    final String name;
    final Set<Long> voidTokens = new HashSet<>();

    /** Those before the newest that are good until it is confirmed. */
    final SortedSet<Long> older = new TreeSet<>();

    Optional<TestDevice> connection = Optional.empty();
    long token;
    long lastInput;
    long cursor;

    Peer(String name) {
      this.name = name;
    }
  }

  private static final class Run {
    private final Random random;
    private final boolean crashAlways;
    private int commitsBefore;
    private final TestSession session;
    private final Peer laptop = new Peer("laptop");
    private final List<Peer> peers = List.of(laptop, new Peer("phone"), new Peer("tablet"));

    // The model: all that is durable.
    private final List<Entry> log = new ArrayList<>();
    private final List<String> inputs = new ArrayList<>();
    private long consumed;

    // The life of the target.
    private boolean running;
    private long epoch;
    private long delivered;
    private int texts;

    Run(long seed) {
      random = new Random(seed);
      crashAlways = seed <= ALWAYS_CRASHING || random.nextInt(3) == 0;
      int snapshotEvery = random.nextBoolean() ? 10 : 1_000;
      session =
          NODE.session(
              Target.InputStyle.MESSAGES, TestNode.settings(snapshotEvery, Duration.ofMinutes(2)));
    }

    void all() {
      connect(laptop);
      if (crashAlways) {
        crashes();
      }
      for (int step = 0; step < STEPS; step++) {
        Peer peer = peers.get(random.nextInt(peers.size()));
        switch (random.nextInt(14)) {
          case 0 -> connect(peer);
          case 1, 2 -> resume(peer);
          case 3, 4, 5, 6 -> input(peer);
          case 7, 8, 9 -> emit();
          case 10 -> suspend(peer);
          case 11 -> silence(peer);
          case 12 -> targetCrash();
          default -> fault(peer);
        }
        check();
        if (crashAlways || random.nextInt(8) == 0) {
          crashes();
        }
      }
      readAllAndClose();
    }

    private void crashes() {
      crash();
      check();
      if (crashAlways) {
        // A life begins with a commit where devices were attached to the one before.
        crash();
        check();
      }
    }

    /** The connection of a device; where a crash has taken it, the device comes back. */
    private Optional<TestDevice> connection(Peer peer) {
      if (crashAlways && peer.connection.isEmpty()) {
        if (peer.token != 0 && random.nextBoolean()) {
          resume(peer);
        } else {
          connect(peer);
        }
        check();
      }
      return peer.connection;
    }

    private void connect(Peer peer) {
      TestDevice device = device(peer).connect();
      DeviceMessage.Attached attached = device.attached();
      if (peer.token != 0) {
        peer.older.add(peer.token);
      }
      SortedSet<Long> tooMany = peer.older.headSet(peer.token - AttachDecision.MAX_UNCONFIRMED);
      peer.voidTokens.addAll(tooMany);
      tooMany.clear();
      peer.cursor = 0;
      attached(peer, device, attached);
    }

    private void resume(Peer peer) {
      boolean wrong = random.nextInt(4) == 0;
      List<Long> bad = new ArrayList<>(peer.voidTokens);
      bad.add(peer.token + 5);
      if (peer.token == 0 || wrong) {
        TestDevice device = device(peer).resume(bad.get(random.nextInt(bad.size())), 0);
        assertThat(device.refused().refusal()).isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
        return;
      }
      List<Long> good = new ArrayList<>(peer.older);
      good.add(peer.token);
      long token = good.get(random.nextInt(good.size()));
      TestDevice device = device(peer);
      if (random.nextInt(10) == 0) {
        device.resume(token, log.size() + 1);
        assertThat(device.refused().refusal()).isEqualTo(DeviceMessage.Refusal.AHEAD);
        return;
      }
      // A client may have lost what it had not processed: it asks from an earlier number on.
      peer.cursor -= peer.cursor == 0 ? 0 : random.nextLong(Math.min(3, peer.cursor) + 1);
      device.resume(token, peer.cursor);
      DeviceMessage.Attached attached = device.attached();
      SortedSet<Long> before = peer.older.headSet(token);
      peer.voidTokens.addAll(before);
      before.clear();
      peer.older.add(peer.token);
      attached(peer, device, attached);
    }

    private void attached(Peer peer, TestDevice device, DeviceMessage.Attached attached) {
      assertThat(attached.tokenGeneration()).isNotIn(peer.voidTokens).isNotEqualTo(peer.token);
      assertThat(attached.lastInput()).isEqualTo(peer.lastInput);
      assertThat(attached.firstNumber()).isEqualTo(peer.cursor + 1);
      assertThat(attached.headNumber()).isEqualTo(log.size());
      peer.token = attached.tokenGeneration();
      for (Peer other : peers) {
        other
            .connection
            .filter(old -> other == peer || device.mode == Mode.TAKE_OVER)
            .ifPresent(old -> {
              assertThat(old.detached()).isEqualTo(Code.TAKEN_OVER);
              other.connection = Optional.empty();
            });
      }
      peer.connection = Optional.of(device);
      targetRuns();
    }

    private void input(Peer peer) {
      TestDevice device = connection(peer).orElse(null);
      if (device == null) {
        return;
      }
      boolean watching = device.mode == Mode.WATCH;
      boolean gap = random.nextInt(10) == 0;
      long first = gap ? peer.lastInput + 2 : peer.lastInput + 1 - random.nextLong(3);
      first = Math.max(1, first);
      String[] frames = new String[1 + random.nextInt(4)];
      for (int i = 0; i < frames.length; i++) {
        long number = first + i;
        frames[i] = peer.name + " " + number;
      }
      device.input(first, frames);
      if (watching) {
        assertThat(device.detached()).isEqualTo(Code.FORBIDDEN);
        peer.connection = Optional.empty();
        return;
      }
      confirmed(peer);
      if (gap) {
        assertThat(device.detached()).isEqualTo(Code.SEQUENCE_GAP);
        peer.connection = Optional.empty();
        return;
      }
      applied(peer, first, frames);
      assertThat(device.durableSkippingOutput(output -> got(peer, output)))
          .isEqualTo(peer.lastInput);
    }

    private void confirmed(Peer peer) {
      peer.voidTokens.addAll(peer.older);
      peer.older.clear();
    }

    private void applied(Peer peer, long first, String... frames) {
      for (int i = 0; i < frames.length; i++) {
        if (first + i > peer.lastInput) {
          peer.lastInput = first + i;
          inputs.add(frames[i]);
          log.addAll(
              Entries.ofInput(
                  peer.name, new SessionCommand.InputFrame(Bytes.of(frames[i]), false, false)));
        }
      }
    }

    private void emit() {
      if (!running) {
        return;
      }
      if (random.nextInt(5) == 0) {
        session.emit(epoch - 1, Entry.text("ghost"));
      }
      if (random.nextBoolean() && delivered > consumed) {
        consumed += 1 + random.nextLong(delivered - consumed);
        session.consume(epoch, consumed);
        if (crashAlways) {
          // What it has consumed and what it emits are two commits.
          check();
          crashes();
          if (!running) {
            return;
          }
        }
      }
      Entry[] entries = new Entry[1 + random.nextInt(3)];
      for (int i = 0; i < entries.length; i++) {
        entries[i] = Entry.text(++texts + "y".repeat(random.nextInt(700)));
      }
      session.emit(epoch, entries);
      log.addAll(List.of(entries));
    }

    private void suspend(Peer peer) {
      connection(peer)
          .ifPresent(device -> {
            device.suspend();
            assertThat(device.detached()).isEqualTo(Code.SUSPENDED);
            confirmed(peer);
            peer.connection = Optional.empty();
          });
    }

    private void silence(Peer peer) {
      connection(peer)
          .ifPresent(device -> {
            if (random.nextBoolean()) {
              device.detach();
            } else {
              device.edge.stop();
            }
            peer.connection = Optional.empty();
          });
    }

    private void targetCrash() {
      if (running && random.nextInt(3) == 0) {
        session.target.actor.orElseThrow().tell(new ScriptedTarget.Crash());
        running = false;
        targetRuns();
      }
    }

    /** The session dies with input on its way: stored or not, but never half, and never denied. */
    private void fault(Peer peer) {
      TestDevice device = connection(peer).orElse(null);
      if (device == null || device.mode == Mode.WATCH) {
        return;
      }
      boolean failing = random.nextBoolean();
      if (failing) {
        NODE.journal.failNextPersisted(session.persistenceId());
      }
      long first = peer.lastInput + 1;
      String text = peer.name + " " + first;
      device.input(first, text);
      if (failing) {
        session.awaitStop();
      } else {
        session.crash();
      }
      boolean told = device.wasToldDurable(first);
      nextLife();
      // The journal may still take what the life before had written when it ended; what the next
      // life has read back is settled.
      session.describe();
      commitsBefore = session.journaled().size();
      boolean stored = session.stored().device(peer.name).lastInput() == first;
      assertThat(stored).isIn(told, true);
      if (failing) {
        assertThat(stored).isFalse();
      }
      if (session.stored().device(peer.name).shown() == 0) {
        confirmed(peer);
      }
      if (stored) {
        applied(peer, first, text);
      }
      wakesIfInputWaits();
    }

    private void crash() {
      session.crash();
      List<SessionEvent> journal = session.journaled();
      if (crashAlways) {
        assertEndedByACommit(journal.subList(commitsBefore, journal.size()));
      }
      commitsBefore = journal.size();
      nextLife();
      wakesIfInputWaits();
    }

    /** Nothing but the attachment that it needs comes before the one commit of a life. */
    private static void assertEndedByACommit(List<SessionEvent> life) {
      if (!life.isEmpty()) {
        assertThat(life.subList(0, life.size() - 1))
            .hasSizeLessThan(2)
            .flatMap(SessionEvent::changes)
            .hasOnlyElementsOfTypes(
                SessionEvent.Created.class,
                SessionEvent.DeviceAttached.class,
                SessionEvent.DeviceDetached.class);
      }
    }

    private void nextLife() {
      peers.forEach(peer -> peer.connection = Optional.empty());
      running = false;
      // Both are over and silent: what the old life was told the new one is told again.
      session.target.told.clear();
      session.target.started.clear();
      session.actor();
    }

    private void wakesIfInputWaits() {
      if (consumed < inputs.size()) {
        targetRuns();
      }
    }

    private void targetRuns() {
      if (!running) {
        TargetContext context = session.targetStarted();
        assertThat(context.epoch()).isNotZero();
        epoch = context.epoch();
        running = true;
        delivered = consumed;
      }
    }

    private void check() {
      session.settle();
      assertThat(session.describe().headNumber()).isEqualTo(log.size());
      for (Peer peer : peers) {
        peer.connection.ifPresent(device -> {
          while (peer.cursor < log.size()) {
            got(peer, device.output());
          }
        });
      }
      while (running && delivered < inputs.size()) {
        if (session.targetTold(TargetCommand.class) instanceof TargetCommand.Deliver deliver) {
          for (TargetCommand.TargetInput input : deliver.inputs()) {
            assertThat(input.number()).isEqualTo(++delivered);
            assertThat(input.body().utf8()).isEqualTo(inputs.get((int) delivered - 1));
          }
        }
      }
    }

    private void got(Peer peer, DeviceMessage.Output output) {
      assertThat(output.firstNumber()).isEqualTo(peer.cursor + 1);
      long bytes = 0;
      for (Entry entry : output.entries()) {
        assertThat(entry).isEqualTo(log.get((int) peer.cursor));
        peer.cursor++;
        bytes += entry.size();
      }
      peer.connection.orElseThrow().release(bytes, peer.cursor);
    }

    private TestDevice device(Peer peer) {
      Mode mode = MODES.get(random.nextInt(MODES.size()));
      return session.device(peer.name).mode(mode).window(random.nextBoolean() ? 100 : 1_000_000);
    }

    private void readAllAndClose() {
      TestDevice reader = session.device("reader").connect();
      reader.attached();
      assertThat(reader.outputUpTo(1, log.size())).isEqualTo(log);
      reader.tell(new SessionCommand.Disconnect(reader.number, 0));
      assertThat(reader.detached()).isEqualTo(Code.CLOSED);
      session.crash();
      TestDevice late = session.device("laptop").resume(laptop.token, laptop.cursor);
      assertThat(late.refused().refusal()).isEqualTo(DeviceMessage.Refusal.CLOSED);
      session.crash();
      session.target.told.clear();
    }
  }
}
