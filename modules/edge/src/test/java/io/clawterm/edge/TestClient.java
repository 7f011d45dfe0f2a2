package io.clawterm.edge;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** A client that says exactly what a test wants, right or wrong. */
final class TestClient implements Closeable {

  static final String TOKEN = "alice's token";
  static final String OTHER_TOKEN = "bob's token";

  private final Closeable connection;
  private final InputStream in;
  private final OutputStream out;
  private final FrameDecoder decoder = new FrameDecoder(Frame.MAX_PAYLOAD);

  TestClient(Closeable connection, InputStream in, OutputStream out) {
    this.connection = connection;
    this.in = in;
    this.out = out;
  }

  static TestClient of(Socket socket) throws IOException {
    socket.setSoTimeout(10_000);
    return new TestClient(socket, socket.getInputStream(), socket.getOutputStream());
  }

  static TestClient connect(InetSocketAddress address) throws IOException {
    Socket socket = new Socket();
    socket.connect(address, 5_000);
    return of(socket);
  }

  /** From another address of this machine. */
  static TestClient connect(InetAddress from, InetSocketAddress address) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(from, 0));
    socket.connect(address, 5_000);
    return of(socket);
  }

  TestClient send(Frame... frames) throws IOException {
    for (Frame frame : frames) {
      send(frame.toBytes());
    }
    return this;
  }

  TestClient send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
    return this;
  }

  /**
   * Sends the first bytes of these one by one, with a pause after each, until nobody takes them.
   */
  Thread drip(byte[] bytes, int count, Duration pause) {
    return Thread.ofVirtual()
        .start(() -> {
          try {
            for (int i = 0; i < count; i++) {
              send(new byte[] {bytes[i]});
              LockSupport.parkNanos(pause.toNanos());
            }
          } catch (IOException e) {
            // The server has ended the connection, which is what the test looks at.
          }
        });
  }

  /** Whether nothing comes any more, however the connection ends. */
  boolean endsWithoutAWord() throws IOException {
    try {
      return next().isEmpty();
    } catch (SocketException e) {
      return true; // reset, as it goes where bytes are on their way to a closed socket
    }
  }

  /** Waits until the connection has ended, whatever still comes. */
  void awaitEnd() throws IOException {
    try {
      in.transferTo(OutputStream.nullOutputStream());
    } catch (SocketException e) {
      // Reset, as it goes where bytes are on their way to a closed socket.
    }
  }

  /** The next frame; fails at the end of the stream. */
  Frame receive() throws IOException {
    return next().orElseThrow(() -> new AssertionError("the connection has ended"));
  }

  /** The next frame of a type, others left out. */
  Frame receive(FrameType type) throws IOException {
    Frame frame = receive();
    while (frame.type() != type) {
      frame = receive();
    }
    return frame;
  }

  /** The next frame; empty at an orderly end of the stream. A reset is an exception. */
  Optional<Frame> next() throws IOException {
    Frame frame = decoder.next();
    byte[] buffer = new byte[8192];
    while (frame == null) {
      int count = in.read(buffer);
      if (count < 0) {
        return Optional.empty();
      }
      decoder.feed(buffer.clone(), 0, count);
      frame = decoder.next();
    }
    return Optional.of(frame);
  }

  /** All that comes until the end of the stream. */
  List<Frame> rest() throws IOException {
    List<Frame> frames = new ArrayList<>();
    for (Optional<Frame> frame = next(); frame.isPresent(); frame = next()) {
      frames.add(frame.get());
    }
    return frames;
  }

  /** Sends no more, and waits until the server has ended the connection too. */
  void hangUp() throws IOException {
    if (!(connection instanceof Socket socket)) {
      throw new IllegalStateException("not a TCP socket: " + connection);
    }
    socket.shutdownOutput();
    rest();
  }

  /** Opens a session as alice's laptop; answers with the ACCEPT. */
  Frame open() throws IOException {
    return open(fields());
  }

  Frame open(Fields.Builder fields) throws IOException {
    send(connectFrame(fields));
    return receive(FrameType.ACCEPT);
  }

  static Fields.Builder fields() {
    return Fields.builder().version(1).device("laptop").credential(TOKEN);
  }

  static Frame connectFrame(Fields.Builder fields) {
    return Frame.of(0, 0, FrameType.CONNECT, 0, fields.build());
  }

  static Frame resumeFrame(int session, byte[] token, long last, Fields.Builder fields) {
    Fields all = fields.resumeToken(token).lastSeq(last).build();
    return Frame.of(session, (int) last, FrameType.RESUME, 0, all);
  }

  static Frame data(int session, long number, String text) {
    return Frame.of(
        session, (int) number, FrameType.DATA, 0, text.getBytes(StandardCharsets.UTF_8));
  }

  static String text(Frame frame) {
    return new String(frame.payload(), StandardCharsets.UTF_8);
  }

  static byte[] token(Frame frame) {
    return frame.fields().resumeToken().orElseThrow();
  }

  static Code code(Frame frame) {
    return frame.fields().code().orElseThrow();
  }

  @Override
  public void close() throws IOException {
    connection.close();
  }
}
