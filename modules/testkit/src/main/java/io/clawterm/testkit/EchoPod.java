package io.clawterm.testkit;

import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameDecoder;
import io.clawterm.protocol.FrameType;
import io.clawterm.protocol.MalformedFrameException;
import java.io.IOException;
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
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A pod that answers each input with it in angle brackets, and keeps all that it got. It speaks the
 * protocol as the server and outlives the node, so it can tell what a node of before has sent: the
 * judge of whether inputs arrive exactly once. Strict: what breaks the protocol is a complaint.
 */
public final class EchoPod implements AutoCloseable {

  private static final int READ_BYTES = 16_384;

  private final Path socket;
  private final ServerSocketChannel server;
  private final Map<String, Circuit> byNonce = new HashMap<>();
  private final Map<Integer, Circuit> byId = new HashMap<>();
  private final List<String> complaints = new ArrayList<>();
  private final Set<Integer> closed = new HashSet<>();
  private final Random random;

  /** A session as the pod keeps it; guarded by the pod. */
  private static final class Circuit {
    private final int id;
    private final List<byte[]> inputs = new ArrayList<>();
    private final List<byte[]> outputs = new ArrayList<>();
    private final List<String> tokens = new ArrayList<>();
    private long acknowledged;
    private @Nullable Link current;

    Circuit(int id) {
      this.id = id;
    }
  }

  /** A connection, which carries one session. */
  private static final class Link {
    private final SocketChannel channel;
    private @Nullable Circuit circuit;
    private @Nullable String newToken;

    Link(SocketChannel channel) {
      this.channel = channel;
    }
  }

  private EchoPod(Path socket, ServerSocketChannel server, long seed) {
    this.socket = socket;
    this.server = server;
    this.random = new Random(seed);
  }

