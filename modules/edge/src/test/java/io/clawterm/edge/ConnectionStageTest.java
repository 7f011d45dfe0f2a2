package io.clawterm.edge;

import static io.clawterm.edge.TestClient.connectFrame;
import static io.clawterm.edge.TestClient.data;
import static io.clawterm.edge.TestClient.fields;
import static io.clawterm.edge.TestClient.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.javadsl.Adapter;
import akka.japi.Pair;
import akka.stream.Materializer;
import akka.stream.javadsl.Keep;
import akka.stream.testkit.TestPublisher;
import akka.stream.testkit.TestSubscriber;
import akka.stream.testkit.javadsl.TestSink;
import akka.stream.testkit.javadsl.TestSource;
import akka.util.ByteString;
import io.clawterm.api.SessionId;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import io.clawterm.session.Attachment;
import io.clawterm.session.DeviceMessage;
import io.clawterm.session.SessionCommand;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stage with one element at a time on either side. */
class ConnectionStageTest {

  private EdgeFixture fixture;
  private TestPublisher.Probe<ByteString> in;
  private TestSubscriber.Probe<ByteString> out;

  @BeforeEach
  void start() throws Exception {
    fixture = new EdgeFixture("");
    var classic = Adapter.toClassic(fixture.kit.system());
    Peer peer = Peer.of(Peer.Transport.TCP, InetAddress.getLoopbackAddress());
    Pair<TestPublisher.Probe<ByteString>, TestSubscriber.Probe<ByteString>> probes =
        TestSource.<ByteString>create(classic)
            .via(fixture.edge.connection(peer, ConnectionStage.Framing.STREAM))
            .toMat(TestSink.create(classic), Keep.both())
            .run(Materializer.matFromSystem(fixture.kit.system()));
    in = probes.first();
    out = probes.second();
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private void send(byte[] bytes) {
    in.sendNext(ByteString.fromArray(bytes));
  }

  private Frame next() {
    byte[] bytes = out.requestNext().toArrayUnsafe();
    return Frame.parse(bytes, 0, bytes.length, Frame.MAX_PAYLOAD);
  }

  private int open() {
    send(connectFrame(fields()).toBytes());
    return next().sessionId();
  }

  @Test
  void framesCutAtEachByteAreUnderstood() {
    byte[] connect = connectFrame(fields()).toBytes();
    for (byte b : connect) {
      send(new byte[] {b});
    }
    int session = next().sessionId();
    for (byte b : data(session, 1, "cut").toBytes()) {
      send(new byte[] {b});
    }

    assertThat(text(next())).isEqualTo("cut");
  }

  @Test
  void nothingIsPushedWithoutDemandAndAllIsGatheredIntoOneElement() {
    int session = open();
    for (int i = 1; i <= 50; i++) {
      fixture.sessions.say(session, FakeSessions.text("line " + i));
    }
    out.expectNoMessage(Duration.ofMillis(200));
    List<Frame> frames = new ArrayList<>();
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    byte[] bytes = out.requestNext().toArrayUnsafe();
    decoder.feed(bytes, 0, bytes.length);
    for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
      frames.add(frame);
    }

    assertThat(frames).hasSize(50);
    assertThat(frames).extracting(Frame::seq).isSorted();
  }

  @Test
  void keepalivesAskedForWithoutReadingThemAreOne() {
    int session = open();
    byte[] ask =
        Frame.of(
                session,
                0,
                FrameType.KEEPALIVE,
                io.clawterm.protocol.Flags.ACK_NOW,
                io.clawterm.protocol.Fields.none())
            .toBytes();
    for (int i = 0; i < 1000; i++) {
      send(ask);
    }

    assertThat(next().type()).isEqualTo(FrameType.KEEPALIVE);
    out.request(1);
    out.expectNoMessage(Duration.ofMillis(100));
  }

  @Test
  void theEndOfTheInputDetaches() {
    open();
    in.sendComplete();
    out.request(1);
    out.expectComplete();

    await().until(() -> fixture.sessions.told(SessionCommand.Detach.class).size() == 1);
  }

  @Test
  void theNextLifeOfASessionThatWasAskedTwiceIsToldThatNobodyIsThere() {
    int session = open();
    Attachment attachment =
        fixture.sessions.told(SessionCommand.Connect.class).getFirst().attachment();
    TestProbe<SessionCommand> next = fixture.kit.createTestProbe();

    attachment
        .edge()
        .tell(
            new DeviceMessage.Attached(
                new SessionId(session),
                attachment.number(),
                next.getRef(),
                2,
                0,
                1,
                0,
                Optional.empty(),
                Duration.ofDays(30)));

    assertThat(next.expectMessageClass(SessionCommand.Detach.class).attachment())
        .isEqualTo(attachment.number());
  }

  @Test
  void aRefusalIsWrittenEvenIfTheInputHasEnded() {
    send(new byte[] {1, 2, 3});
    in.sendComplete();

    assertThat(next().type()).isEqualTo(FrameType.DISCONNECT);
    out.request(1);
    out.expectComplete();
  }

  @Test
  void whoEndsItsInputAndTakesNothingIsCutOffAfterAMoment() {
    open();
    in.sendComplete();

    assertThat(out.expectError()).hasMessageContaining("does not take");
    await().until(() -> fixture.sessions.told(SessionCommand.Detach.class).size() == 1);
  }
}
