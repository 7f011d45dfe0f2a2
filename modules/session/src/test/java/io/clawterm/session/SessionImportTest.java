package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.clawterm.api.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a session answers to its export and to the steps of an import. */
class SessionImportTest {

  private static final TestNode NODE = new TestNode();
  private static final Principal EVE = new Principal("default", "eve");
  private static final Instant CREATED = Instant.parse("2026-01-02T03:04:05Z");

  @AfterAll
  static void stop() {
    NODE.close();
  }

  private static ImportReply ask(
      TestSession session, Function<ActorRef<ImportReply>, SessionCommand> step) {
    TestProbe<ImportReply> probe = NODE.kit.createTestProbe();
    session.actor().tell(step.apply(probe.getRef()));
    return probe.receiveMessage();
  }

  private static ImportReply begin(TestSession session, String bundle, long first) {
    return ask(
        session,
        to -> new SessionCommand.BeginImport(Principal.LOCAL, bundle, first, "agent:main", to));
  }

  private static ImportReply entries(
      TestSession session, String bundle, long first, List<Entry> entries) {
    return ask(
        session,
        to -> new SessionCommand.ImportEntries(Principal.LOCAL, bundle, first, entries, to));
  }

  private static ImportReply input(TestSession session, String bundle, long... numbers) {
    List<TargetCommand.TargetInput> inputs = new ArrayList<>();
    for (long number : numbers) {
      inputs.add(
          new TargetCommand.TargetInput(
              number, "laptop", Bytes.of("m" + number), false, false, Optional.of(1L)));
    }
    return ask(session, to -> new SessionCommand.ImportInput(Principal.LOCAL, bundle, inputs, to));
  }

  private static BundleManifest manifest(
      TestSession session, long first, long head, int waiting, Optional<TargetMemo> memo) {
    return new BundleManifest(
        session.id,
        Optional.of("main"),
        "agent:main",
        CREATED,
        Duration.ofDays(90).toSeconds(),
        first,
        head,
        9,
        7,
        waiting,
        memo);
  }

  private static ImportReply end(TestSession session, String bundle, BundleManifest manifest) {
    return ask(
        session, to -> new SessionCommand.EndImport(Principal.LOCAL, bundle, manifest, "main", to));
  }

  private static List<Entry> texts(long from, long to) {
    List<Entry> entries = new ArrayList<>();
    for (long i = from; i <= to; i++) {
      entries.add(Entry.text("entry " + i));
    }
    return entries;
  }

  @Test
  void anImportedSessionShowsTheSameEntriesUnderTheSameNumbers() {
    TestSession session = NODE.session();
    begin(session, "b", 1);
    entries(session, "b", 1, texts(1, 5));
    entries(session, "b", 6, texts(6, 7));

    ImportReply done = end(session, "b", manifest(session, 1, 7, 0, Optional.empty()));

    assertThat(done).isEqualTo(new ImportReply.Here(Optional.of("main"), true));
    TestDevice device = session.device("phone").connect();
    DeviceMessage.Attached attached = device.attached();
    assertThat(attached.firstNumber()).isEqualTo(1);
    assertThat(attached.headNumber()).isEqualTo(7);
    assertThat(attached.lastInput()).isZero();
    assertThat(device.outputUpTo(1, 7)).isEqualTo(texts(1, 7));
    device.input(1, "go on");
    assertThat(device.durableSkippingOutput()).isEqualTo(1);
    TargetCommand.Deliver delivered = session.targetTold(TargetCommand.Deliver.class);
    assertThat(delivered.inputs().getFirst().number()).isEqualTo(10);
    assertThat(delivered.inputs().getFirst().entry()).contains(8L);
    SessionState.Open stored = session.stored();
    assertThat(stored.identity().createdAt()).isEqualTo(CREATED);
    assertThat(stored.expirySeconds()).isEqualTo(Duration.ofDays(60).toSeconds());
  }

  @Test
  void aBundleWhoseFirstEntriesRetentionTookKeepsItsNumbers() {
    TestSession session = NODE.session();
    begin(session, "b", 50);
    entries(session, "b", 50, texts(50, 52));
    end(session, "b", manifest(session, 50, 52, 0, Optional.empty()));
    session.crash();

    TestDevice device = session.device("phone").connect();

    assertThat(device.attached().firstNumber()).isEqualTo(50);
    assertThat(device.outputUpTo(50, 52)).isEqualTo(texts(50, 52));
  }

