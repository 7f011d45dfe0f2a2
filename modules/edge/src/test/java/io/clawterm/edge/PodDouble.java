package io.clawterm.edge;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A pod on a real socket: strict about the protocol, and cutting its connections where it is told.
 * It greets a new session, and answers each input with it in angle brackets.
 */
final class PodDouble implements AutoCloseable {

  /** Never cuts. */
  static final IntSupplier NEVER = () -> Integer.MAX_VALUE;

  private final Path socket;
  private final Map<String, Circuit> circuits = new HashMap<>();
  private final Random random = new Random(7220);
  private final List<String> complaints = new ArrayList<>();
  private final List<Code> ended = new ArrayList<>();
  private ServerSocketChannel server;
  private @Nullable Link current;
  private IntSupplier readBudget = NEVER;
  private IntSupplier writeBudget = NEVER;
  private int bytesRead;
  private int bytesWritten;
  private int connections;
  private final List<Long> connectedAt = new ArrayList<>();
  private int keepaliveMs = 30_000;
  private long window = -1;
  private boolean silent;
  private boolean reading = true;
  private @Nullable Fields refusal;

  /** A session as the pod keeps it. */
  static final class Circuit {
    final int id;
    final List<byte[]> inputs = new ArrayList<>();
    final List<Integer> inputFlags = new ArrayList<>();
    final List<byte[]> outputs = new ArrayList<>();
    final List<Integer> outputFlags = new ArrayList<>();
    final List<String> tokens = new ArrayList<>();
    long acknowledged;
    int retainedFrom = 1;

    Circuit(int id) {
      this.id = id;
    }
  }

  /** A connection. */
  private final class Link {
    final SocketChannel channel;
    int mayRead = readBudget.getAsInt();
    int mayWrite = writeBudget.getAsInt();
    @Nullable Circuit circuit;
    @Nullable String newToken;

    Link(SocketChannel channel) {
      this.channel = channel;
    }
  }

  PodDouble(Path socket) throws IOException {
    this.socket = socket;
    this.server = listen();
  }

  private ServerSocketChannel listen() throws IOException {
    var opened = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    // Made elsewhere: a socket that is bound where it is looked for is there a moment before it
    // takes connections, and a refused one would wait for the next attempt.
    Path elsewhere = socket.resolveSibling("../" + socket.getFileName()).normalize();
    opened.bind(UnixDomainSocketAddress.of(elsewhere));
    Files.move(elsewhere, socket);
    Thread.ofVirtual().start(() -> accept(opened));
    return opened;
  }

  private void accept(ServerSocketChannel from) {
    try {
      while (true) {
        SocketChannel channel = from.accept();
        Link link;
        synchronized (this) {
          connections++;
          link = new Link(channel);
        }
        Thread.ofVirtual().start(() -> serve(link));
      }
    } catch (IOException e) {
      // The socket was closed: that is how it ends.
      return;
    }
  }

  private void serve(Link link) {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    try (SocketChannel channel = link.channel) {
      while (link.mayRead > 0) {
        awaitReading();
        ByteBuffer buffer = ByteBuffer.allocate(Math.min(link.mayRead, 4096));
        int count = channel.read(buffer);
        if (count < 0) {
          return;
        }
        synchronized (this) {
          link.mayRead -= count;
          bytesRead += count;
          decoder.feed(buffer.array(), 0, count);
          for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
            on(link, frame);
          }
        }
      }
    } catch (IOException e) {
      // Cut here or there: the other side comes again.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void awaitReading() throws InterruptedException {
    while (!reading) {
      wait();
    }
  }

  private void on(Link link, Frame frame) throws IOException {
    Circuit circuit = link.circuit;
    String token = link.newToken;
    if (circuit != null && token != null) {
      // The first frame after ACCEPT or RESUMED: from now on the new token alone is good.
      circuit.tokens.removeIf(other -> !other.equals(token));
      link.newToken = null;
    }
    switch (frame.type()) {
      case CONNECT -> connect(link, frame.fields());
      case RESUME -> resume(link, frame);
      case DATA -> input(link, frame);
      case KEEPALIVE -> acknowledged(link, frame);
      case DISCONNECT -> ended(link, frame);
      case ACCEPT, RESUMED, SUSPEND -> complaints.add("unexpected " + frame);
    }
  }

  private void ended(Link link, Frame frame) {
    Circuit circuit = link.circuit;
    if (circuit == null || circuit.id != frame.sessionId() || link != current) {
      complaints.add("DISCONNECT without a session");
      return;
    }
    ended.add(frame.fields().code().orElseThrow());
    circuits.values().remove(circuit);
  }

