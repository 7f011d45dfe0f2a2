package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResumeTest {
  @TempDir private Path folder;

  @Test
  void inputArrivesOnceAndOutputIsDeliveredInOrder() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s")).echoing()) {
      Exchange exchange = exchange(server, clientOf(server));

      assertThat(exchange.numbers).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
      assertThat(exchange.inputs).containsExactly("a", "b", "c", "d", "e", "f");
      assertThat(server.violations()).isEmpty();
    }
  }

  @Test
  void aConnectionCutAfterEachByteReadLosesAndDoublesNothing() throws Exception {
    long total = bytesOfOneExchange(true);

    for (long position = 1; position <= total; position++) {
      cutAndCheck(position, true);
    }
  }

  @Test
  void aConnectionCutAfterEachByteWrittenLosesAndDoublesNothing() throws Exception {
    long total = bytesOfOneExchange(false);

    for (long position = 1; position <= total; position++) {
      cutAndCheck(position, false);
    }
  }

  private long bytesOfOneExchange(boolean read) throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("measure")).echoing()) {
      exchange(server, clientOf(server));
      return read ? server.readBytes() : server.writtenBytes();
    }
  }

  private void cutAndCheck(long position, boolean reading) throws Exception {
    String name = (reading ? "r" : "w") + position;
    try (var server = ScriptedServer.unix(folder.resolve(name)).echoing()) {
      if (reading) {
        server.cutAfterReading(position);
      } else {
        server.cutAfterWriting(position);
      }
      ClawTermClient.Builder builder = clientOf(server);
      // The token file costs time; each eighth position shows that it changes nothing.
      if (position % 8 == 0) {
        builder.tokenFile(folder.resolve(name + ".tokens"));
      }

      Exchange exchange = exchange(server, builder);

      assertThat(exchange.numbers).as(name).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
      assertThat(exchange.texts)
          .as(name)
          .containsExactly("echo a", "echo b", "echo c", "echo d", "echo e", "echo f");
      assertThat(exchange.inputs).as(name).containsExactly("a", "b", "c", "d", "e", "f");
      assertThat(server.violations()).as(name).isEmpty();
      assertThat(server.sessionCount()).as(name).isEqualTo(1);
    }
  }

  private record Exchange(List<Long> numbers, List<String> texts, List<String> inputs) {}

  /** CONNECT, DATA both ways, a loss, RESUME, SUSPEND, a later RESUME, and DATA again. */
  private static Exchange exchange(ScriptedServer server, ClawTermClient.Builder builder)
      throws Exception {
    List<Received.Entry> received = new CopyOnWriteArrayList<>();
    try (ClawTermClient client = builder.build()) {
      ClientSession first = resultOf(client.connect(ConnectOptions.target("agent:main")));
      first.onOutput(output -> received.add((Received.Entry) output));
      for (String input : List.of("a", "b", "c")) {
        resultOf(first.send(input));
      }
      eventually().until(() -> received.size() == 3);
      server.cutAll();
      resultOf(first.send("d"));
      resultOf(first.send("e"));
      eventually().until(() -> received.size() == 5);
      assertThat(resultOf(first.suspend())).isEqualTo(new Ending.Suspended());

      ClientSession second = resultOf(client.resume(first.id()));
      second.onOutput(output -> received.add((Received.Entry) output));
      resultOf(second.send("f"));
      eventually().until(() -> received.size() >= 6);
      return new Exchange(
          received.stream().map(Received.Entry::number).toList(),
          received.stream().map(Received.Entry::text).toList(),
          server.inputs(first.id().value()));
    }
  }

  @Test
  void replayIsToldAsReplayAndTheListenerHearsHowMuch() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    List<Received.Entry> received = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client =
            clientOf(server).listener((session, event) -> events.add(event)).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      session.onOutput(output -> received.add((Received.Entry) output));
      server.emit(session.id().value(), "one", 0);
      eventually().until(() -> received.size() == 1);
      resultOf(session.suspend());
      server.emit(session.id().value(), "two", Flags.EVENT);
      server.emit(session.id().value(), "three", Flags.MORE);

      ClientSession again = resultOf(client.resume(session.id()));
      again.onOutput(output -> received.add((Received.Entry) output));

      eventually().until(() -> received.size() == 3);
      assertThat(received.get(0).replay()).isFalse();
      assertThat(received.get(1).replay()).isTrue();
      assertThat(received.get(1).structured()).isTrue();
      assertThat(received.get(2).more()).isTrue();
      assertThat(events).contains(new ConnectionEvent.Resumed(2));
    }
  }

  @Test
  void whatRetentionHasRemovedIsToldAsAGap() throws Exception {
    List<Received> received = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      resultOf(session.suspend());
      for (int i = 1; i <= 5; i++) {
        server.emit(session.id().value(), "entry " + i, 0);
      }
      server.session(session.id().value()).firstKept = 4;

      resultOf(client.resume(session.id())).onOutput(received::add);

      eventually().until(() -> received.size() == 3);
      assertThat(received.getFirst()).isEqualTo(new Received.Gap(1, 3));
      assertThat(((Received.Entry) received.get(1)).number()).isEqualTo(4);
    }
  }

  @Test
  void aLongInputIsDividedAndAcknowledgedAsAWhole() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));

      long number = resultOf(session.send("x".repeat(150_000)));

      assertThat(number).isEqualTo(3);
      assertThat(server.inputs(session.id().value()).stream().mapToInt(String::length))
          .containsExactly(65_535, 65_535, 18_930);
      assertThat(server.session(session.id().value()).inputFlags)
          .containsExactly(Flags.MORE, Flags.MORE, 0);
    }
  }

  @Test
  void aHoleInTheOutputIsNeverDeliveredButResumed() throws Exception {
    List<Received.Entry> received = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      session.onOutput(output -> received.add((Received.Entry) output));
      server.skipOne();
      server.emit(session.id().value(), "one", 0);
      server.emit(session.id().value(), "two", 0);

      eventually().until(() -> received.size() == 2);

      assertThat(received).extracting(Received.Entry::text).containsExactly("one", "two");
      assertThat(server.connectionCount()).isGreaterThan(1);
    }
  }

  @Test
  void aSilentServerIsGivenUpAfterTwoAndAHalfIntervalsAndResumed() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.tcp().keepalive(100);
        ClawTermClient client =
            clientOf(server).listener((session, event) -> events.add(event)).build()) {
      resultOf(client.connect(ConnectOptions.defaults()));

      eventually().until(() -> events.stream().anyMatch(ConnectionEvent.Resumed.class::isInstance));

      assertThat(events)
          .anyMatch(event ->
              event instanceof ConnectionEvent.Lost(String reason, Duration wait)
                  && reason.equals("the server is silent"));
    }
  }

  @Test
  void aServerThatStandsStillIsLeftOnceAnInputHasWaited() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (var stopped = ScriptedServer.tcp();
        var other = ScriptedServer.tcp().echoing();
        ClawTermClient client =
            clientOf(stopped)
                .addresses(List.of(stopped.address(), other.address()))
                .answerTimeout(Duration.ofMillis(400))
                .listener((session, event) -> events.add(event))
                .build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      other.takingOver(stopped);
      stopped.mute();

      assertThat(resultOf(session.send("who hears this?"))).isEqualTo(1);

      assertThat(events)
          .anyMatch(event ->
              event instanceof ConnectionEvent.Lost(String reason, Duration wait)
                  && reason.equals("the server is silent"));
      assertThat(other.inputs(session.id().value())).containsExactly("who hears this?");
    }
  }

  @Test
  void aServerThatSaysItLivesMayTakeItsTimeWithAnInput() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.tcp();
        ClawTermClient client =
            clientOf(server)
                .answerTimeout(Duration.ofSeconds(2))
                .listener((session, event) -> events.add(event))
                .build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.acknowledging(false);
      long before = server.writtenBytes();
      CompletionStage<Long> stored = session.send("slow");

      eventually().until(() -> server.writtenBytes() >= before + 2L * Frame.OVERHEAD);
      server.acknowledging(true);

      assertThat(resultOf(stored)).isEqualTo(1);
      assertThat(events).noneMatch(ConnectionEvent.Lost.class::isInstance);
    }
  }

  /** Its last byte may be on its way for as long as that on a slow link. */
  @Test
  void muchInputMayTakeItsTimeWithoutAWord() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (var server = ScriptedServer.tcp();
        ClawTermClient client =
            clientOf(server)
                .answerTimeout(Duration.ofMillis(300))
                .listener((session, event) -> events.add(event))
                .build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.mute();
      var unused = session.send("x".repeat(16_384));
      eventually().until(() -> server.readBytes() > 16_384);

      await()
          .during(Duration.ofSeconds(1))
          .atMost(TestClients.LIMIT)
          .until(() -> events.stream().noneMatch(ConnectionEvent.Lost.class::isInstance));
    }
  }

  @Test
  void anIdleClientSendsKeepalives() throws Exception {
    try (var server = ScriptedServer.tcp().keepalive(400);
        ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      long before = server.readBytes();

      eventually().until(() -> server.readBytes() > before);

      assertThat(server.violations()).isEmpty();
      assertThat(session.id().value()).isNotZero();
    }
  }

  @Test
  void sendersAreHeldBackWhileTheWindowIsFull() throws Exception {
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        ClawTermClient client = clientOf(server).unacknowledged(4, 1_000_000).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      server.acknowledging(false);
      List<CompletionStage<Long>> stages = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        stages.add(session.send("input " + i));
      }
      Thread fifth = Thread.ofVirtual().start(() -> stages.add(session.send("input 4")));
      eventually().until(() -> fifth.getState() == Thread.State.WAITING);
      assertThat(stages).hasSize(4);

      server.acknowledging(true);

      assertThat(fifth.join(TestClients.LIMIT)).isTrue();
      assertThat(resultOf(stages.get(4))).isEqualTo(5);
    }
  }
}