  @Test
  void aHalfImportIsNoSessionForAnybody() {
    TestSession session = NODE.session();
    begin(session, "b", 1);
    entries(session, "b", 1, texts(1, 5));

    assertThat(session.device("a").connect(Optional.empty(), Principal.LOCAL).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.ID_TAKEN);
    assertThat(session.device("b").resume(1, 0).refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.NO_SUCH_SESSION);
    assertThat(session.describe().phase()).isEqualTo("absent");
    TestProbe<ExportReply> exporter = NODE.kit.createTestProbe();
    session.actor().tell(new SessionCommand.Export(Principal.LOCAL, 0, exporter.getRef()));
    exporter.expectMessage(new ExportReply.NoSuchSession());
    TestProbe<SessionCommand.CloseReply> closer = NODE.kit.createTestProbe();
    session.actor().tell(new SessionCommand.Close(Principal.LOCAL, closer.getRef()));
    closer.expectMessage(SessionCommand.CloseReply.NO_SUCH_SESSION);
    assertThat(end(session, "b", manifest(session, 1, 6, 0, Optional.empty())))
        .isEqualTo(new ImportReply.Standing(5, 0));
  }

  @Test
  void aDeviceThatComesByTheKeyWaitsForAnImportThatGoesOnAndNotForOneThatWasCut() {
    TestSession session = NODE.session();
    begin(session, "b", 1);

    // The edge gives up the key's binding to an id that is taken, and not to an overloaded one.
    assertThat(session.device("a").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.OVERLOADED);
    session.crash();
    assertThat(session.device("b").connect().refused().refusal())
        .isEqualTo(DeviceMessage.Refusal.ID_TAKEN);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void crashesAndRepetitionsBetweenStepsChangeNothing(long seed) {
    var random = new Random(seed);
    TestSession session =
        NODE.session(Target.InputStyle.MESSAGES, TestNode.settings(10, Duration.ofMinutes(2)));
    BundleManifest manifest = manifest(session, 3, 60, 2, Optional.empty());
    ImportReply reply = begin(session, "b", 3);
    int steps = 0;
    while (!(reply instanceof ImportReply.Here)) {
      assertThat(++steps).isLessThan(500);
      var standing = (ImportReply.Standing) reply;
      switch (random.nextInt(6)) {
        case 0 -> {
          session.crash();
          assertThat(begin(session, "b", 3)).isEqualTo(standing);
        }
        case 1 -> reply = entries(session, "b", 3, texts(3, 4)); // again, or the first time
        case 2 -> reply = input(session, "b", 8, 9);
        case 3 -> reply = end(session, "b", manifest);
        default -> {
          long from = standing.headNumber() + 1;
          if (from <= 60) {
            reply =
                entries(session, "b", from, texts(from, Math.min(60, from + random.nextInt(9))));
          }
        }
      }
    }
    session.crash();

    assertThat(begin(session, "b", 3)).isEqualTo(new ImportReply.Here(Optional.of("main"), false));
    TestDevice device = session.device("phone").connect();
    device.attached();
    assertThat(device.outputUpTo(3, 60)).isEqualTo(texts(3, 60));
    TargetCommand.Deliver delivered = session.targetTold(TargetCommand.Deliver.class);
    assertThat(delivered.inputs().stream().map(TargetCommand.TargetInput::number).toList())
        .containsExactly(8L, 9L);
  }

  @Test
  void anotherBundleBeginsAnewAndNothingOfTheFirstIsSeen() {
    TestSession session = NODE.session();
    begin(session, "old", 1);
    entries(session, "old", 1, texts(1, 40));

    assertThat(begin(session, "new", 20)).isEqualTo(new ImportReply.Standing(19, 0));
    assertThat(entries(session, "old", 41, texts(41, 41))).isEqualTo(new ImportReply.Displaced());
    assertThat(end(session, "old", manifest(session, 1, 40, 0, Optional.empty())))
        .isEqualTo(new ImportReply.Displaced());
    entries(session, "new", 20, List.of(Entry.text("new 20"), Entry.text("new 21")));
    end(session, "new", manifest(session, 20, 21, 0, Optional.empty()));
    TestDevice live = session.device("live").connect();
    live.attached();
    assertThat(live.outputUpTo(20, 21)).containsExactly(Entry.text("new 20"), Entry.text("new 21"));
    TargetContext started = session.targetStarted();
    List<LogEntry> readBack =
        started
            .log()
            .read(session.id, 1, 1)
            .runWith(akka.stream.javadsl.Sink.seq(), NODE.kit.system())
            .toCompletableFuture()
            .orTimeout(10, java.util.concurrent.TimeUnit.SECONDS)
            .join();
    assertThat(readBack)
        .containsExactly(
            new LogEntry(20, Entry.text("new 20")), new LogEntry(21, Entry.text("new 21")));
    session.crash();

    TestDevice later = session.device("later").connect();
    later.attached();

    assertThat(later.outputUpTo(20, 21))
        .containsExactly(Entry.text("new 20"), Entry.text("new 21"));
  }

  @Test
  void anIdInUseIsNotTaken() {
    TestSession session = NODE.session();
    TestDevice device = session.attached("laptop");
    session.emit(session.targetStarted().epoch(), Entry.text("x"));
    session.settle();

    assertThat(begin(session, "b", 1)).isEqualTo(new ImportReply.Taken("open", 1));
    assertThat(entries(session, "b", 2, texts(2, 2))).isEqualTo(new ImportReply.Taken("open", 1));
    assertThat(ask(session, to -> new SessionCommand.BeginImport(EVE, "b", 1, "agent:main", to)))
        .isEqualTo(new ImportReply.Taken("", 0));
    device.tell(new SessionCommand.Disconnect(device.number, 0));
    session.settle();
    assertThat(begin(session, "b", 1)).isEqualTo(new ImportReply.Taken("ended", 1));
  }

  @Test
  void aTargetThatIsNotThereOrNoAgentIsRefusedAndNothingIsStored() {
    TestSession session = NODE.session();
    session.found = new Targets.Found.Missing("no agent main");
    assertThat(begin(session, "b", 1)).isEqualTo(new ImportReply.NoTarget("no agent main"));
    session.found = new Targets.Found.Available(new ScriptedTarget(Target.InputStyle.VOLATILE));

    assertThat(begin(session, "b", 1)).isInstanceOf(ImportReply.NoTarget.class);
    assertThat(session.journaled()).isEmpty();
  }

  @Test
  void anOpenRunIsTakenUpWithItsMemo() {
    TestSession session = NODE.session();
    var memo = new TargetMemo("{\"readFrom\":1,\"attempt\":1}", true);
    begin(session, "b", 1);
    entries(session, "b", 1, texts(1, 2));

    end(session, "b", manifest(session, 1, 2, 0, Optional.of(memo)));

    TargetContext started = session.targetStarted();
    assertThat(started.memo()).contains(memo);
    assertThat(started.headNumber()).isEqualTo(2);
    assertThat(session.journaled().getLast().work()).contains(true);
  }

  @Test
  void anExportHoldsWhatIsDurableForItsOwnerAlone() {
    TestSession session = NODE.session();
    TestDevice device = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    device.input(1, "one", "two");
    device.durableSkippingOutput();
    session.consume(epoch, 1);
    session
        .actor()
        .tell(
            new SessionCommand.Emit(
                epoch,
                List.of(),
                OptionalLong.empty(),
                Optional.of(new TargetMemo("{\"a\":1}", true))));
    session.settle();
    TestProbe<ExportReply> probe = NODE.kit.createTestProbe();

    session.actor().tell(new SessionCommand.Export(Principal.LOCAL, 0, probe.getRef()));

    var exported = probe.expectMessageClass(ExportReply.Exported.class);
    BundleManifest manifest = exported.manifest();
    assertThat(manifest.key()).contains("main");
    assertThat(manifest.firstNumber()).isEqualTo(1);
    assertThat(manifest.headNumber()).isEqualTo(2);
    assertThat(manifest.consumed()).isEqualTo(1);
    assertThat(manifest.received()).isEqualTo(2);
    assertThat(manifest.memo()).contains(new TargetMemo("{\"a\":1}", true));
    assertThat(exported.inputs()).hasSize(1);
    session.actor().tell(new SessionCommand.Export(EVE, 0, probe.getRef()));
    probe.expectMessage(new ExportReply.NoSuchSession());
  }

  @Test
  void aProgramsSessionIsNotMovable() {
    TestSession session = NODE.session(Target.InputStyle.VOLATILE, TestNode.settings());
    session.attached("laptop");
    TestProbe<ExportReply> probe = NODE.kit.createTestProbe();

    session.actor().tell(new SessionCommand.Export(Principal.LOCAL, 0, probe.getRef()));

    probe.expectMessage(new ExportReply.NotMovable("agent:main"));
  }

  @Test
  void retentionAndSnapshotsWorkOnAnImportedSession() {
    TestSession session =
        NODE.session(Target.InputStyle.MESSAGES, TestNode.settings(10, Duration.ofMinutes(2)));
    begin(session, "b", 1);
    Entry large = Entry.text("x".repeat(8_000));
    List<Entry> part = List.of(large, large, large, large, large, large, large, large, large);
    for (int i = 0; i < 4; i++) {
      entries(session, "b", 1 + 9L * i, part);
    }
    end(session, "b", manifest(session, 1, 36, 0, Optional.empty()));
    TestDevice device = session.attached("laptop");
    long epoch = session.targetStarted().epoch();
    device.release(1_000_000, 36);
    for (int i = 0; i < 20; i++) {
      session.emit(epoch, Entry.text("after " + i));
      session.settle();
    }

    SessionState.Open stored = session.stored();

    assertThat(stored.log().first()).isGreaterThan(1);
    assertThat(session.pruned).isNotEmpty();
    session.crash();
    TestDevice late = session.device("late").connect();
    assertThat(late.attached().firstNumber()).isEqualTo(stored.log().first());
    assertThat(late.outputUpTo(stored.log().first(), 56)).endsWith(Entry.text("after 19"));
  }
}