  private void connect(Link link, Fields fields) throws IOException {
    connectedAt.add(System.nanoTime());
    if (refused(link)) {
      return;
    }
    String nonce = HexFormat.of().formatHex(fields.nonce().orElseThrow());
    Circuit circuit = circuits.get(nonce);
    boolean isNew = circuit == null;
    if (circuit == null) {
      circuit = new Circuit(random.nextInt(1, Integer.MAX_VALUE));
      circuits.put(nonce, circuit);
    }
    if (!isNew) {
      complainIf(circuit.inputs.size() > 0, "CONNECT of a session that has input");
    }
    attach(link, circuit);
    write(
        link,
        Frame.of(
            circuit.id,
            circuit.inputs.size(),
            FrameType.ACCEPT,
            0,
            common(link).lastSeq(circuit.inputs.size()).build()));
    if (isNew) {
      output(circuit, "hello".getBytes(StandardCharsets.UTF_8), 0);
    }
  }

  private void resume(Link link, Frame frame) throws IOException {
    if (refused(link)) {
      return;
    }
    Fields fields = frame.fields();
    String shown = HexFormat.of().formatHex(fields.resumeToken().orElseThrow());
    Circuit circuit =
        circuits.values().stream()
            .filter(one -> one.id == frame.sessionId())
            .findFirst()
            .orElse(null);
    if (circuit == null) {
      write(link, disconnect(frame.sessionId(), 0, Code.NO_SUCH_SESSION));
      link.channel.close();
      return;
    }
    if (!circuit.tokens.contains(shown)) {
      complaints.add("a token that is no longer good");
      link.channel.close();
      return;
    }
    long last = fields.lastSeq().orElseThrow();
    complainIf(last < circuit.acknowledged, "resumes before what it acknowledged");
    circuit.acknowledged = last;
    circuit.tokens.removeIf(other -> !other.equals(shown));
    attach(link, circuit);
    long first = Math.max(last + 1, circuit.retainedFrom);
    write(
        link,
        Frame.of(
            circuit.id,
            circuit.inputs.size(),
            FrameType.RESUMED,
            0,
            common(link)
                .lastSeq(circuit.inputs.size())
                .firstSeq(first)
                .headSeq(circuit.outputs.size())
                .build()));
    for (int number = (int) first; number <= circuit.outputs.size(); number++) {
      writeOutput(link, circuit, number, Flags.REPLAY);
    }
  }

  private void attach(Link link, Circuit circuit) throws IOException {
    Link before = current;
    if (before != null && before != link) {
      before.channel.close();
    }
    current = link;
    link.circuit = circuit;
    byte[] token = new byte[32];
    random.nextBytes(token);
    link.newToken = HexFormat.of().formatHex(token);
    circuit.tokens.add(link.newToken);
  }

  private Fields.Builder common(Link link) {
    Fields.Builder fields =
        Fields.builder()
            .version(1)
            .resumeToken(HexFormat.of().parseHex(String.valueOf(link.newToken)))
            .keepaliveMs(keepaliveMs);
    return window >= 0 ? fields.window(window) : fields;
  }

  private boolean refused(Link link) throws IOException {
    Fields why = refusal;
    if (why == null) {
      return false;
    }
    write(link, Frame.of(0, 0, FrameType.DISCONNECT, 0, why));
    link.channel.close();
    return true;
  }

  private void input(Link link, Frame frame) throws IOException {
    Circuit circuit = link.circuit;
    if (circuit == null || link != current) {
      return;
    }
    int number = frame.seq();
    if (number <= circuit.inputs.size()) {
      complainIf(
          !Arrays.equals(circuit.inputs.get(number - 1), frame.payload()),
          "another input under number " + number);
      return;
    }
    complainIf(number > circuit.inputs.size() + 1, "a hole in the input before " + number);
    circuit.inputs.add(frame.payload());
    circuit.inputFlags.add(frame.flags());
    if (silent) {
      return;
    }
    output(circuit, ("<" + text(frame.payload()) + ">").getBytes(StandardCharsets.UTF_8), 0);
    write(link, Frame.of(circuit.id, circuit.inputs.size(), FrameType.KEEPALIVE, 0, Fields.none()));
  }

  private void acknowledged(Link link, Frame frame) {
    Circuit circuit = link.circuit;
    if (circuit == null) {
      complaints.add("KEEPALIVE without a session");
      return;
    }
    complainIf(frame.seq() > circuit.outputs.size(), "acknowledges what was not sent");
    circuit.acknowledged = Math.max(circuit.acknowledged, frame.seq());
  }

