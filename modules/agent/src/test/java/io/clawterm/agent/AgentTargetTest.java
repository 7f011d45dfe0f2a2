package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.stream.javadsl.Source;
import io.clawterm.api.Principal;
import io.clawterm.api.SessionId;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entries;
import io.clawterm.session.LogEntry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.telemetry.Tracing;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** How a life begins: with the log, or not at all. */
class AgentTargetTest {

  private static final ActorTestKit KIT = ActorTestKit.create();

  private final TestProbe<SessionCommand> session = KIT.createTestProbe();

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private ActorRef<TargetCommand> start(long head, Source<LogEntry, NotUsed> log) {
    var context =
        new TargetContext(
            new SessionId(1),
            1,
            Principal.LOCAL,
            session.getRef(),
            (id, journal, from) -> log,
            head,
            Optional.empty(),
            Optional.empty(),
            () -> true);
    return KIT.spawn(
        new AgentTarget("demo", Agents.demo(), () -> ProbedAgent.SETTINGS, Tracing.OFF)
            .start(context));
  }

  private static Source<LogEntry, NotUsed> later(CompletionStage<List<LogEntry>> entries) {
    return Source.completionStage(entries).mapConcat(all -> all);
  }

  private static SessionCommand.InputFrame line() {
    return new SessionCommand.InputFrame(Bytes.of("hi\n"), false, false);
  }

  private static TargetCommand.Deliver deliver(long number) {
    return new TargetCommand.Deliver(
        List.of(
            new TargetCommand.TargetInput(
                number, "laptop", line().body(), false, false, Optional.of(number))));
  }

  private static List<LogEntry> log(int lines) {
    return IntStream.rangeClosed(1, lines)
        .mapToObj(i -> Entries.ofInput("laptop", line()).getFirst())
        .collect(
            ArrayList<LogEntry>::new,
            (entries, entry) -> entries.add(new LogEntry(entries.size() + 1L, entry)),
            List::addAll);
  }

  @Test
  void whatComesWhileTheLogIsReadIsTakenAfterwards() {
    var entries = new CompletableFuture<List<LogEntry>>();
    ActorRef<TargetCommand> actor = start(2, later(entries));
    Stream.of(1L, 2L, 3L).forEach(number -> actor.tell(deliver(number)));
    session.expectNoMessage(Duration.ofMillis(100));

    entries.complete(log(2));

    SessionCommand.Emit start = session.expectMessageClass(SessionCommand.Emit.class);
    assertThat(ProbedAgent.shown(start.entries()).getFirst()).contains("\"answers\":1");
  }

  @Test
  void theLogIsNotReadBeforeThereIsSomethingToDo() {
    var read = new AtomicBoolean();
    Source<LogEntry, NotUsed> log =
        Source.lazySource(
                () -> {
                  read.set(true);
                  return Source.from(log(2));
                })
            .mapMaterializedValue(unused -> NotUsed.getInstance());
    ActorRef<TargetCommand> actor = start(2, log);
    actor.tell(new TargetCommand.Resized(new Attachment.WindowSize(80, 24)));
    session.expectNoMessage(Duration.ofMillis(100));
    assertThat(read).isFalse();

    actor.tell(deliver(3));

    session.expectMessageClass(SessionCommand.Emit.class);
    assertThat(read).isTrue();
  }

  @Test
  void anEmptyLogIsNotRead() {
    ActorRef<TargetCommand> actor = start(0, Source.failed(new IllegalStateException("read")));

    actor.tell(deliver(1));

    session.expectMessageClass(SessionCommand.Emit.class);
  }

  @Test
  void itStopsThoughTheLogIsNotRead() {
    ActorRef<TargetCommand> actor = start(2, Source.failed(new IllegalStateException("read")));

    actor.tell(new TargetCommand.Stop());

    session.expectTerminated(actor);
  }

  @Test
  void itStopsThoughTheLogIsStillRead() {
    ActorRef<TargetCommand> actor = start(2, later(new CompletableFuture<>()));
    actor.tell(deliver(1));

    actor.tell(new TargetCommand.Stop());

    session.expectTerminated(actor);
  }

  @Test
  void withoutTheLogThereIsNoLife() {
    ActorRef<TargetCommand> actor = start(2, Source.failed(new IllegalStateException("gone")));
    actor.tell(deliver(1));

    session.expectTerminated(actor);
  }

  @Test
  void moreThanMayWaitIsLeftToTheNextLife() {
    ActorRef<TargetCommand> actor = start(2, later(new CompletableFuture<>()));

    for (long number = 1; number <= 10_001; number++) {
      actor.tell(deliver(number));
    }

    session.expectTerminated(actor);
  }
}
