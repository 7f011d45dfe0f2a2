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
import io.clawterm.protocol.Mode;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Each kind of bad input is refused with its code; a session beside it notices nothing. */
class BadInputTest {

  private static EdgeFixture fixture;

  /** Somebody with a session, who is spoken to after each refusal. */
  private static TestClient bystander;

  private static int bystanderSession;
  private static int bystanderInputs;

  @BeforeAll
  static void start() throws Exception {
    fixture =
        new EdgeFixture(
            """
            first-frame-timeout = 1500ms
            max-entry-bytes = 100000
            max-input-in-flight-bytes = 64 KiB
            """);
    bystander = fixture.client();
    bystanderSession = bystander.open().sessionId();
    bystanderInputs = 0;
  }

  @AfterAll
  static void stop() throws Exception {
    bystander.close();
    fixture.close();
  }

  /**
   * Sends bytes as a stranger and answers with the one refusal, after which the end comes; the
   * session beside it is served as before.
   */
  private static Frame refusalOf(byte[] bytes) throws Exception {
    Frame refusal;
    try (TestClient client = fixture.client()) {
      refusal = only(client.send(bytes).rest());
    }
    assertTheBystanderIsServed();
    return refusal;
  }

  private static void assertTheBystanderIsServed() throws Exception {
    int number = ++bystanderInputs;
    bystander.send(data(bystanderSession, number, "still here " + number));
    Frame echo = bystander.receive(FrameType.DATA);

    assertThat(echo.seq()).isEqualTo(number);
    assertThat(text(echo)).isEqualTo("still here " + number);
  }

  private static Frame only(List<Frame> frames) {
    assertThat(frames).hasSize(1);
    assertThat(frames.getFirst().type()).isEqualTo(FrameType.DISCONNECT);
    return frames.getFirst();
  }

  private static byte[] bytes(Frame frame) {
    return frame.toBytes();
  }

  /** A well-formed frame around a payload that is none. */
  private static byte[] connectWith(int... payload) {
    byte[] bytes = new byte[payload.length];
    for (int i = 0; i < payload.length; i++) {
      bytes[i] = (byte) payload[i];
    }
    return Frame.of(0, 0, FrameType.CONNECT, 0, bytes).toBytes();
  }

