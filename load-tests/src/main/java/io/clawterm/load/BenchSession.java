package io.clawterm.load;

import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.Queue;

/** One session that a client has left, with output that it has not got. */
final class BenchSession {

  private static final int PAYLOAD = 100;

  private final int port;
  private final int id;
  private byte[] token;

  private BenchSession(int port, int id, byte[] token) {
    this.port = port;
    this.id = id;
    this.token = token;
  }

  /** Opens a session that echoes, has so many frames echoed, and drops the connection. */
  static BenchSession leave(int port, int frames) throws IOException {
    try (Link link = new Link(port)) {
      Fields connect = Fields.builder().version(1).target("agent:main").device("bench").build();
      link.send(Frame.of(0, 0, FrameType.CONNECT, 0, connect).toBytes());
      Frame accept = link.await(FrameType.ACCEPT);
      int id = accept.sessionId();
      byte[] all = new byte[frames * (Frame.OVERHEAD + PAYLOAD)];
      int at = 0;
      for (int i = 1; i <= frames; i++) {
        at += Frame.write(all, at, id, i, FrameType.DATA, 0, new byte[PAYLOAD], 0, PAYLOAD);
      }
      link.send(all);
      for (int i = 0; i < frames; i++) {
        link.await(FrameType.DATA);
      }
      return new BenchSession(port, id, accept.fields().resumeToken().orElseThrow());
    }
  }

  /** Resumes as a device that has got nothing; the nanoseconds to the first frame. */
  long resume() throws IOException {
    Fields resume =
        Fields.builder().version(1).device("bench").resumeToken(token).lastSeq(0).build();
    byte[] bytes = Frame.of(id, 0, FrameType.RESUME, 0, resume).toBytes();
    long started = System.nanoTime();
    try (Link link = new Link(port)) {
      link.send(bytes);
      Frame resumed = link.await(FrameType.RESUMED);
      link.await(FrameType.DATA);
      long taken = System.nanoTime() - started;
      token = resumed.fields().resumeToken().orElseThrow();
      return taken;
    }
  }

  private static final class Link implements AutoCloseable {
    private final Socket socket;
    private final FrameDecoder decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    private final Queue<Frame> frames = new ArrayDeque<>();

    Link(int port) throws IOException {
      socket = new Socket(InetAddress.getLoopbackAddress(), port);
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(10_000);
    }

    void send(byte[] bytes) throws IOException {
      socket.getOutputStream().write(bytes);
    }

    /** The next frame of this type; keepalives before it are passed over. */
    Frame await(FrameType type) throws IOException {
      while (true) {
        Frame frame = next();
        if (frame.type() == type) {
          return frame;
        }
        if (frame.type() != FrameType.KEEPALIVE) {
          throw new IOException(type + " was expected, this came: " + frame);
        }
      }
    }

    private Frame next() throws IOException {
      while (frames.isEmpty()) {
        byte[] chunk = new byte[16 * 1024];
        int count = socket.getInputStream().read(chunk);
        if (count < 0) {
          throw new EOFException("the server has closed the connection");
        }
        decoder.feed(chunk, 0, count);
        for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
          frames.add(frame);
        }
      }
      return frames.remove();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
