package io.clawterm.client;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.Sequence;
import io.clawterm.protocol.TerminalSize;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * A server that speaks protocol.md over real sockets and keeps its sessions in memory. It cuts its
 * connections where it is told to, and notes what a client must never do.
 */
final class ScriptedServer implements Closeable {
  private final Closeable listener;
  private final ServerAddress address;
  private final Object monitor = new Object();
  private final Map<Integer, Session> sessions = new HashMap<>();
  private final Map<ByteBuffer, Session> nonces = new HashMap<>();
  private final Map<String, Session> keys = new HashMap<>();
  private final ArrayDeque<Fields> refusals = new ArrayDeque<>();
  private final ArrayDeque<Fields> refusedResumes = new ArrayDeque<>();
  private final List<Attachment> attachments = new CopyOnWriteArrayList<>();
  private final List<Frame> greetings = new CopyOnWriteArrayList<>();
  private final List<String> violations = new CopyOnWriteArrayList<>();
  private final List<Integer> events = new CopyOnWriteArrayList<>();
  private int nextId = 0x1000;
  private long nextToken;

  private boolean echo;
  private boolean acknowledge = true;
  private boolean obeyWindow;
  private boolean mute;
  private boolean skip;
  private boolean holdNext;
  private @Nullable Frame held;
  private long keepaliveMs = 30_000;
  private long cutReadAfter = Long.MAX_VALUE;
  private long cutWriteAfter = Long.MAX_VALUE;
  private long readBytes;
  private long writtenBytes;
  private int connections;

  /** A session's log, and what it has of its device. */
  static final class Session {
    final int id;
    final List<Frame> output = new ArrayList<>();
    final List<byte[]> input = new ArrayList<>();
    final List<Integer> inputFlags = new ArrayList<>();
    final List<byte[]> tokens = new ArrayList<>();
    final List<TerminalSize> sizes = new CopyOnWriteArrayList<>();
    String target = "";
    int firstKept = 1;
    boolean closed;
    int suspends;

    Session(int id) {
      this.id = id;
    }

    List<String> inputTexts() {
      return input.stream().map(bytes -> new String(bytes, StandardCharsets.UTF_8)).toList();
    }
  }

  private ScriptedServer(Closeable listener, ServerAddress address) {
    this.listener = listener;
    this.address = address;
  }