  @Test
  void garbageIsAProtocolError() throws Exception {
    byte[] garbage = new byte[100_000];
    new Random(7).nextBytes(garbage);
    garbage[0] = 0;

    assertThat(code(refusalOf(garbage))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void httpOnThePortIsAProtocolError() throws Exception {
    byte[] request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    Frame refusal = refusalOf(request);

    assertThat(code(refusal)).isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(refusal.sessionId()).isZero();
    assertThat(refusal.has(Flags.ERROR)).isTrue();
  }

  @Test
  void aWrongChecksumIsRefused() throws Exception {
    byte[] connect = bytes(connectFrame(fields()));
    connect[20] ^= 1;

    assertThat(code(refusalOf(connect))).isEqualTo(Code.BAD_CHECKSUM);
  }

  @Test
  void anUnknownTypeIsAProtocolError() throws Exception {
    byte[] connect = bytes(connectFrame(fields()));
    connect[9] = 0x77;

    assertThat(code(refusalOf(connect))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void dataBeforeConnectIsAProtocolError() throws Exception {
    assertThat(code(refusalOf(bytes(data(5, 1, "hello"))))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void aFrameThatOnlyServersSendIsAProtocolError() throws Exception {
    byte[] accept = Frame.of(5, 0, FrameType.ACCEPT, 0, Fields.none()).toBytes();

    assertThat(code(refusalOf(accept))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void truncatedRepeatedAndIllSizedFieldsAreProtocolErrors() throws Exception {
    assertThat(code(refusalOf(connectWith(0x02, 0, 9, 'x')))).isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(code(refusalOf(connectWith(0x02)))).isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(code(refusalOf(connectWith(0x01, 0, 1, 1, 0x01, 0, 1, 1))))
        .isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(code(refusalOf(connectWith(0x01, 0, 2, 1, 1)))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void badUtf8IsAProtocolError() throws Exception {
    assertThat(code(refusalOf(connectWith(0x02, 0, 2, 0xC3, 0x28)))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void aVersionBelowOneIsUnsupportedAndTheAnswerSaysWhichIsSpoken() throws Exception {
    Frame refusal = refusalOf(bytes(connectFrame(fields().version(0))));

    assertThat(code(refusal)).isEqualTo(Code.UNSUPPORTED_VERSION);
    assertThat(refusal.fields().version()).hasValue(1);
  }

  @Test
  void aFirstFrameOverFourKilobytesIsRefusedByItsHeader() throws Exception {
    byte[] large = Frame.of(0, 0, FrameType.CONNECT, 0, new byte[4097]).toBytes();
    byte[] largeData = Frame.of(1, 0, FrameType.DATA, 0, new byte[4097]).toBytes();

    assertThat(code(refusalOf(Arrays.copyOf(large, Frame.HEADER)))).isEqualTo(Code.PROTOCOL_ERROR);
    assertThat(code(refusalOf(largeData))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void aMissingOrWrongCredentialIsUnauthenticated() throws Exception {
    Fields.Builder none = Fields.builder().version(1).device("laptop");

    assertThat(code(refusalOf(bytes(connectFrame(none))))).isEqualTo(Code.UNAUTHENTICATED);
    assertThat(code(refusalOf(bytes(connectFrame(fields().credential("guess"))))))
        .isEqualTo(Code.UNAUTHENTICATED);
  }

  @Test
  void anUnknownTargetIsRefused() throws Exception {
    Frame refusal = refusalOf(bytes(connectFrame(fields().target("nobody"))));

    assertThat(code(refusal)).isEqualTo(Code.NO_SUCH_TARGET);
    assertThat(refusal.sessionId()).isZero();
  }

  @Test
  void wrongStolenAndUnknownTokensGetTheSameAnswerWithoutWakingASession() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      client.hangUp();
    }
    int session = accept.sessionId();
    byte[] token = token(accept);
    byte[] forged = token.clone();
    forged[31] ^= 1;
    await().until(() -> fixture.sessions.toldTo(session) == 2); // Connect, Detach
    long before = fixture.sessions.toldTo(session);

    List<Frame> refusals = new ArrayList<>();
    for (Frame resume :
        List.of(
            resumeFrame(session, forged, 0, fields()),
            resumeFrame(session, token, 0, fields().credential(TestClient.OTHER_TOKEN)),
            resumeFrame(session, token, 0, fields().device("phone")),
            resumeFrame(77, token, 0, fields()),
            Frame.of(session, 0, FrameType.RESUME, 0, fields().lastSeq(0).build()))) {
      int checks = fixture.sessions.tokenChecks.get();
      Frame refusal = refusalOf(bytes(resume));

      assertThat(code(refusal)).isEqualTo(Code.NO_SUCH_SESSION);
      assertThat(refusal.sessionId()).isEqualTo(resume.sessionId());
      // One hash for each, also where there is nothing to check: so they take the same time.
      assertThat(fixture.sessions.tokenChecks.get() - checks).isEqualTo(1);
      refusals.add(refusal);
    }

    assertThat(refusals)
        .allSatisfy(refusal ->
            assertThat(of(session, refusal)).isEqualTo(of(session, refusals.getFirst())));
    assertThat(fixture.sessions.toldTo(session)).as("told to the session").isEqualTo(before);
    assertThat(fixture.sessions.toldTo(77)).as("told to no session").isZero();
  }

  /** The bytes of a refusal as they would be for this session. */
  private static byte[] of(int session, Frame refusal) {
    return Frame.of(session, refusal.seq(), refusal.type(), refusal.flags(), refusal.payload())
        .toBytes();
  }

  @Test
  void aRotatedTokenIsGoodUntilTheFirstFrameAfterResumed() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
    }
    int session = accept.sessionId();
    byte[] first = token(accept);
    // RESUMED is lost twice: the first token is still good.
    for (int i = 0; i < 2; i++) {
      try (TestClient client = fixture.client()) {
        client.send(resumeFrame(session, first, 0, fields()));
        assertThat(client.receive().type()).isEqualTo(FrameType.RESUMED);
      }
    }
    byte[] second;
    try (TestClient client = fixture.client()) {
      client.send(resumeFrame(session, first, 0, fields()));
      second = token(client.receive());
      client.send(Frame.of(session, 0, FrameType.KEEPALIVE, Flags.ACK_NOW, Fields.none()));
      client.receive(FrameType.KEEPALIVE);
    }

    Frame refusal = refusalOf(bytes(resumeFrame(session, first, 0, fields())));

    assertThat(code(refusal)).isEqualTo(Code.NO_SUCH_SESSION);
    try (TestClient client = fixture.client()) {
      client.send(resumeFrame(session, second, 0, fields()));
      assertThat(client.receive().type()).isEqualTo(FrameType.RESUMED);
    }
  }

  @Test
  void aSequenceGapEndsTheAttachmentAndAResumeMendsIt() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      int session = accept.sessionId();
      client.send(data(session, 1, "one"), data(session, 3, "three"), data(session, 4, "four"));
      Frame refusal = client.receive(FrameType.DISCONNECT);

      assertThat(code(refusal)).isEqualTo(Code.SEQUENCE_GAP);
      assertThat(refusal.sessionId()).isEqualTo(session);
      assertThat(client.next()).isEmpty();
    }
    try (TestClient client = fixture.client()) {
      client.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
      Frame resumed = client.receive();

      assertThat(resumed.fields().lastSeq()).hasValue(1);
      assertThat(text(client.receive(FrameType.DATA))).isEqualTo("one");
    }
  }

  @Test
  void aRepeatedNumberIsDroppedAndAcknowledgedAgain() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      client.send(data(session, 1, "one"));
      client.receive(FrameType.DATA);
      client.receive(FrameType.KEEPALIVE);
      client.send(data(session, 1, "something else"));
      Frame again = client.receive();
      client.send(data(session, 2, "two"));
      Frame next = client.receive(FrameType.DATA);

      assertThat(again.type()).isEqualTo(FrameType.KEEPALIVE);
      assertThat(again.seq()).isEqualTo(1);
      assertThat(text(next)).isEqualTo("two");
    }
  }

  @Test
  void anEntryAboveTheLimitIsTooLarge() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      byte[] part = new byte[60_000];
      client.send(
          Frame.of(session, 1, FrameType.DATA, Flags.MORE, part),
          Frame.of(session, 2, FrameType.DATA, 0, part));

      assertThat(code(client.receive(FrameType.DISCONNECT))).isEqualTo(Code.TOO_LARGE);
      assertThat(client.next()).isEmpty();
    }
  }

  @Test
  void aWatchingDeviceCannotWrite() throws Exception {
    try (TestClient client = fixture.client()) {
      client.send(connectFrame(fields().mode(Mode.WATCH)));
      int session = client.receive().sessionId();
      client.send(data(session, 1, "hello"));

      assertThat(code(client.receive())).isEqualTo(Code.FORBIDDEN);
    }
  }

  @Test
  void anErrorAfterAConnectNamesTheSessionWhichLives() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      int session = accept.sessionId();
      client.send(Frame.of(session, 0, FrameType.KEEPALIVE, 0, new byte[] {0x0B, 0, 9}));
      Frame refusal = only(client.rest());

      assertThat(code(refusal)).isEqualTo(Code.PROTOCOL_ERROR);
      assertThat(refusal.sessionId()).isEqualTo(session);
    }
    try (TestClient client = fixture.client()) {
      client.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
      assertThat(client.receive().type()).isEqualTo(FrameType.RESUMED);
    }
  }

  @Test
  void anAcknowledgementOfWhatWasNeverSentIsAProtocolError() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      client.send(Frame.of(session, 5, FrameType.KEEPALIVE, 0, Fields.none()));

      assertThat(code(only(client.rest()))).isEqualTo(Code.PROTOCOL_ERROR);
    }
  }

