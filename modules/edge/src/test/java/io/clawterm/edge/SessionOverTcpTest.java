package io.clawterm.edge;

import static io.clawterm.edge.TestClient.code;
import static io.clawterm.edge.TestClient.connectFrame;
import static io.clawterm.edge.TestClient.data;
import static io.clawterm.edge.TestClient.fields;
import static io.clawterm.edge.TestClient.resumeFrame;
import static io.clawterm.edge.TestClient.text;
import static io.clawterm.edge.TestClient.token;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SessionOverTcpTest {

  private EdgeFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture = new EdgeFixture("");
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  @Test
  void aConnectIsAcceptedAndInputComesBackAsOutput() throws Exception {
    try (TestClient client = fixture.client()) {
      Frame accept = client.open();
      client.send(data(accept.sessionId(), 1, "hello"));
      Frame echo = client.receive(FrameType.DATA);

      Fields granted = accept.fields();
      assertThat(accept.sessionId()).isNotZero();
      assertThat(granted.version()).hasValue(1);
      assertThat(granted.resumeToken()).isPresent();
      assertThat(granted.lastSeq()).hasValue(0);
      assertThat(granted.keepaliveMs()).hasValue(30_000);
      assertThat(granted.expirySeconds()).hasValue(30 * 24 * 3600);
      assertThat(granted.firstSeq()).isEmpty();
      assertThat(text(echo)).isEqualTo("hello");
      assertThat(echo.seq()).isEqualTo(1);
      assertThat(echo.has(Flags.REPLAY)).isFalse();
    }
  }

  @Test
  void durableInputIsAcknowledged() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      client.send(data(session, 1, "a"), data(session, 2, "b"));
      Frame acknowledgement = client.receive(FrameType.KEEPALIVE);
      while (acknowledgement.seq() != 2) {
        acknowledgement = client.receive(FrameType.KEEPALIVE);
      }

      assertThat(acknowledgement.sessionId()).isEqualTo(session);
      assertThat(acknowledgement.payloadLength()).isZero();
    }
  }

  @Test
  void aResumeGetsWhatWasMissedAndThenWhatIsLive() throws Exception {
    Frame accept;
    try (TestClient client = fixture.client()) {
      accept = client.open();
      client.send(data(accept.sessionId(), 1, "one"), data(accept.sessionId(), 2, "two"));
      client.receive(FrameType.DATA);
      client.receive(FrameType.DATA);
    }
    try (TestClient client = fixture.client()) {
      int session = accept.sessionId();
      client.send(resumeFrame(session, token(accept), 1, fields()));
      Frame resumed = client.receive();
      Frame replayed = client.receive();
      client.send(data(session, 3, "three"));
      Frame live = client.receive(FrameType.DATA);

      assertThat(resumed.type()).isEqualTo(FrameType.RESUMED);
      assertThat(resumed.seq()).isEqualTo(2);
      assertThat(resumed.fields().lastSeq()).hasValue(2);
      assertThat(resumed.fields().firstSeq()).hasValue(2);
      assertThat(resumed.fields().headSeq()).hasValue(2);
      assertThat(token(resumed)).isNotEqualTo(token(accept));
      assertThat(text(replayed)).isEqualTo("two");
      assertThat(replayed.seq()).isEqualTo(2);
      assertThat(replayed.has(Flags.REPLAY)).isTrue();
      assertThat(text(live)).isEqualTo("three");
      assertThat(live.seq()).isEqualTo(3);
      assertThat(live.has(Flags.REPLAY)).isFalse();
    }
  }

  @Test
  void aSuspendIsAnsweredAndTheConnectionEnds() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      client.send(Frame.of(session, 0, FrameType.SUSPEND, 0, Fields.none()));
      List<Frame> rest = client.rest();

      assertThat(rest).hasSize(1);
      assertThat(code(rest.getFirst())).isEqualTo(Code.SUSPENDED);
      assertThat(rest.getFirst().sessionId()).isEqualTo(session);
    }
  }

  @Test
  void aDisconnectClosesTheSessionForGood() throws Exception {
    try (TestClient client = fixture.client()) {
      int session = client.open().sessionId();
      client.send(Frame.of(session, 0, FrameType.DISCONNECT, 0, Fields.none()));

      assertThat(client.rest())
          .singleElement()
          .satisfies(it -> assertThat(code(it)).isEqualTo(Code.CLOSED));
    }
  }

  @Test
  void aKeyIsJoinedByTheNextConnect() throws Exception {
    try (TestClient first = fixture.client();
        TestClient second = fixture.client()) {
      first.send(connectFrame(fields().sessionKey("agent:main:main")));
      Frame accept = first.receive();
      first.send(data(accept.sessionId(), 1, "hello"));
      first.receive(FrameType.DATA);
      second.send(connectFrame(fields().device("phone").sessionKey("agent:main:main")));
      Frame joined = second.receive();
      Frame shown = second.receive(FrameType.DATA);

      assertThat(joined.sessionId()).isEqualTo(accept.sessionId());
      assertThat(joined.fields().sessionKey()).hasValue("agent:main:main");
      assertThat(joined.fields().firstSeq()).hasValue(1);
      assertThat(joined.fields().headSeq()).hasValue(1);
      assertThat(text(shown)).isEqualTo("hello");
    }
  }
}
