package io.clawterm.edge;

import static io.clawterm.edge.TestClient.code;
import static io.clawterm.edge.TestClient.connectFrame;
import static io.clawterm.edge.TestClient.data;
import static io.clawterm.edge.TestClient.fields;
import static io.clawterm.edge.TestClient.resumeFrame;
import static io.clawterm.edge.TestClient.text;
import static io.clawterm.edge.TestClient.token;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.Attachment;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Many sessions on one connection, and all that goes by time. */
class CircuitsTest {

  private EdgeFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture =
        new EdgeFixture(
            """
            keepalive-interval = 400ms
            session-timeout = 700ms
            durable-timeout = 700ms
            max-pending-connects = 4
            max-circuits = 20
            """);
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private static Frame keepalive(int session, int flags) {
    return Frame.of(session, 0, FrameType.KEEPALIVE, flags, Fields.none());
  }

  @Test
  void manySessionsShareOneConnectionAndAreAnsweredInOrder() throws Exception {
    try (TestClient client = fixture.client()) {
      Frame[] connects = new Frame[20];
      for (int i = 0; i < 20; i++) {
        connects[i] =
            connectFrame(
                fields().sessionKey("key-" + i).target(i == 7 ? "agent:nobody" : "agent:main"));
      }
      // Four at a time, as many as may wait for an answer.
      List<Frame> answers = new ArrayList<>();
      for (int i = 0; i < 20; i += 4) {
        client.send(Arrays.copyOfRange(connects, i, i + 4));
        for (int j = 0; j < 4; j++) {
          answers.add(client.receive());
        }
      }

      Set<Integer> sessions = new HashSet<>();
      for (int i = 0; i < 20; i++) {
        Fields fields = answers.get(i).fields();
        if (i == 7) {
          assertThat(answers.get(i).sessionId()).isZero();
          assertThat(fields.code()).hasValue(Code.NO_SUCH_TARGET);
        } else {
          assertThat(fields.sessionKey()).hasValue("key-" + i);
          sessions.add(answers.get(i).sessionId());
        }
      }
      assertThat(sessions).hasSize(19);
      for (int session : sessions) {
        client.send(data(session, 1, "to " + session));
      }
      Set<Integer> echoes = new HashSet<>();
      while (echoes.size() < 19) {
        Frame echo = client.receive(FrameType.DATA);
        assertThat(text(echo)).isEqualTo("to " + echo.sessionId());
        echoes.add(echo.sessionId());
      }
      assertThat(echoes).isEqualTo(sessions);
    }
  }

  @Test
  void theEndOfOneSessionLeavesTheOthers() throws Exception {
    try (TestClient client = fixture.client()) {
      int first = client.open().sessionId();
      int second = client.open().sessionId();
      client.send(data(first, 5, "a hole"), data(first, 6, "late"), data(second, 1, "fine"));

      Frame refusal = client.receive(FrameType.DISCONNECT);
      assertThat(refusal.sessionId()).isEqualTo(first);
      assertThat(code(refusal)).isEqualTo(Code.SEQUENCE_GAP);
      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("fine");
      fixture.sessions.detach(second, Code.TAKEN_OVER);
      Frame taken = client.receive(FrameType.DISCONNECT);
      assertThat(code(taken)).isEqualTo(Code.TAKEN_OVER);
      assertThat(taken.has(Flags.ERROR)).isFalse();
      assertThat(client.next()).isEmpty();
    }
  }

  @Test
  void aTakenIdIsDrawnAnewAFewTimes() throws Exception {
    try (TestClient client = fixture.client()) {
      fixture.sessions.takenIds.set(4);
      assertThat(client.open().sessionId()).isNotZero();
      fixture.sessions.takenIds.set(5);
      client.send(connectFrame(fields()));
      assertThat(code(client.receive())).isEqualTo(Code.OVERLOADED);
    }
  }