  static ScriptedServer unix(Path socket) throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    channel.bind(UnixDomainSocketAddress.of(socket));
    var server = new ScriptedServer(channel, ServerAddress.unix(socket));
    Thread.ofVirtual().start(() -> server.acceptAll(() -> server.serveUnix(channel.accept())));
    return server;
  }

  static ScriptedServer tcp() throws IOException {
    var socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    return sockets(socket, ServerAddress.tcp("127.0.0.1", socket.getLocalPort()));
  }

  static ScriptedServer tls(SSLContext context) throws IOException {
    ServerSocket socket =
        context
            .getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    return sockets(socket, ServerAddress.tls("localhost", socket.getLocalPort()));
  }

  private static ScriptedServer sockets(ServerSocket socket, ServerAddress address) {
    var server = new ScriptedServer(socket, address);
    Thread.ofVirtual().start(() -> server.acceptAll(() -> server.serveSocket(socket.accept())));
    return server;
  }

  ServerAddress address() {
    return address;
  }

  ScriptedServer echoing() {
    echo = true;
    return this;
  }

  ScriptedServer obeyingWindow() {
    obeyWindow = true;
    return this;
  }

  ScriptedServer keepalive(long ms) {
    keepaliveMs = ms;
    return this;
  }

  /** From now on nothing is acknowledged, or again. */
  void acknowledging(boolean value) {
    synchronized (monitor) {
      acknowledge = value;
      monitor.notifyAll();
    }
  }

  /** The next output is left out, once, as a broken server would. */
  void skipOne() {
    skip = true;
  }

  /** From now on nothing is sent on any connection. */
  void mute() {
    mute = true;
  }

  /** Ends the connection once, after this many bytes more have been read in all. */
  void cutAfterReading(long bytes) {
    cutReadAfter = bytes;
  }

  /** Ends the connection once, after this many bytes more have been written in all. */
  void cutAfterWriting(long bytes) {
    cutWriteAfter = bytes;
  }

  /** The next greeting is kept on its way, and its connection ends without an answer. */
  void holdNextGreeting() {
    synchronized (monitor) {
      holdNext = true;
    }
  }

  boolean holdsGreeting() {
    synchronized (monitor) {
      return held != null;
    }
  }

  /** The RESUME that was held arrives: it takes the session over, and nobody hears the answer. */
  void deliverHeldGreeting() {
    synchronized (monitor) {
      Frame late = held;
      if (late == null) {
        throw new IllegalStateException("no greeting is held");
      }
      held = null;
      Session taken = session(late.sessionId());
      byte[] shown = late.fields().resumeToken().orElseThrow();
      if (taken.tokens.stream().anyMatch(good -> Arrays.equals(good, shown))) {
        disconnectAll(Fields.reason(Code.TAKEN_OVER, "another device has the session"));
      } else {
        violations.add("the held greeting came too late to take anything over");
      }
    }
  }

  /** The next greeting is answered with this. */
  void refuseNext(Fields reason) {
    synchronized (monitor) {
      refusals.add(reason);
    }
  }

  /** The next RESUME is answered with this, for its session alone: the connection stays. */
  void refuseNextResume(Fields reason) {
    synchronized (monitor) {
      refusedResumes.add(reason);
    }
  }

  void emit(int session, String text, int flags) {
    emit(session, text.getBytes(StandardCharsets.UTF_8), flags);
  }

  void emit(int session, byte[] bytes, int flags) {
    synchronized (monitor) {
      Session log = session(session);
      log.output.add(
          Frame.of(session, Sequence.wire(log.output.size() + 1L), FrameType.DATA, flags, bytes));
      monitor.notifyAll();
    }
  }

  Session session(int id) {
    synchronized (monitor) {
      Session session = sessions.get(id);
      if (session == null) {
        throw new IllegalStateException("no session " + id);
      }
      return session;
    }
  }

  List<String> inputs(int session) {
    synchronized (monitor) {
      return session(session).inputTexts();
    }
  }

  int sessionCount() {
    synchronized (monitor) {
      return sessions.size();
    }
  }

  int connectionCount() {
    synchronized (monitor) {
      return connections;
    }
  }

  long readBytes() {
    return readBytes;
  }

  long writtenBytes() {
    return writtenBytes;
  }

  List<Frame> greetings() {
    return greetings;
  }

  /** What no client may do; empty in each test. */
  List<String> violations() {
    return violations;
  }

  List<Attachment> attachments() {
    return attachments;
  }

  /** Ends all connections as a crash would. */
  void cutAll() {
    attachments.forEach(Attachment::cut);
  }

  /** Sends this to whoever is attached, and goes on with their connections. */
  void disconnectOnly(Fields reason) {
    for (Attachment attachment : attachments) {
      attachment.detach(reason);
    }
  }

  /** Serves the sessions of another one as well, as a node does to which they have moved. */
  ScriptedServer takingOver(ScriptedServer other) {
    synchronized (other.monitor) {
      sessions.putAll(other.sessions);
      nextToken = other.nextToken + 1_000;
    }
    return this;
  }

  /** Sends this to whoever is attached. */
  void disconnectAll(Fields reason) {
    for (Attachment attachment : attachments) {
      attachment.disconnect(reason);
    }
  }

  /** Ends as a node does that is gone for good. */
  void vanish() throws IOException {
    listener.close();
    cutAll();
  }

  @Override
  public void close() throws IOException {
    vanish();
  }

  private interface Accepting {
    void next() throws IOException;
  }

  private void acceptAll(Accepting accepting) {
    try {
      while (true) {
        accepting.next();
      }
    } catch (IOException e) {
      // The listener is closed.
      events.add(0);
    }
  }

  private void serveUnix(SocketChannel channel) throws IOException {
    serve(Channels.newInputStream(channel), Channels.newOutputStream(channel), channel);
  }

  private void serveSocket(Socket socket) throws IOException {
    socket.setTcpNoDelay(true);
    Thread.ofVirtual()
        .start(() -> {
          try {
            serve(socket.getInputStream(), socket.getOutputStream(), socket);
          } catch (IOException e) {
            events.add(1);
          }
        });
  }

  private void serve(InputStream input, OutputStream output, Closeable socket) {
    synchronized (monitor) {
      connections++;
    }
    var attachment = new Attachment(input, output, socket);
    attachments.add(attachment);
    Thread.ofVirtual().start(attachment::read);
  }

  /** One connection. */
  final class Attachment {
    private final InputStream input;
    private final OutputStream output;
    private final Closeable socket;
    private final FrameDecoder decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    private @Nullable Session session;
    private byte @Nullable [] issued;
    private long sentOutput;
    private long acknowledgedOutput;
    private long window = Long.MAX_VALUE;
    private long unacknowledgedBytes;
    private final ArrayDeque<Integer> unacknowledgedSizes = new ArrayDeque<>();
    private long acknowledgedInput;
    private boolean confirmed;
    private boolean over;
    private boolean detached;
    private boolean acknowledgeAsked;

    Attachment(InputStream input, OutputStream output, Closeable socket) {
      this.input = input;
      this.output = output;
      this.socket = socket;
    }

    long acknowledgedOutput() {
      synchronized (monitor) {
        return acknowledgedOutput;
      }
    }

    long sentOutput() {
      synchronized (monitor) {
        return sentOutput;
      }
    }

    boolean isOver() {
      synchronized (monitor) {
        return over;
      }
    }

    private void read() {
      byte[] chunk = new byte[8_192];
      try {
        while (true) {
          int count = input.read(chunk, 0, (int) Math.min(chunk.length, readable()));
          if (count <= 0) {
            break;
          }
          boolean cut = countRead(count);
          decoder.feed(Arrays.copyOf(chunk, count), 0, count);
          for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
            handle(frame);
          }
          if (cut) {
            break;
          }
        }
      } catch (IOException e) {
        events.add(2);
      } finally {
        cut();
      }
    }

    private long readable() {
      synchronized (monitor) {
        return Math.max(1, cutReadAfter);
      }
    }

    private boolean countRead(int count) {
      synchronized (monitor) {
        readBytes += count;
        if (cutReadAfter == Long.MAX_VALUE) {
          return false;
        }
        cutReadAfter -= count;
        if (cutReadAfter <= 0) {
          cutReadAfter = Long.MAX_VALUE;
          return true;
        }
        return false;
      }
    }

    private void handle(Frame frame) throws IOException {
      synchronized (monitor) {
        Session current = session;
        if (current == null) {
          // What was under way when the session was taken off this connection is for nobody.
          if (!detached || frame.type() == FrameType.RESUME) {
            greet(frame);
          }
          return;
        }
        if (frame.sessionId() != current.id) {
          violations.add("frame of session " + frame.sessionId());
        }
        if (!confirmed && issued != null) {
          confirmed = true;
          current.tokens.clear();
          current.tokens.add(issued);
        }
        switch (frame.type()) {
          case DATA -> data(current, frame);
          case KEEPALIVE -> {
            acknowledged(frame);
            frame.fields().terminalSize().ifPresent(current.sizes::add);
          }
          case SUSPEND -> {
            acknowledged(frame);
            current.suspends++;
            bye(Fields.reason(Code.SUSPENDED, ""));
          }
          case DISCONNECT -> {
            acknowledged(frame);
            current.closed = true;
            sessions.remove(current.id);
            bye(Fields.reason(Code.CLOSED, "bye"));
          }
          case CONNECT, ACCEPT, RESUME, RESUMED -> violations.add("second " + frame.type());
        }
        if (frame.has(Flags.ACK_NOW)) {
          acknowledgeAsked = true;
        }
        monitor.notifyAll();
      }
    }

    private void greet(Frame frame) throws IOException {
      greetings.add(frame);
      if (holdNext) {
        holdNext = false;
        held = frame;
        cut();
        return;
      }
      Fields fields = frame.fields();
      Fields refusal = refusals.poll();
      if (refusal != null) {
        bye(refusal);
        return;
      }
      Fields busy = frame.type() == FrameType.RESUME ? refusedResumes.poll() : null;
      if (busy != null) {
        write(Frame.of(frame.sessionId(), 0, FrameType.DISCONNECT, 0, busy));
        return;
      }
      if (frame.type() == FrameType.CONNECT) {
        connect(fields);
      } else if (frame.type() == FrameType.RESUME) {
        resume(frame, fields);
      } else {
        violations.add(frame.type() + " as a greeting");
        return;
      }
      if (session != null) {
        window = fields.window().orElse(Long.MAX_VALUE);
        Session attached = session;
        Thread.ofVirtual().start(() -> pump(attached));
      }
    }

    private void connect(Fields fields) throws IOException {
      ByteBuffer nonce = ByteBuffer.wrap(fields.nonce().orElseThrow());
      Optional<String> key = fields.sessionKey();
      Session opened =
          key.isPresent() && keys.containsKey(key.get())
              ? keys.get(key.get())
              : nonces.computeIfAbsent(nonce, unused -> new Session(nextId++));
      if (opened == null) {
        throw new IllegalStateException("no session");
      }
      sessions.put(opened.id, opened);
      key.ifPresent(name -> keys.put(name, opened));
      opened.target = fields.target().orElse("agent:main");
      byte[] token = newToken();
      opened.tokens.clear();
      opened.tokens.add(token);
      issued = token;
      acknowledgedInput = opened.input.size();
      Fields.Builder answer =
          Fields.builder()
              .version(1)
              .resumeToken(token)
              .lastSeq(acknowledgedInput)
              .firstSeq(opened.firstKept)
              .keepaliveMs(keepaliveMs)
              .expirySeconds(3_600);
      key.ifPresent(answer::sessionKey);
      sentOutput = opened.firstKept - 1L;
      write(
          Frame.of(
              opened.id, Sequence.wire(acknowledgedInput), FrameType.ACCEPT, 0, answer.build()));
      session = opened;
    }

    private void resume(Frame frame, Fields fields) throws IOException {
      Session known = sessions.get(frame.sessionId());
      byte[] shown = fields.resumeToken().orElseThrow();
      if (known == null || known.tokens.stream().noneMatch(good -> Arrays.equals(good, shown))) {
        if (known != null) {
          violations.add("a token that is void");
        }
        bye(Fields.reason(Code.NO_SUCH_SESSION, ""));
        return;
      }
      long holds = fields.lastSeq().orElseThrow();
      if (holds > known.output.size()) {
        violations.add("holds " + holds + " of " + known.output.size());
      }
      for (Attachment other : attachments) {
        if (!other.equals(this) && other.session != null && other.session.id == known.id) {
          other.cut();
        }
      }
      byte[] token = newToken();
      // Those before stay good until this device has confirmed one by a frame of its own.
      known.tokens.add(token);
      issued = token;
      acknowledgedInput = known.input.size();
      long first = Math.max(holds + 1, known.firstKept);
      sentOutput = first - 1;
      acknowledgedOutput = holds;
      replayUpTo = known.output.size();
      write(
          Frame.of(
              known.id,
              Sequence.wire(acknowledgedInput),
              FrameType.RESUMED,
              0,
              Fields.builder()
                  .version(1)
                  .resumeToken(token)
                  .lastSeq(acknowledgedInput)
                  .firstSeq(first)
                  .headSeq(known.output.size())
                  .keepaliveMs(keepaliveMs)
                  .expirySeconds(3_600)
                  .build()));
      session = known;
    }

    private long replayUpTo;

    private void data(Session current, Frame frame) throws IOException {
      long number = Sequence.extend(current.input.size(), frame.seq());
      if (number <= current.input.size()) {
        if (!Arrays.equals(current.input.get((int) number - 1), frame.payload())) {
          violations.add("input " + number + " with two contents");
        }
        return;
      }
      if (number != current.input.size() + 1) {
        violations.add("input " + number + " after " + current.input.size());
        bye(Fields.reason(Code.SEQUENCE_GAP, ""));
        return;
      }
      current.input.add(frame.payload());
      current.inputFlags.add(frame.flags());
      if (echo) {
        String text = "echo " + new String(frame.payload(), StandardCharsets.UTF_8);
        emit(current.id, text, 0);
      }
    }

    private void acknowledged(Frame frame) {
      long number = Sequence.extend(acknowledgedOutput, frame.seq());
      if (number > sentOutput) {
        violations.add("acknowledges output " + number + " of " + sentOutput);
      }
      while (acknowledgedOutput < number && !unacknowledgedSizes.isEmpty()) {
        unacknowledgedBytes -= unacknowledgedSizes.removeFirst();
        acknowledgedOutput++;
      }
      acknowledgedOutput = Math.max(acknowledgedOutput, number);
    }

    /** Writes output and acknowledgements as they come up. */
    private void pump(Session attached) {
      try {
        while (true) {
          Frame next;
          synchronized (monitor) {
            next = next();
            while (next == null && !over && session == attached) {
              monitor.wait(1_000);
              next = next();
            }
            if (over) {
              cut();
              return;
            }
            if (session != attached) {
              return;
            }
          }
          if (next != null) {
            write(next);
          }
        }
      } catch (IOException e) {
        events.add(3);
        cut();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        cut();
      }
    }

    private @Nullable Frame next() {
      Session current = session;
      if (current == null || over || mute) {
        return null;
      }
      if (acknowledgeAsked || (acknowledge && acknowledgedInput < current.input.size())) {
        if (acknowledge) {
          acknowledgedInput = current.input.size();
        }
        acknowledgeAsked = false;
        return Frame.of(
            current.id, Sequence.wire(acknowledgedInput), FrameType.KEEPALIVE, 0, Fields.none());
      }
      if (sentOutput < current.output.size()) {
        Frame frame = current.output.get((int) sentOutput);
        if (obeyWindow
            && unacknowledgedBytes > 0
            && unacknowledgedBytes + frame.payloadLength() > window) {
          return null;
        }
        if (skip && current.output.size() > sentOutput + 1) {
          skip = false;
          sentOutput++;
          frame = current.output.get((int) sentOutput);
        } else if (skip) {
          return null;
        }
        sentOutput++;
        unacknowledgedBytes += frame.payloadLength();
        unacknowledgedSizes.add(frame.payloadLength());
        return sentOutput <= replayUpTo
            ? Frame.of(
                current.id,
                frame.seq(),
                FrameType.DATA,
                frame.flags() | Flags.REPLAY,
                frame.payload())
            : frame;
      }
      return null;
    }

    void disconnect(Fields reason) {
      synchronized (monitor) {
        if (!over) {
          try {
            bye(reason);
          } catch (IOException e) {
            events.add(4);
          }
        }
      }
    }

    void detach(Fields reason) {
      synchronized (monitor) {
        if (!over && session != null) {
          try {
            tell(reason);
          } catch (IOException e) {
            events.add(6);
          }
          detached = true;
          session = null;
          issued = null;
          confirmed = false;
          unacknowledgedSizes.clear();
          unacknowledgedBytes = 0;
          monitor.notifyAll();
        }
      }
    }

    private void bye(Fields reason) throws IOException {
      tell(reason);
      cut();
    }

    private void tell(Fields reason) throws IOException {
      int id = session == null ? 0 : session.id;
      int seq = session == null ? 0 : session.input.size();
      write(Frame.of(id, seq, FrameType.DISCONNECT, 0, reason));
    }

    private void write(Frame frame) throws IOException {
      if (mute) {
        return;
      }
      byte[] bytes = frame.toBytes();
      int allowed = bytes.length;
      boolean cut = false;
      synchronized (monitor) {
        if (cutWriteAfter != Long.MAX_VALUE) {
          allowed = (int) Math.min(bytes.length, cutWriteAfter);
          cutWriteAfter -= allowed;
          cut = cutWriteAfter <= 0;
          cutWriteAfter = cut ? Long.MAX_VALUE : cutWriteAfter;
        }
        writtenBytes += allowed;
      }
      synchronized (output) {
        output.write(bytes, 0, allowed);
        output.flush();
      }
      if (cut) {
        cut();
        throw new IOException("cut");
      }
    }

    void cut() {
      synchronized (monitor) {
        over = true;
        monitor.notifyAll();
      }
      try {
        socket.close();
      } catch (IOException e) {
        events.add(5);
      }
    }

    private byte[] newToken() {
      nextToken++;
      return ByteBuffer.allocate(32).putLong(24, nextToken).array();
    }
  }
}
