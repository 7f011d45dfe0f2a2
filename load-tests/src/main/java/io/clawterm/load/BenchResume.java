package io.clawterm.load;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * The time from a fresh TCP connection to the first of 100 frames that wait in a live session, and
 * the same with an MQTT broker, mosquitto, and a persistent session of QoS 1. One client at a time.
 *
 * <p>Argument: rounds, of 150 sessions each.
 */
final class BenchResume {

  private static final int SESSIONS = 150;
  private static final int WAITING = 100;
  private static final double TARGET = 2;
  private static final Path MOSQUITTO = Path.of("/usr/sbin/mosquitto");

  private BenchResume() {}

  /** What can wait for a client that is away. */
  private interface Peer {
    /** Makes sessions with waiting frames, each with its client gone. */
    void prepare(int round) throws IOException;

    /** Resumes one of them; the nanoseconds to its first frame. */
    long resume(int session) throws IOException;
  }

  public static void main(String[] args) throws Exception {
    int rounds = Integer.parseInt(args[0]);
    Path folder = Files.createTempDirectory("clawterm-bench");
    try (BenchProcess stored =
            BenchProcess.java(BenchServer.class, List.of(), folder.resolve("pg").toString());
        BenchProcess unstored = BenchProcess.java(BenchServer.class, List.of(), "none")) {
      Peer durable = new Sessions(Integer.parseInt(stored.read()));
      Peer volatileOnes = new Sessions(Integer.parseInt(unstored.read()));
      BenchReport.title(
          "resume: fresh TCP connection to the first of " + WAITING + " waiting frames");
      if (!Files.isExecutable(MOSQUITTO)) {
        BenchReport.line("!! " + MOSQUITTO + " IS NOT INSTALLED: no comparison, no ratio");
        compare(rounds, durable, volatileOnes, Optional.empty());
        return;
      }
      int port = freePort();
      Process broker = broker(folder, port);
      try {
        compare(rounds, durable, volatileOnes, Optional.of(new Subscriptions(port)));
      } finally {
        broker.destroy();
        broker.waitFor();
      }
    } finally {
      BenchFiles.delete(folder);
    }
  }

  private static void compare(int rounds, Peer durable, Peer unstored, Optional<Peer> mosquitto)
      throws IOException {
    round(durable, -1);
    round(unstored, -1);
    if (mosquitto.isPresent()) {
      round(mosquitto.get(), -1);
    }
    List<double[]> ours = new ArrayList<>();
    List<double[]> without = new ArrayList<>();
    List<double[]> theirs = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      ours.add(round(durable, i));
      without.add(round(unstored, i));
      if (mosquitto.isPresent()) {
        theirs.add(round(mosquitto.get(), i));
      }
    }
    print("clawterm, PostgreSQL", ours);
    print("clawterm, nothing stored", without);
    if (mosquitto.isPresent()) {
      print("mosquitto", theirs);
      double[] ratios = new double[rounds];
      for (int i = 0; i < rounds; i++) {
        ratios[i] = BenchReport.median(ours.get(i)) / BenchReport.median(theirs.get(i));
      }
      BenchReport.target(
          "warm resume p50", BenchReport.median(ratios), "<=", TARGET, "times mosquitto");
    }
  }

  private static double[] round(Peer peer, int round) throws IOException {
    peer.prepare(round);
    double[] micros = new double[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
      micros[i] = peer.resume(i) / 1e3;
    }
    return micros;
  }

  private static void print(String name, List<double[]> rounds) {
    double[] all = rounds.stream().flatMapToDouble(DoubleStream::of).toArray();
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%-26s p50 %,8.0f us  p90 %,8.0f us  p99 %,8.0f us  (%d resumes)",
            name,
            BenchReport.percentile(50, all),
            BenchReport.percentile(90, all),
            BenchReport.percentile(99, all),
            all.length));
  }

  // ---- ours

  private static final class Sessions implements Peer {
    private final int port;
    private final List<BenchSession> sessions = new ArrayList<>();

    Sessions(int port) {
      this.port = port;
    }

    @Override
    public void prepare(int round) throws IOException {
      sessions.clear();
      for (int i = 0; i < SESSIONS; i++) {
        sessions.add(BenchSession.leave(port, WAITING));
      }
    }

    @Override
    public long resume(int session) throws IOException {
      return sessions.get(session).resume();
    }
  }

  // ---- theirs

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static Process broker(Path folder, int port) throws IOException {
    Path data = Files.createDirectory(folder.resolve("mosquitto"));
    Path configuration = folder.resolve("mosquitto.conf");
    // As it comes, but for Nagle's algorithm: with it on, a PUBLISH may wait for the client's ACK.
    Files.writeString(
        configuration,
        """
        user root
        listener %d 127.0.0.1
        allow_anonymous true
        set_tcp_nodelay true
        persistence true
        persistence_location %s/
        log_type error
        """
            .formatted(port, data));
    Process broker =
        new ProcessBuilder(MOSQUITTO.toString(), "-c", configuration.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("mosquitto.log").toFile())
            .start();
    BenchMqtt.await(port);
    return broker;
  }

  private static final class Subscriptions implements Peer {
    private final int port;
    private int round;

    Subscriptions(int port) {
      this.port = port;
    }

    @Override
    public void prepare(int number) throws IOException {
      round = number;
      try (BenchMqtt publisher = BenchMqtt.connect(port, "publisher", true)) {
        for (int i = 0; i < SESSIONS; i++) {
          try (BenchMqtt subscriber = BenchMqtt.connect(port, name(i), false)) {
            subscriber.subscribe(name(i));
          }
          for (int n = 0; n < WAITING; n++) {
            publisher.publish(name(i), new byte[100]);
          }
        }
      }
    }

    private String name(int session) {
      return "bench-" + round + "-" + session;
    }

    @Override
    public long resume(int session) throws IOException {
      long started = System.nanoTime();
      try (BenchMqtt subscriber = BenchMqtt.connect(port, name(session), false)) {
        subscriber.awaitPublish();
        return System.nanoTime() - started;
      }
    }
  }
}
