package io.clawterm.load;

import io.clawterm.protocol.Crc16;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A process with many connections to one or more servers, on one thread, cheap for each frame.
 * Commands come as lines, each is answered by one:
 *
 * <ul>
 *   <li>{@code open NAME PORT COUNT session|bare} opens connections, with a session on each or not
 *   <li>{@code echo NAME WINDOW MILLIS} keeps so many frames under way on each connection, then
 *       waits for the last; answers with the frames that came back
 *   <li>{@code idle NAME MILLIS} sends each connection's keepalives and nothing else; answers with
 *       the frames sent, the frames that came and the connections that were lost
 *   <li>{@code close NAME} suspends the sessions and closes the connections
 * </ul>
 */
final class BenchClients {

  private static final int PAYLOAD = 100;
  private static final int BATCH = 100;
  private static final long ACKNOWLEDGE_NANOS = 200_000_000L;
  private static final long KEEPALIVE_NANOS = 30_000_000_000L;
  private static final long DRAIN_NANOS = 30_000_000_000L;
  private static final byte[] NOTHING = new byte[0];
  private static final int SESSION_AT = 1;
  private static final int TYPE_AT = 9;
  private static final int LENGTH_AT = 11;

  private final Map<String, List<Client>> groups = new HashMap<>();
  private final byte[] payload = new byte[PAYLOAD];
  private final byte[] out = new byte[256 * 1024];
  private final ByteBuffer direct = ByteBuffer.allocateDirect(out.length);
  private final byte[] in = new byte[256 * 1024];

  private static final class Client {
    final SocketChannel channel;
    final boolean hasSession;
    int session = 1;
    int sent;
    int received;
    int others;
    long acknowledgedAt;
    byte[] rest = NOTHING;

    Client(SocketChannel channel, boolean hasSession) {
      this.channel = channel;
      this.hasSession = hasSession;
    }
  }

  private BenchClients() {}