  private void output(Circuit circuit, byte[] payload, int flags) throws IOException {
    circuit.outputs.add(payload);
    circuit.outputFlags.add(flags);
    Link link = current;
    if (link != null && link.circuit == circuit && link.channel.isOpen()) {
      writeOutput(link, circuit, circuit.outputs.size(), 0);
    }
  }

  private void writeOutput(Link link, Circuit circuit, int number, int more) throws IOException {
    write(
        link,
        Frame.of(
            circuit.id,
            number,
            FrameType.DATA,
            circuit.outputFlags.get(number - 1) | more,
            circuit.outputs.get(number - 1)));
  }

  private void write(Link link, Frame frame) throws IOException {
    ByteBuffer bytes = frame.toBuffer();
    bytes.limit(Math.min(bytes.limit(), link.mayWrite));
    int count = bytes.remaining();
    while (bytes.hasRemaining()) {
      link.channel.write(bytes);
    }
    link.mayWrite -= count;
    bytesWritten += count;
    if (link.mayWrite == 0) {
      link.channel.close();
    }
  }

  private static Frame disconnect(int session, int seq, Code code) {
    return Frame.of(session, seq, FrameType.DISCONNECT, 0, Fields.reason(code, "said the pod"));
  }

  private void complainIf(boolean wrong, String complaint) {
    if (wrong) {
      complaints.add(complaint);
    }
  }

  /** How many bytes each connection may carry from now on before it is cut. */
  synchronized PodDouble budgets(IntSupplier read, IntSupplier write) {
    readBudget = read;
    writeBudget = write;
    return this;
  }

  synchronized void keepaliveMs(int milliseconds) {
    keepaliveMs = milliseconds;
  }

  synchronized void window(long bytes) {
    window = bytes;
  }

  /** Takes input without a word, or speaks again. */
  synchronized void silent(boolean now) {
    silent = now;
  }

  synchronized void reading(boolean now) {
    reading = now;
    notifyAll();
  }

  /** What CONNECT and RESUME are answered with; null: they are served. */
  synchronized void refuseWith(@Nullable Fields why) {
    refusal = why;
  }

  /** Output of the only session. */
  synchronized void say(byte[] payload, int flags) {
    try {
      output(only(), payload, flags);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A frame of the pod's choice on the connection that is attached. */
  synchronized void send(Frame frame) {
    try {
      Link link = current;
      if (link != null) {
        write(link, frame);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** With which reasons the client has ended sessions. */
  synchronized List<Code> ended() {
    return List.copyOf(ended);
  }

  synchronized void disconnect(Code code) {
    send(disconnect(only().id, only().inputs.size(), code));
    cut();
  }

  synchronized void cut() {
    try {
      Link link = current;
      if (link != null) {
        link.channel.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized void forgetSessions() {
    circuits.clear();
  }

  synchronized void forgetOutputBefore(int number) {
    only().retainedFrom = number;
  }

  synchronized void forgetInput() {
    only().inputs.clear();
  }

  /** The socket vanishes with its connections; what the pod knows stays. */
  void vanish() throws IOException {
    server.close();
    Files.delete(socket);
    cut();
  }

  void reappear() throws IOException {
    server = listen();
  }

  synchronized Circuit only() {
    if (circuits.size() != 1) {
      throw new IllegalStateException(circuits.size() + " sessions");
    }
    return circuits.values().iterator().next();
  }

  /** What opens the only session: its nonce and the token that is good, in hexadecimal. */
  synchronized List<String> keys() {
    return List.of(circuits.keySet().iterator().next(), only().tokens.getLast());
  }

  synchronized boolean isAttached() {
    Link link = current;
    return link != null && link.channel.isOpen();
  }

  synchronized int sessions() {
    return circuits.size();
  }

  synchronized List<String> inputs() {
    return circuits.isEmpty() ? List.of() : only().inputs.stream().map(PodDouble::text).toList();
  }

  synchronized long acknowledged() {
    return circuits.isEmpty() ? 0 : only().acknowledged;
  }

  synchronized List<String> complaints() {
    return List.copyOf(complaints);
  }

  synchronized int bytesRead() {
    return bytesRead;
  }

  synchronized int bytesWritten() {
    return bytesWritten;
  }

  synchronized int connections() {
    return connections;
  }

  /** When each CONNECT came, by {@link System#nanoTime}. */
  synchronized List<Long> connectedAt() {
    return List.copyOf(connectedAt);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(socket);
    cut();
  }
}
