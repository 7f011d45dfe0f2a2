package io.clawterm.load;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * CPU time of the server for each echoed frame, through edge and session on a journal that stores
 * nothing, and by Netty alone: the same clients, by turns. Beside them the sockets of Akka Streams
 * alone, to tell what of ours they take.
 *
 * <p>Arguments: rounds, seconds of each. With {@code CLAWTERM_BENCH_PROFILE} set to a file, a
 * flight recording of the first server is written there. With {@code CLAWTERM_BENCH_SETTINGS} set
 * to some configuration, one more server runs with it, in the same rounds.
 */
final class BenchEcho {

  private static final int CONNECTIONS = 1_000;
  private static final double TARGET = 3;

  /** So many frames before anything counts: by then the compiler has done its work. */
  private static final long WARM_FRAMES = 500_000;

  private static final long MAX_WARM_NANOS = 60_000_000_000L;

  private BenchEcho() {}

  private record Server(String name, BenchProcess process) {}

  private record Round(double frames, double cpuMicros, double seconds) {
    double microsecondsPerFrame() {
      return cpuMicros / frames;
    }
  }

  public static void main(String[] args) throws IOException {
    int rounds = Integer.parseInt(args[0]);
    long millis = Long.parseLong(args[1]) * 1_000;
    String settings = System.getenv().getOrDefault("CLAWTERM_BENCH_SETTINGS", "");
    List<Server> servers = new ArrayList<>();
    try (BenchProcess clients = BenchProcess.java(BenchClients.class, List.of())) {
      // The measure of the others comes first.
      servers.add(new Server("netty", BenchProcess.java(BenchNetty.class, List.of())));
      servers.add(new Server("sockets", BenchProcess.java(BenchSockets.class, List.of())));
      servers.add(
          new Server("clawterm", BenchProcess.java(BenchServer.class, recording(), "none")));
      if (!settings.isEmpty()) {
        servers.add(
            new Server(
                "settings", BenchProcess.java(BenchServer.class, List.of(), "none", settings)));
      }
      BenchReport.title(
          "echo: CPU of the server a frame of 100 bytes, " + CONNECTIONS + " connections");
      for (Server server : servers) {
        boolean bare = server.name.equals("netty") || server.name.equals("sockets");
        String kind = bare ? "bare" : "session";
        clients.ask(
            String.join(
                " ",
                "open",
                server.name,
                server.process.read(),
                Integer.toString(CONNECTIONS),
                kind));
        warm(server, clients);
      }
      for (int window : new int[] {1, 8}) {
        compare(servers, clients, window, rounds, millis);
      }
    } finally {
      servers.forEach(server -> server.process.close());
    }
  }

  private static List<String> recording() {
    String file = System.getenv().getOrDefault("CLAWTERM_BENCH_PROFILE", "");
    return file.isEmpty()
        ? List.of()
        : List.of(
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            "-XX:StartFlightRecording=settings=profile,filename=" + file);
  }

  private static void warm(Server server, BenchProcess clients) throws IOException {
    long started = System.nanoTime();
    double frames = 0;
    for (int i = 0; frames < WARM_FRAMES && System.nanoTime() - started < MAX_WARM_NANOS; i++) {
      frames += round(server, clients, i % 2 == 0 ? 1 : 8, 2_000).frames;
    }
    if (frames < WARM_FRAMES) {
      BenchReport.line(server.name + " is not warm: this machine is too busy to measure on");
    }
  }

  private static void compare(
      List<Server> servers, BenchProcess clients, int window, int rounds, long millis)
      throws IOException {
    double[][] ratios = new double[servers.size()][rounds];
    for (int i = 0; i < rounds; i++) {
      var line = new StringBuilder("window " + window);
      double bare = Double.NaN;
      for (int s = 0; s < servers.size(); s++) {
        Round round = round(servers.get(s), clients, window, millis);
        bare = s == 0 ? round.microsecondsPerFrame() : bare;
        ratios[s][i] = round.microsecondsPerFrame() / bare;
        line.append(
            String.format(
                Locale.ROOT,
                "  %s %6.2f us/frame (%,7.0f frames/s) ratio %5.2f",
                servers.get(s).name,
                round.microsecondsPerFrame(),
                round.frames / round.seconds,
                ratios[s][i]));
      }
      BenchReport.line(line.toString());
    }
    for (int s = 2; s < servers.size(); s++) {
      BenchReport.target(
          "echo CPU, window " + window + ", " + servers.get(s).name,
          BenchReport.median(ratios[s]),
          "<=",
          TARGET,
          "times Netty");
    }
  }

  private static Round round(Server server, BenchProcess clients, int window, long millis)
      throws IOException {
    double before = server.process.cpuSeconds();
    String[] answer = clients.ask("echo " + server.name + " " + window + " " + millis);
    double used = server.process.cpuSeconds() - before;
    return new Round(
        Double.parseDouble(answer[1]), used * 1e6, Double.parseDouble(answer[2]) / 1e9);
  }
}
