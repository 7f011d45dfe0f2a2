package io.clawterm.load;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * What attached sessions cost that do nothing: heap, and CPU for keepalives every 30 s; and what is
 * left of them after they were suspended and have gone to rest.
 *
 * <p>Argument: seconds over which CPU is measured, 60 or more for a figure that counts.
 */
final class BenchIdle {

  private static final int FEW = 1_000;
  private static final int MANY = 10_000;
  private static final double TARGET_KIB = 10;
  private static final double TARGET_PERCENT = 5;
  private static final String ENTITY = "io.clawterm.session.SessionEntity";
  private static final long REST_SECONDS = 60;

  private BenchIdle() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    long seconds = Long.parseLong(args[0]);
    try (BenchProcess server =
            BenchProcess.java(
                BenchServer.class, List.of(), "none", "clawterm.session.passivate-after = 2s");
        BenchProcess clients = BenchProcess.java(BenchClients.class, List.of())) {
      String port = server.read();
      // The first one loads what all need, and opens the shards.
      clients.ask("open first " + port + " 100 session");
      clients.ask("close first");
      awaitRest(server);
      BenchReport.title("idle: attached sessions, one connection each, nothing stored");
      double before = cpuPercent(server, () -> TimeUnit.SECONDS.sleep(seconds / 3 + 1));
      long empty = heap(server);
      clients.ask("open idle " + port + " " + FEW + " session");
      long few = heap(server);
      clients.ask("open idle " + port + " " + (MANY - FEW) + " session");
      long many = heap(server);
      double each = (many - few) / 1024.0 / (MANY - FEW);
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "heap  none %,d KiB  %,d sessions %,d KiB  %,d sessions %,d KiB  each %.2f KiB",
              empty / 1024,
              FEW,
              few / 1024,
              MANY,
              many / 1024,
              each));
      BenchReport.target("heap of an attached session", each, "<=", TARGET_KIB, "KiB");

      // A first while of the same, so that code that runs for the first time is not counted.
      clients.ask("idle idle 5000");
      String[] answer = new String[1];
      double busy =
          cpuPercent(
              server,
              () -> answer[0] = String.join(" ", clients.ask("idle idle " + seconds * 1_000)));
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "CPU   %.2f %% of a core with %,d sessions, %.2f %% with none; over %d s; keepalives"
                  + " sent, received, connections lost: %s",
              busy,
              MANY,
              before,
              seconds,
              answer[0]));
      BenchReport.target("CPU of 10,000 attached", busy, "<=", TARGET_PERCENT, "% of a core");

      clients.ask("close idle");
      long resting = awaitRest(server);
      long left = heap(server);
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "rest  %d sessions in memory after suspend and passivation, heap %,d KiB (%+,d KiB to"
                  + " none)",
              resting,
              left / 1024,
              (left - empty) / 1024));
      BenchReport.target("sessions left at rest", (double) resting, "<=", 0, "instances");
    }
  }

  /** What takes a while. */
  private interface While {
    void pass() throws IOException, InterruptedException;
  }

  private static double cpuPercent(BenchProcess server, While meanwhile)
      throws IOException, InterruptedException {
    double before = server.cpuSeconds();
    long started = System.nanoTime();
    meanwhile.pass();
    return (server.cpuSeconds() - before) * 1e11 / (System.nanoTime() - started);
  }

  private static long heap(BenchProcess server) throws IOException {
    return Long.parseLong(server.ask("heap")[0]);
  }

  /** The sessions that are left when there are none, or when that takes too long. */
  private static long awaitRest(BenchProcess server) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REST_SECONDS);
    long left = Long.parseLong(server.ask("count " + ENTITY)[0]);
    while (left > 0 && System.nanoTime() < deadline) {
      TimeUnit.SECONDS.sleep(1);
      left = Long.parseLong(server.ask("count " + ENTITY)[0]);
    }
    return left;
  }
}
