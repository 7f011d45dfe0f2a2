package io.clawterm.load;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.TimeUnit;

/** The little of MQTT 3.1.1 that a persistent session with QoS 1 needs; blocking. */
final class BenchMqtt implements AutoCloseable {

  private static final int CONNECT = 0x10;
  private static final int CONNACK = 0x20;
  private static final int PUBLISH_QOS_1 = 0x32;
  private static final int PUBACK = 0x40;
  private static final int SUBSCRIBE = 0x82;
  private static final int SUBACK = 0x90;
  private static final int CLEAN_SESSION = 0x02;
  private static final int PROTOCOL_LEVEL = 4;

  private final Socket socket;
  private final DataInputStream in;
  private int packet;

  private BenchMqtt(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
  }

  /** Waits until a broker listens. */
  static void await(int port) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (true) {
      try {
        new Socket(InetAddress.getLoopbackAddress(), port).close();
        return;
      } catch (ConnectException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.onSpinWait();
      }
    }
  }

  static BenchMqtt connect(int port, String client, boolean clean) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(10_000);
    var mqtt = new BenchMqtt(socket);
    var body = new ByteArrayOutputStream();
    var out = new DataOutputStream(body);
    out.writeUTF("MQTT");
    out.writeByte(PROTOCOL_LEVEL);
    out.writeByte(clean ? CLEAN_SESSION : 0);
    out.writeShort(60);
    out.writeUTF(client);
    mqtt.send(CONNECT, body);
    mqtt.expect(CONNACK);
    return mqtt;
  }

  void subscribe(String topic) throws IOException {
    var body = new ByteArrayOutputStream();
    var out = new DataOutputStream(body);
    out.writeShort(nextPacket());
    out.writeUTF(topic);
    out.writeByte(1);
    send(SUBSCRIBE, body);
    expect(SUBACK);
  }

  /** Publishes with QoS 1 and waits until the broker has it. */
  void publish(String topic, byte[] payload) throws IOException {
    var body = new ByteArrayOutputStream();
    var out = new DataOutputStream(body);
    out.writeUTF(topic);
    out.writeShort(nextPacket());
    out.write(payload);
    send(PUBLISH_QOS_1, body);
    expect(PUBACK);
  }

  /** Waits for the next message; whether it was sent before does not matter. */
  void awaitPublish() throws IOException {
    expect(PUBLISH_QOS_1);
  }

  private int nextPacket() {
    packet = packet % 0xFFFF + 1;
    return packet;
  }

  private void send(int type, ByteArrayOutputStream body) throws IOException {
    var whole = new ByteArrayOutputStream();
    whole.write(type);
    int rest = body.size();
    do {
      whole.write(rest > 127 ? (rest & 127) | 128 : rest);
      rest >>>= 7;
    } while (rest > 0);
    body.writeTo(whole);
    socket.getOutputStream().write(whole.toByteArray());
  }

  private void expect(int type) throws IOException {
    int came = in.readUnsignedByte();
    int length = 0;
    int shift = 0;
    int digit;
    do {
      digit = in.readUnsignedByte();
      length |= (digit & 127) << shift;
      shift += 7;
    } while ((digit & 128) != 0);
    in.skipNBytes(length);
    if ((came & 0xF6) != (type & 0xF6)) {
      throw new IOException("packet " + type + " was expected, " + came + " came");
    }
  }

  /** Drops the connection, as a network does. */
  @Override
  public void close() throws IOException {
    socket.close();
  }
}