  @Test
  void keepalivesAreAnsweredWithoutWakingTheSession() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      int told = fixture.sessions.told.size();
      for (int i = 0; i < 20; i++) {
        client.send(keepalive(session, Flags.ACK_NOW));
        assertThat(client.receive().type()).isEqualTo(FrameType.KEEPALIVE);
      }
      // And those that the server sends of its own accord.
      for (int i = 0; i < 4; i++) {
        assertThat(client.receive().type()).isEqualTo(FrameType.KEEPALIVE);
        client.send(keepalive(session, 0));
      }

      assertThat(fixture.sessions.told).hasSize(told);
    }
  }

  @Test
  void aSilentClientIsDetachedAfterTwoAndAHalfIntervals() throws Exception {
    try (TestClient client = fixture.client()) {
      client.open();
      long started = System.nanoTime();
      List<Frame> frames = client.rest();

      assertThat(System.nanoTime() - started).isBetween(900_000_000L, 3_000_000_000L);
      assertThat(frames).isNotEmpty().allMatch(it -> it.type() == FrameType.KEEPALIVE);
      await().until(() -> fixture.sessions.told(SessionCommand.Detach.class).size() == 1);
      assertThat(fixture.count("silent")).isEqualTo(1);
    }
  }

  @Test
  void aSessionThatDoesNotAnswerIsOverloadedAndRetryable() throws Exception {
    fixture.sessions.deaf = true;
    try (TestClient client = fixture.client()) {
      client.send(connectFrame(fields()));
      Frame refusal = client.receive();

      assertThat(code(refusal)).isEqualTo(Code.OVERLOADED);
      assertThat(refusal.fields().retryAfterMs()).hasValue(1000);
      assertThat(client.next()).isEmpty();
      assertThat(fixture.sessions.told(SessionCommand.Detach.class)).hasSize(1);
    }
  }

  @Test
  void aDirectoryThatFailsIsOverloaded() throws Exception {
    fixture.sessions.directoryDown = true;
    try (TestClient client = fixture.client()) {
      client.send(connectFrame(fields()));

      assertThat(code(client.receive())).isEqualTo(Code.OVERLOADED);
    }
  }

  @Test
  void inputThatCannotBeStoredIsRetryableAndNotLostAfterwards() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      fixture.sessions.storing = false;
      client.send(data(accept.sessionId(), 1, "important"));
      Frame refusal = client.receive(FrameType.DISCONNECT);

      assertThat(code(refusal)).isEqualTo(Code.OVERLOADED);
      assertThat(refusal.seq()).isZero();
      assertThat(refusal.fields().retryAfterMs()).hasValue(1000);
    }
    fixture.sessions.storing = true;
    try (TestClient client = fixture.client()) {
      int session = accept.sessionId();
      client.send(resumeFrame(session, token(accept), 0, fields()));
      assertThat(client.receive().fields().lastSeq()).hasValue(0);
      client.send(data(session, 1, "important"));
      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("important");
    }
  }

  @Test
  void aSessionWhoseEntityIsGoneIsTakenUpAgain() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      fixture.sessions.crash(accept.sessionId());

      Frame moved = client.receive(FrameType.DISCONNECT);
      assertThat(code(moved)).isEqualTo(Code.MOVED);
      assertThat(moved.fields().retryAfterMs()).hasValue(0);
      client.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
      assertThat(client.receive().type()).isEqualTo(FrameType.RESUMED);
    }
  }

  @Test
  void aConnectionWhoseSessionHasMovedEndsWhenTheDeviceDoesNotComeBack() throws Exception {
    try (EdgeFixture impatient = new EdgeFixture("first-frame-timeout = 300ms");
        TestClient client = impatient.client()) {
      impatient.sessions.crash(client.open().sessionId());

      assertThat(code(client.receive(FrameType.DISCONNECT))).isEqualTo(Code.MOVED);
      assertThat(client.next()).isEmpty();
    }
  }

  /** Sessions do not answer from now on, so that the place of an edge that has one is taken. */
  private static void takeTheOnlyPlace(EdgeFixture busy, TestClient client) throws Exception {
    busy.sessions.deaf = true;
    client.send(connectFrame(fields()));
    await().until(() -> busy.edge.admission().served() == 1);
  }

  @Test
  void asManyAsMayAreOpenedAtOnceTheNextWaitAndTheOthersComeAgain() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1, max-waiting-to-open = 1");
        TestClient first = busy.client();
        TestClient second = busy.client();
        TestClient third = busy.client()) {
      takeTheOnlyPlace(busy, first);
      second.send(connectFrame(fields()));
      await().until(() -> busy.edge.admission().waiting() == 1);
      third.send(connectFrame(fields()));

      Frame refused = third.receive();
      assertThat(code(refused)).isEqualTo(Code.OVERLOADED);
      assertThat(refused.fields().retryAfterMs().getAsLong()).isBetween(160L, 36_000L);
      assertThat(third.next()).isEmpty();
      busy.sessions.deaf = false;
      first.hangUp();
      assertThat(second.receive().type()).isEqualTo(FrameType.ACCEPT);
      await().until(() -> busy.edge.admission().served() == 0);
    }
  }

  @Test
  void whoIsToComeAgainWithItsSessionMayDoSoOnTheSameConnection() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1, max-waiting-to-open = 1");
        TestClient device = busy.client();
        TestClient first = busy.client();
        TestClient second = busy.client()) {
      Frame accept = device.open();
      device.hangUp();
      takeTheOnlyPlace(busy, first);
      second.send(connectFrame(fields()));
      await().until(() -> busy.edge.admission().waiting() == 1);
      try (TestClient back = busy.client()) {
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        Frame refused = back.receive();
        assertThat(code(refused)).isEqualTo(Code.OVERLOADED);
        assertThat(refused.sessionId()).isEqualTo(accept.sessionId());

        busy.sessions.deaf = false;
        first.hangUp();
        await().until(() -> busy.edge.admission().waiting() == 0);
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        assertThat(back.receive().type()).isEqualTo(FrameType.RESUMED);
      }
    }
  }

  @Test
  void whoseSessionDoesNotAnswerMayAskAgainOnTheSameConnection() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("session-timeout = 2s");
        TestClient device = busy.client()) {
      Frame accept = device.open();
      device.hangUp();
      busy.sessions.deaf = true;
      try (TestClient back = busy.client()) {
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        Frame refused = back.receive();
        assertThat(code(refused)).isEqualTo(Code.OVERLOADED);
        assertThat(refused.fields().text()).hasValue("the session does not answer");

        busy.sessions.deaf = false;
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        assertThat(back.receive().type()).isEqualTo(FrameType.RESUMED);
      }
    }
  }

  @Test
  void whereNoNodeHoldsSessionsADeviceIsToldSoAtOnceAndComesAgain() throws Exception {
    try (EdgeFixture edge = new EdgeFixture("session-timeout = 5m");
        TestClient device = edge.client()) {
      Frame accept = device.open();
      device.hangUp();
      edge.sessions.held = false;
      try (TestClient fresh = edge.client();
          TestClient back = edge.client()) {
        fresh.send(connectFrame(fields()));
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        for (Frame refused : List.of(fresh.receive(), back.receive())) {
          assertThat(code(refused)).isEqualTo(Code.OVERLOADED);
          assertThat(refused.fields().text()).hasValue("no node of the cluster holds sessions");
        }
        edge.sessions.held = true;
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        assertThat(back.receive().type()).isEqualTo(FrameType.RESUMED);
      }
    }
  }

  @Test
  void whoGetsNoSessionHasNoneToComeAgainWith() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("session-timeout = 500ms, first-frame-timeout = 5m");
        TestClient client = busy.client()) {
      busy.sessions.deaf = true;
      client.send(connectFrame(fields()));

      assertThat(code(client.receive())).isEqualTo(Code.OVERLOADED);
      assertThat(client.next()).isEmpty();
    }
  }

  @Test
  void whoWaitsForASessionThatDoesNotAnswerLeavesItsPlaceToOthers() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1");
        TestClient first = busy.client();
        TestClient second = busy.client()) {
      takeTheOnlyPlace(busy, first);
      second.send(connectFrame(fields()));
      await().until(() -> busy.edge.admission().waiting() == 1);

      await().until(() -> busy.edge.admission().waiting() == 0);
      busy.sessions.deaf = false;
      assertThat(second.receive().type()).isEqualTo(FrameType.ACCEPT);
      assertThat(first.receive().type()).isEqualTo(FrameType.ACCEPT);
    }
  }

  @Test
  void connectsThatWaitForTheirTurnCountAsSessions() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1, max-circuits = 2");
        TestClient client = busy.client()) {
      busy.sessions.deaf = true;
      for (int i = 0; i < 3; i++) {
        client.send(connectFrame(fields()));
      }
      await().until(() -> busy.edge.admission().waiting() == 1);
      busy.sessions.deaf = false;

      assertThat(client.receive().type()).isEqualTo(FrameType.ACCEPT);
      assertThat(client.receive().type()).isEqualTo(FrameType.ACCEPT);
      assertThat(code(client.receive())).isEqualTo(Code.OVERLOADED);
    }
  }

  @Test
  void whoseTurnDoesNotComeIsToldATimeOfItsOwn() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1, session-timeout = 500ms");
        TestClient first = busy.client();
        TestClient second = busy.client()) {
      takeTheOnlyPlace(busy, first);
      second.send(connectFrame(fields()));

      Frame refused = second.receive();
      assertThat(code(refused)).isEqualTo(Code.OVERLOADED);
      assertThat(refused.fields().text()).hasValue("many devices come back at once");
    }
  }

  @Test
  void whoGoesAwayWhileItWaitsGivesItsPlaceBackAndWakesNoSession() throws Exception {
    try (EdgeFixture busy = new EdgeFixture("max-opening = 1");
        TestClient first = busy.client()) {
      Frame accept = first.open();
      takeTheOnlyPlace(busy, first);
      try (TestClient second = busy.client()) {
        second.send(resumeFrame(accept.sessionId(), token(accept), 0, fields().device("other")));
        // Not that device's token: refused before it waits.
        assertThat(code(second.receive())).isEqualTo(Code.NO_SUCH_SESSION);
      }
      try (TestClient third = busy.client()) {
        third.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        await().until(() -> busy.edge.admission().waiting() == 1);
      }
      await().until(() -> busy.edge.admission().waiting() == 0);
      assertThat(busy.sessions.told(SessionCommand.Resume.class)).isEmpty();
      assertThat(busy.sessions.told(SessionCommand.Detach.class)).isEmpty();
    }
  }

  @Test
  void aDrainedEdgeSendsItsDevicesAwayAndTakesThemAgain() throws Exception {
    try (EdgeFixture leaving = new EdgeFixture("");
        TestClient one = leaving.client();
        TestClient other = leaving.client()) {
      one.open();
      other.open();

      var drained = leaving.edge.drain(List.of("10.0.0.2:7220"));

      for (TestClient client : List.of(one, other)) {
        Frame moved = client.receive(FrameType.DISCONNECT);
        assertThat(code(moved)).isEqualTo(Code.MOVED);
        assertThat(moved.fields().address()).hasValue("10.0.0.2:7220");
        client.hangUp();
      }
      await().until(() -> drained.toCompletableFuture().isDone());
      assertThat(leaving.edge.leaving()).isZero();
      try (TestClient late = leaving.client()) {
        assertThat(code(late.receive())).isEqualTo(Code.MOVED);
      }
      for (Peer.Transport transport : Peer.Transport.values()) {
        Peer peer = Peer.of(transport, InetAddress.getByName("10.0.0.7"));
        boolean tcp = transport == Peer.Transport.TCP || transport == Peer.Transport.TLS;
        assertThat(leaving.edge.farewell(peer).code())
            .as("%s", transport)
            .isEqualTo(tcp ? Code.MOVED : Code.SHUTTING_DOWN);
      }
      var sentAway = new AtomicInteger();
      Peer socket = Peer.of(Peer.Transport.WEBSOCKET, InetAddress.getByName("10.0.0.7"));
      Runnable stop = sentAway::incrementAndGet;
      await().until(() -> leaving.edge.leaving() == 0);
      leaving.edge.opened(socket, stop);
      assertThat(sentAway).as("its address may lead here alone").hasValue(0);
      assertThat(leaving.edge.leaving()).isZero();
      leaving.edge.undrain();
      var unused = leaving.edge.drain(List.of("10.0.0.2:7220"));
      await().untilAsserted(() -> assertThat(sentAway).hasValue(1));
      leaving.edge.closed(stop);
      leaving.edge.undrain();
      try (TestClient again = leaving.client()) {
        assertThat(again.open().type()).isEqualTo(FrameType.ACCEPT);
      }
    }
  }

  @Test
  void aFrameBeforeResumedIsRefusedAndTheTokenStaysGood() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
    }
    int session = accept.sessionId();
    byte[] resume = resumeFrame(session, token(accept), 0, fields()).toBytes();
    byte[] early = data(session, 1, "early").toBytes();
    byte[] both = Arrays.copyOf(resume, resume.length + early.length);
    System.arraycopy(early, 0, both, resume.length, early.length);
    try (TestClient client = fixture.client()) {
      assertThat(code(client.send(both).receive())).isEqualTo(Code.PROTOCOL_ERROR);
    }
    try (TestClient client = fixture.client()) {
      assertThat(client.send(resume).receive().type()).isEqualTo(FrameType.RESUMED);
    }
  }

  @Test
  void framesOfOneChunkTravelAsOneInput() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      Frame frame = data(session, 1, "a");
      byte[] chunk = new byte[frame.length() * 10];
      for (int i = 0; i < 10; i++) {
        byte[] bytes = data(session, i + 1, "a").toBytes();
        System.arraycopy(bytes, 0, chunk, i * bytes.length, bytes.length);
      }
      client.send(chunk);
      for (int i = 0; i < 10; i++) {
        client.receive(FrameType.DATA);
      }

      assertThat(fixture.sessions.told(SessionCommand.Input.class))
          .singleElement()
          .satisfies(it -> assertThat(it.frames()).hasSize(10));
    }
  }

  @Test
  void aDevicesOwnWindowIsKeptUntilItAcknowledges() throws Exception {
    try (TestClient client = fixture.client()) {
      client.send(connectFrame(fields().window(1000)));
      int session = client.receive().sessionId();
      assertThat(fixture.sessions.told(SessionCommand.Connect.class).getFirst().attachment())
          .extracting(Attachment::windowBytes)
          .isEqualTo(1000L);
      Entry[] entries = new Entry[10];
      Arrays.fill(entries, Entry.bytes(Bytes.wrap(new byte[400]), false));
      fixture.sessions.say(session, entries);

      // Two fit into the window, and then nothing but a keepalive comes.
      List<Integer> numbers = new ArrayList<>();
      Frame next = client.receive();
      while (next.type() == FrameType.DATA) {
        numbers.add(next.seq());
        next = client.receive();
      }
      assertThat(numbers).containsExactly(1, 2);
      while (numbers.size() < 10) {
        int last = numbers.getLast();
        client.send(Frame.of(session, last, FrameType.KEEPALIVE, 0, Fields.none()));
        numbers.add(client.receive(FrameType.DATA).seq());
      }
      assertThat(numbers).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    }
  }

  @Test
  void terminalSizesAndExpiryReachTheSession() throws Exception {
    try (TestClient client = fixture.client()) {
      client.send(connectFrame(fields().terminalSize(80, 24).expirySeconds(60)));
      int session = client.receive().sessionId();
      client.send(
          Frame.of(
              session, 0, FrameType.KEEPALIVE, 0, Fields.builder().terminalSize(120, 40).build()));
      await().until(() -> !fixture.sessions.told(SessionCommand.Resize.class).isEmpty());

      SessionCommand.Connect connect =
          fixture.sessions.told(SessionCommand.Connect.class).getFirst();
      assertThat(connect.attachment().size()).hasValue(new Attachment.WindowSize(80, 24));
      assertThat(connect.target()).isEqualTo("agent:main");
      assertThat(connect.expiry()).hasValueSatisfying(it -> assertThat(it).hasMinutes(1));
      assertThat(fixture.sessions.told(SessionCommand.Resize.class).getFirst().size())
          .isEqualTo(new Attachment.WindowSize(120, 40));
    }
  }

  @Test
  void aLostConnectionDetachesWithTheLastAcknowledgement() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      fixture.sessions.say(session, FakeSessions.text("one"), FakeSessions.text("two"));
      client.receive(FrameType.DATA);
      client.receive(FrameType.DATA);
      client.send(Frame.of(session, 2, FrameType.KEEPALIVE, Flags.ACK_NOW, Fields.none()));
      client.receive(FrameType.KEEPALIVE);
    }
    await().until(() -> !fixture.sessions.told(SessionCommand.Detach.class).isEmpty());
    assertThat(fixture.sessions.told(SessionCommand.Detach.class).getFirst().acknowledged())
        .isEqualTo(2);
    await().until(() -> fixture.edge.limits().total() == 0);
  }

  @Test
  void aShutdownIsToldToEachSessionAndEndsTheConnections() throws Exception {
    try (TestClient client = fixture.client()) {
      int first = client.open().sessionId();
      int second = client.open().sessionId();
      var stopped = fixture.edge.shutdown();
      List<Frame> frames =
          client.rest().stream().filter(it -> it.type() == FrameType.DISCONNECT).toList();

      assertThat(frames).extracting(Frame::sessionId).containsExactlyInAnyOrder(first, second);
      assertThat(frames)
          .allSatisfy(it -> {
            assertThat(code(it)).isEqualTo(Code.SHUTTING_DOWN);
            assertThat(it.fields().retryAfterMs()).hasValue(1000);
          });
      await().until(() -> stopped.toCompletableFuture().isDone());
    }
    try (TestClient late = fixture.client()) {
      assertThat(code(late.receive())).isEqualTo(Code.SHUTTING_DOWN);
    }
  }

  @Test
  void aShutdownBesideOtherNodesSendsDevicesThere() throws Exception {
    try (EdgeFixture leaving = new EdgeFixture("");
        TestClient client = leaving.client()) {
      int first = client.open().sessionId();
      int second = client.open().sessionId();

      leaving.edge.shutdown(List.of("10.0.0.2:7220"));

      List<Frame> frames =
          client.rest().stream().filter(it -> it.type() == FrameType.DISCONNECT).toList();
      assertThat(frames).extracting(Frame::sessionId).containsExactlyInAnyOrder(first, second);
      assertThat(frames)
          .allSatisfy(it -> {
            assertThat(code(it)).isEqualTo(Code.MOVED);
            assertThat(it.fields().address()).hasValue("10.0.0.2:7220");
            assertThat(it.fields().retryAfterMs().getAsLong()).isBetween(0L, 1_000L);
          });
    }
  }

  @Test
  void anActorSystemThatEndsTellsDevicesUnlessTheEdgeHasEndedBefore() throws Exception {
    try (EdgeFixture other = new EdgeFixture("");
        TestClient client = other.client()) {
      int session = client.open().sessionId();
      other.edge.shutdownWith(other.kit.system());
      assertThat(other.edge.shutdownWith(other.kit.system()).cancel()).isTrue();

      other.kit.system().terminate();

      Frame told = client.receive(FrameType.DISCONNECT);
      assertThat(told.sessionId()).isEqualTo(session);
      assertThat(code(told)).isEqualTo(Code.SHUTTING_DOWN);
      assertThat(client.next()).isEmpty();
    }
  }
}