  @Test
  void aSessionThatWasNeverOnTheConnectionIsAProtocolError() throws Exception {
    try (TestClient client = fixture.client()) {
      client.open();
      client.send(data(4711, 1, "hello"));

      assertThat(code(only(client.rest()))).isEqualTo(Code.PROTOCOL_ERROR);
    }
  }

  @Test
  void whatFollowsARefusalIsIgnoredAndDoesNotResetTheConnection() throws Exception {
    var stream = new ByteArrayOutputStream();
    stream.writeBytes(new byte[1]);
    stream.writeBytes(new byte[500_000]);

    // A reset would be an exception here, or the refusal would be missing.
    assertThat(code(refusalOf(stream.toByteArray()))).isEqualTo(Code.PROTOCOL_ERROR);
  }

  @Test
  void slowBytesOfAFirstFrameAreCutOffAtTheDeadline() throws Exception {
    byte[] connect = bytes(connectFrame(fields()));
    double silent = fixture.count("silent");
    int told = fixture.sessions.told.size();
    try (TestClient client = fixture.client()) {
      long begin = System.nanoTime();
      Thread dripping = client.drip(connect, connect.length - 1, Duration.ofMillis(100));

      assertThat(client.endsWithoutAWord()).isTrue();
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(1400), Duration.ofSeconds(5));
      dripping.join();
    }
    assertThat(fixture.count("silent")).isEqualTo(silent + 1);
    assertThat(fixture.sessions.told).as("told to sessions").hasSize(told);
    assertTheBystanderIsServed();
  }

  @Test
  void slowBytesWithinALaterFrameAreCutOffToo() throws Exception {
    try (EdgeFixture impatient = new EdgeFixture("frame-timeout = 1s");
        TestClient client = impatient.client()) {
      int session = client.open().sessionId();
      // Whole frames may come as slowly as they like.
      for (int i = 1; i <= 3; i++) {
        client.drip(bytes(data(session, i, "0123456789")), 25, Duration.ofMillis(20)).join();
        assertThat(text(client.receive(FrameType.DATA))).isEqualTo("0123456789");
      }
      long begin = System.nanoTime();
      byte[] slow = bytes(data(session, 4, "x".repeat(1_000)));
      Thread dripping = client.drip(slow, slow.length, Duration.ofMillis(50));

      assertThat(client.rest()).noneMatch(frame -> frame.type() == FrameType.DATA);
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(900), Duration.ofSeconds(5));
      dripping.join();
      assertThat(impatient.count("slow.frames")).isEqualTo(1);
      assertThat(impatient.sessions.told(SessionCommand.Input.class)).hasSize(3);
      await().until(() -> impatient.sessions.told(SessionCommand.Detach.class).size() == 1);
      await().until(() -> impatient.edge.limits().total() == 0);
    }
  }

  @Test
  void aConnectionThatSaysNothingIsClosed() throws Exception {
    try (TestClient client = fixture.client()) {
      assertThat(client.next()).isEmpty();
    }
  }

  @Test
  void aClientThatNeverReadsHoldsOnlyItsWindow() throws Exception {
    try (TestClient lazy = fixture.client();
        TestClient other = fixture.client()) {
      int session = lazy.open().sessionId();
      int before = fixture.sessions.told(SessionCommand.Release.class).size();
      Entry[] flood = new Entry[600];
      Arrays.fill(flood, Entry.bytes(Bytes.wrap(new byte[65_000]), false));
      fixture.sessions.say(session, flood);

      int otherSession = other.open().sessionId();
      other.send(data(otherSession, 1, "quick"));
      assertThat(text(other.receive(FrameType.DATA))).isEqualTo("quick");

      // 39 MB are waiting; what was released is what the kernel's buffers have taken.
      await()
          .during(Duration.ofMillis(500))
          .atMost(Duration.ofSeconds(10))
          .until(() ->
              fixture.sessions.told(SessionCommand.Release.class).stream()
                      .skip(before)
                      .mapToLong(SessionCommand.Release::bytes)
                      .sum()
                  < 20_000_000);
      List<Long> numbers = new ArrayList<>();
      while (numbers.size() < 600) {
        numbers.add((long) lazy.receive(FrameType.DATA).seq());
      }
      assertThat(numbers).isSorted().doesNotHaveDuplicates();
    }
  }

  @Test
  void aClientThatNeverReadsIsDetachedAndGetsAllWhenItResumes() throws Exception {
    try (EdgeFixture impatient = new EdgeFixture("stalled-write-timeout = 1s")) {
      Frame accept;
      try (TestClient lazy = impatient.client()) {
        accept = lazy.open();
        Entry[] flood = new Entry[600];
        Arrays.fill(flood, Entry.bytes(Bytes.wrap(new byte[65_000]), false));
        impatient.sessions.say(accept.sessionId(), flood);

        await().atMost(Duration.ofSeconds(20)).until(() -> impatient.count("slow.consumers") == 1);
        await().until(() -> impatient.sessions.told(SessionCommand.Detach.class).size() == 1);
        await().until(() -> impatient.edge.limits().total() == 0);
        // Its socket is gone too, though bytes for it were left: what it sends is not taken.
        await()
            .atMost(Duration.ofSeconds(5))
            .until(() -> {
              try {
                lazy.send(new byte[1]);
                return false;
              } catch (java.net.SocketException e) {
                return true;
              }
            });
      }
      try (TestClient back = impatient.client()) {
        back.send(resumeFrame(accept.sessionId(), token(accept), 0, fields()));
        Frame resumed = back.receive();

        assertThat(resumed.type()).isEqualTo(FrameType.RESUMED);
        assertThat(resumed.fields().headSeq()).hasValue(600);
        for (int number = 1; number <= 600; number++) {
          assertThat(back.receive(FrameType.DATA).seq()).isEqualTo(number);
        }
      }
    }
  }

  @Test
  void inputBeyondWhatIsDurableIsNotReadFromTheSocket() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      fixture.sessions.storing = false;
      double pauses = fixture.count("input.pauses");
      Thread writer =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  for (int i = 1; i <= 1000; i++) {
                    client.send(Frame.of(session, i, FrameType.DATA, 0, new byte[50_000]));
                  }
                } catch (java.io.IOException e) {
                  // The test closes the connection under it.
                }
              });

      await().until(() -> fixture.count("input.pauses") > pauses);
      await()
          .during(Duration.ofMillis(300))
          .until(() ->
              fixture.sessions.told(SessionCommand.Input.class).stream()
                      .filter(it -> it.frames().getFirst().body().length() == 50_000)
                      .mapToLong(it -> it.frames().size())
                      .sum()
                  < 10);
      writer.interrupt();
    } finally {
      fixture.sessions.storing = true;
    }
  }

  @Test
  void twoThousandSilentConnectionsKeepNobodyOut() throws Exception {
    try (EdgeFixture small =
        new EdgeFixture(
            """
            connections.max-unauthenticated = 300
            connections.max-unauthenticated-per-address = 300
            """)) {
      List<Socket> silent = new ArrayList<>();
      try {
        for (int i = 0; i < 2000; i++) {
          Socket socket = new Socket();
          socket.connect(small.tcp.address(), 5_000);
          silent.add(socket);
          if (i % 500 == 499) {
            try (TestClient client = small.client()) {
              int session = client.open().sessionId();
              client.send(data(session, 1, "here"));
              assertThat(text(client.receive(FrameType.DATA))).isEqualTo("here");
            }
          }
        }
        await().until(() -> small.edge.limits().unauthenticated() <= 300);
        assertThat(small.count("evictions")).isGreaterThanOrEqualTo(1700);
      } finally {
        for (Socket socket : silent) {
          socket.close();
        }
      }
    }
  }

  @Test
  void moreConnectionsThanThereMayBeAreToldSo() throws Exception {
    try (EdgeFixture small = new EdgeFixture("connections.max = 1")) {
      try (TestClient first = small.client()) {
        first.open();
        try (TestClient second = small.client()) {
          Frame refusal = only(second.rest());

          assertThat(code(refusal)).isEqualTo(Code.OVERLOADED);
          assertThat(refusal.fields().retryAfterMs()).hasValue(1000);
        }
      }
      await().until(() -> small.edge.limits().total() == 0);
      try (TestClient third = small.client()) {
        assertThat(third.open().type()).isEqualTo(FrameType.ACCEPT);
      }
    }
  }

  @Test
  void moreConnectionsFromOneAddressThanThereMayBeAreToldSo() throws Exception {
    try (EdgeFixture small = new EdgeFixture("connections.max-per-address = 1");
        TestClient first = small.client()) {
      first.open();
      try (TestClient second = small.client()) {
        assertThat(code(only(second.rest()))).isEqualTo(Code.OVERLOADED);
      }
      try (TestClient elsewhere = small.clientFrom("127.0.0.2")) {
        assertThat(elsewhere.open().type()).isEqualTo(FrameType.ACCEPT);
      }
      first.hangUp();
      await().until(() -> small.edge.limits().total() == 0);
      try (TestClient third = small.client()) {
        assertThat(third.open().type()).isEqualTo(FrameType.ACCEPT);
      }
    }
  }

  @Test
  void aClientThatReadsNoAnswersIsNotReadEither() throws Exception {
    try (EdgeFixture small = new EdgeFixture("max-answer-bytes = 4 KiB");
        TestClient lazy = small.client()) {
      int session = lazy.open().sessionId();
      Entry[] flood = new Entry[600];
      Arrays.fill(flood, Entry.bytes(Bytes.wrap(new byte[65_000]), false));
      small.sessions.say(session, flood);
      var written = new AtomicReference<>(0.0);
      // The socket takes no more once the kernel's buffers are full.
      await()
          .during(Duration.ofMillis(300))
          .atMost(Duration.ofSeconds(20))
          .until(() -> {
            Double earlier = written.getAndSet(small.count("bytes.out"));
            return written.get().equals(earlier);
          });
      double pauses = small.count("input.pauses");
      int questions = 2_000;
      byte[] question = bytes(resumeFrame(77, new byte[32], 0, fields()));
      Thread asking =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  for (int i = 0; i < questions; i++) {
                    lazy.send(question);
                  }
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });

      await().until(() -> small.count("input.pauses") > pauses);
      double heard = small.count("frames.in");
      await().during(Duration.ofMillis(300)).until(() -> small.count("frames.in") == heard);
      assertThat(heard).isLessThan(questions);

      int answers = 0;
      int entries = 0;
      while (answers < questions || entries < 600) {
        Frame frame = lazy.receive();
        if (frame.type() == FrameType.DISCONNECT) {
          assertThat(code(frame)).isEqualTo(Code.NO_SUCH_SESSION);
          answers++;
        } else if (frame.type() == FrameType.DATA) {
          entries++;
        }
      }
      asking.join();
    }
  }

  @Test
  void theSessionsOfOneConnectionShareItsWindow() throws Exception {
    try (EdgeFixture small =
            new EdgeFixture("window-bytes = 256 KiB, connection-window-bytes = 160 KiB");
        TestClient client = small.client()) {
      for (int i = 0; i < 3; i++) {
        client.open();
      }

      assertThat(small.sessions.told(SessionCommand.Connect.class))
          .extracting(connect -> connect.attachment().windowBytes())
          .containsExactly(160L * 1024, 80L * 1024, 64L * 1024);
    }
  }
}