  /**
   * Opens the socket and serves it.
   *
   * @throws IOException where there is a socket already, or it can't be made
   */
  public static EchoPod listen(Path socket, long seed) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    var pod = new EchoPod(socket, server, seed);
    Thread.ofVirtual().name("echo-pod").start(pod::accept);
    return pod;
  }

  /** All inputs of all sessions, each session's in order. */
  public synchronized List<String> inputs() {
    return byId.values().stream()
        .flatMap(circuit -> circuit.inputs.stream())
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8).strip())
        .toList();
  }

  /** How many sessions were ended for good. */
  public synchronized int closed() {
    return closed.size();
  }

  /** What broke the protocol. */
  public synchronized List<String> complaints() {
    return List.copyOf(complaints);
  }

  private void accept() {
    try {
      while (true) {
        var link = new Link(server.accept());
        Thread.ofVirtual().name("echo-pod-link").start(() -> serve(link));
      }
    } catch (IOException e) {
      // The socket was closed: that is how it ends.
      return;
    }
  }

  private void serve(Link link) {
    var decoder = new FrameDecoder(Frame.MAX_PAYLOAD);
    ByteBuffer buffer = ByteBuffer.allocate(READ_BYTES);
    try (SocketChannel channel = link.channel) {
      while (channel.read(buffer.clear()) >= 0) {
        decoder.feed(buffer.array(), 0, buffer.position());
        for (Frame frame = decoder.next(); frame != null; frame = decoder.next()) {
          on(link, frame);
        }
      }
    } catch (MalformedFrameException e) {
      complain("damaged bytes: " + e.getMessage());
    } catch (IOException e) {
      // The node was killed, or it has let go: it comes again.
      return;
    }
  }

  private synchronized void on(Link link, Frame frame) throws IOException {
    Circuit circuit = link.circuit;
    if (circuit != null && link.newToken != null) {
      // The first frame after ACCEPT or RESUMED: from now on the new token alone is good.
      String token = link.newToken;
      circuit.tokens.removeIf(other -> !other.equals(token));
      link.newToken = null;
    }
    switch (frame.type()) {
      case CONNECT -> connect(link, frame.fields());
      case RESUME -> resume(link, frame);
      case DATA -> input(link, frame);
      case KEEPALIVE -> {
        if (circuit != null && frame.seq() > circuit.outputs.size()) {
          complain("acknowledges " + frame.seq() + " of " + circuit.outputs.size());
        } else if (circuit != null) {
          circuit.acknowledged = Math.max(circuit.acknowledged, frame.seq());
        }
      }
      case DISCONNECT -> closed.add(frame.sessionId());
      case ACCEPT, RESUMED, SUSPEND -> complain("unexpected " + frame.type());
    }
  }

  private void connect(Link link, Fields fields) throws IOException {
    String nonce = HexFormat.of().formatHex(fields.nonce().orElseThrow());
    Circuit circuit = byNonce.get(nonce);
    if (circuit == null) {
      circuit = new Circuit(random.nextInt(1, Integer.MAX_VALUE));
      byNonce.put(nonce, circuit);
      byId.put(circuit.id, circuit);
    } else if (!circuit.inputs.isEmpty()) {
      complain("CONNECT of a session that has input");
    }
    attach(link, circuit);
    Fields granted = common(link).lastSeq(circuit.inputs.size()).build();
    write(link, Frame.of(circuit.id, circuit.inputs.size(), FrameType.ACCEPT, 0, granted));
  }

  private void resume(Link link, Frame frame) throws IOException {
    Circuit circuit = byId.get(frame.sessionId());
    Fields fields = frame.fields();
    String shown = HexFormat.of().formatHex(fields.resumeToken().orElseThrow());
    if (circuit == null || !circuit.tokens.contains(shown)) {
      complain(circuit == null ? "RESUME of an unknown session" : "a token that is void");
      write(
          link,
          Frame.of(
              frame.sessionId(),
              0,
              FrameType.DISCONNECT,
              0,
              Fields.reason(Code.NO_SUCH_SESSION, "")));
      link.channel.close();
      return;
    }
    long last = fields.lastSeq().orElseThrow();
    if (last < circuit.acknowledged || last > circuit.outputs.size()) {
      complain(
          "resumes after %d, has acknowledged %d of %d"
              .formatted(last, circuit.acknowledged, circuit.outputs.size()));
    }
    circuit.tokens.removeIf(other -> !other.equals(shown));
    attach(link, circuit);
    int head = circuit.outputs.size();
    Fields granted =
        common(link).lastSeq(circuit.inputs.size()).firstSeq(last + 1).headSeq(head).build();
    write(link, Frame.of(circuit.id, circuit.inputs.size(), FrameType.RESUMED, 0, granted));
    for (int number = (int) last + 1; number <= head; number++) {
      write(link, output(circuit, number, Flags.REPLAY));
    }
  }

  private void attach(Link link, Circuit circuit) throws IOException {
    Link before = circuit.current;
    if (before != null && before != link) {
      before.channel.close();
    }
    byte[] token = new byte[32];
    random.nextBytes(token);
    circuit.current = link;
    link.circuit = circuit;
    link.newToken = HexFormat.of().formatHex(token);
    circuit.tokens.add(link.newToken);
  }

  private static Fields.Builder common(Link link) {
    return Fields.builder()
        .version(1)
        .resumeToken(HexFormat.of().parseHex(String.valueOf(link.newToken)))
        .keepaliveMs(30_000);
  }

  private void input(Link link, Frame frame) throws IOException {
    Circuit circuit = link.circuit;
    if (circuit == null || circuit.current != link) {
      return;
    }
    int number = frame.seq();
    if (number <= circuit.inputs.size()) {
      if (!Arrays.equals(circuit.inputs.get(number - 1), frame.payload())) {
        complain("another input under number " + number);
      }
      return;
    }
    if (number > circuit.inputs.size() + 1) {
      complain("input " + number + " after " + circuit.inputs.size());
      return;
    }
    circuit.inputs.add(frame.payload());
    String text = new String(frame.payload(), StandardCharsets.UTF_8).strip();
    circuit.outputs.add(("<" + text + ">").getBytes(StandardCharsets.UTF_8));
    write(link, output(circuit, circuit.outputs.size(), 0));
    write(link, Frame.of(circuit.id, circuit.inputs.size(), FrameType.KEEPALIVE, 0, Fields.none()));
  }

  private static Frame output(Circuit circuit, int number, int flags) {
    return Frame.of(circuit.id, number, FrameType.DATA, flags, circuit.outputs.get(number - 1));
  }

  private static void write(Link link, Frame frame) throws IOException {
    ByteBuffer bytes = frame.toBuffer();
    while (bytes.hasRemaining()) {
      link.channel.write(bytes);
    }
  }

  private synchronized void complain(String what) {
    complaints.add(what);
  }

  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(socket);
  }
}