  public static void main(String[] args) throws IOException {
    var clients = new BenchClients();
    var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      BenchReport.line(clients.run(line.split(" ", -1)));
    }
  }

  private String run(String[] words) throws IOException {
    return switch (words[0]) {
      case "open" ->
          open(
              words[1],
              Integer.parseInt(words[2]),
              Integer.parseInt(words[3]),
              words[4].equals("session"));
      case "echo" ->
          echo(words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]) * 1_000_000);
      case "idle" -> idle(words[1], Long.parseLong(words[2]) * 1_000_000);
      case "close" -> close(words[1]);
      default -> throw new IllegalArgumentException("unknown command " + words[0]);
    };
  }

  // ---- open and close

  private String open(String name, int port, int count, boolean session) throws IOException {
    List<Client> group = groups.computeIfAbsent(name, unused -> new ArrayList<>());
    byte[] connect =
        Frame.of(
                0,
                0,
                FrameType.CONNECT,
                0,
                Fields.builder().version(1).target("agent:main").device("bench").build())
            .toBytes();
    for (int done = 0; done < count; done += BATCH) {
      List<Client> batch = new ArrayList<>();
      for (int i = done; i < Math.min(done + BATCH, count); i++) {
        SocketChannel channel =
            SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        batch.add(new Client(channel, session));
        if (session) {
          writeFully(channel, connect);
        }
      }
      for (Client client : batch) {
        if (session) {
          client.session = accepted(client.channel);
        }
        client.channel.configureBlocking(false);
      }
      group.addAll(batch);
    }
    return "opened " + group.size();
  }

  private static void writeFully(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /** The session that an ACCEPT names; nothing follows it before this side sends something. */
  private static int accepted(SocketChannel channel) throws IOException {
    ByteBuffer header = readFully(channel, Frame.HEADER);
    int type = header.get(TYPE_AT) & 0xFF;
    if (type != FrameType.ACCEPT.code()) {
      throw new IOException("ACCEPT was expected, type " + type + " came");
    }
    readFully(channel, (header.getShort(LENGTH_AT) & 0xFFFF) + Short.BYTES);
    return header.getInt(SESSION_AT);
  }

  private static ByteBuffer readFully(SocketChannel channel, int count) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(count);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException("the server has closed the connection");
      }
    }
    return buffer.flip();
  }

  private String close(String name) throws IOException {
    List<Client> group = group(name);
    groups.remove(name);
    for (Client client : group) {
      if (client.hasSession) {
        int length = control(client, FrameType.SUSPEND, 0);
        write(client, length);
      }
    }
    for (Client client : group) {
      client.channel.configureBlocking(true);
      do {
        direct.clear();
      } while (client.hasSession && client.channel.read(direct) >= 0);
      client.channel.close();
    }
    return "closed " + group.size();
  }

  private List<Client> group(String name) {
    List<Client> group = groups.get(name);
    if (group == null) {
      throw new IllegalArgumentException("no group " + name);
    }
    return group;
  }

  // ---- frames to and fro

  private String echo(String name, int window, long nanos) throws IOException {
    long started = System.nanoTime();
    long frames = 0;
    try (Selector selector = Selector.open()) {
      List<Client> group = group(name);
      for (Client client : group) {
        client.channel.register(selector, SelectionKey.OP_READ, client);
        write(client, data(client, 0, window));
      }
      long underWay = (long) group.size() * window;
      while (underWay > 0) {
        selector.select(1_000);
        long now = System.nanoTime();
        if (now - started > nanos + DRAIN_NANOS) {
          throw new IOException(underWay + " frames have not come back");
        }
        boolean goOn = now - started < nanos;
        for (SelectionKey key : selector.selectedKeys()) {
          Client client = (Client) key.attachment();
          int came = read(client);
          frames += came;
          int length = acknowledgement(client, now);
          if (goOn) {
            length = data(client, length, came);
          } else {
            underWay -= came;
          }
          write(client, length);
        }
        selector.selectedKeys().clear();
      }
    }
    return "echoed " + frames + " " + (System.nanoTime() - started);
  }

  private int data(Client client, int at, int count) {
    int end = at;
    for (int i = 0; i < count; i++) {
      end +=
          Frame.write(
              out, end, client.session, ++client.sent, FrameType.DATA, 0, payload, 0, PAYLOAD);
    }
    return end;
  }

  /** What a client owes after 200 ms (protocol, "Life of a session"); nothing to a bare server. */
  private int acknowledgement(Client client, long now) {
    if (!client.hasSession || now - client.acknowledgedAt < ACKNOWLEDGE_NANOS) {
      return 0;
    }
    client.acknowledgedAt = now;
    return control(client, FrameType.KEEPALIVE, 0);
  }

  private int control(Client client, FrameType type, int at) {
    return Frame.write(out, at, client.session, client.received, type, 0, payload, 0, 0);
  }

  private void write(Client client, int length) throws IOException {
    if (length == 0) {
      return;
    }
    direct.clear();
    direct.put(out, 0, length).flip();
    client.channel.write(direct);
    if (direct.hasRemaining()) {
      throw new IOException("a socket does not take " + length + " bytes");
    }
  }

  /** Reads what is there; the DATA frames in it, each with its checksum checked. */
  private int read(Client client) throws IOException {
    byte[] rest = client.rest;
    System.arraycopy(rest, 0, in, 0, rest.length);
    direct.clear();
    direct.limit(in.length - rest.length);
    int count = client.channel.read(direct);
    if (count < 0) {
      throw new EOFException("the server has closed a connection");
    }
    direct.flip();
    direct.get(in, rest.length, count);
    int end = rest.length + count;
    int at = 0;
    int frames = 0;
    while (end - at >= Frame.OVERHEAD) {
      int length =
          Frame.OVERHEAD + ((in[at + LENGTH_AT] & 0xFF) << 8 | (in[at + LENGTH_AT + 1] & 0xFF));
      if (end - at < length) {
        break;
      }
      int crc = Crc16.of(in, at, length - Short.BYTES);
      int found = (in[at + length - 2] & 0xFF) << 8 | (in[at + length - 1] & 0xFF);
      if (crc != found) {
        throw new IOException("a frame has a wrong checksum");
      }
      int type = in[at + TYPE_AT] & 0xFF;
      if (type == FrameType.DATA.code()) {
        frames++;
        client.received++;
      } else if (type == FrameType.KEEPALIVE.code()) {
        client.others++;
      } else {
        throw new IOException("a frame of type " + type + " was not expected");
      }
      at += length;
    }
    client.rest = at == end ? NOTHING : Arrays.copyOfRange(in, at, end);
    return frames;
  }

  // ---- silence

  private String idle(String name, long nanos) throws IOException {
    List<Client> group = group(name);
    long started = System.nanoTime();
    long sent = 0;
    long lost = 0;
    int before = group.stream().mapToInt(client -> client.others).sum();
    try (Selector selector = Selector.open()) {
      for (Client client : group) {
        client.channel.register(selector, SelectionKey.OP_READ, client);
      }
      long now = System.nanoTime();
      while (now - started < nanos) {
        // Spread evenly: by now this many are due.
        long due = (now - started) / 1_000 * group.size() / (KEEPALIVE_NANOS / 1_000);
        for (; sent < due; sent++) {
          Client client = group.get((int) (sent % group.size()));
          if (client.channel.isOpen()) {
            write(client, control(client, FrameType.KEEPALIVE, 0));
          }
        }
        selector.select(20);
        for (SelectionKey key : selector.selectedKeys()) {
          try {
            read((Client) key.attachment());
          } catch (IOException e) {
            lost++;
            key.channel().close();
          }
        }
        selector.selectedKeys().clear();
        now = System.nanoTime();
      }
    }
    int after = group.stream().mapToInt(client -> client.others).sum();
    return "idle " + sent + " " + (after - before) + " " + lost;
  }
}
