package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.ServerAddress;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * All clients of a node come back at once: three nodes on one database, many clients of the library
 * on the first, some sessions that are typed into on the others. The first node is killed. Prints
 * how long the clients are away, and how long the input of the others waits before and meanwhile;
 * of the others only those whose session was not on the first node itself.
 *
 * <p>Argument: the number of clients. Plain TCP on loopback; clients, nodes and database share the
 * machine.
 */
final class BenchStorm {

  private static final int RUNNING = 30;
  private static final int PAUSE_MS = 200;
  private static final int OPENED_AT_ONCE = 200;
  private static final double TARGET_SECONDS = 15;
  private static final double TARGET_RATIO = 2;
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final Duration READY = Duration.ofSeconds(60);

  private final List<NodeProcess> nodes = new ArrayList<>();
  private final Map<SessionId, Long> lostAt = new ConcurrentHashMap<>();
  private final ConcurrentLinkedQueue<Double> away = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Wait> waits = new ConcurrentLinkedQueue<>();
  private final Set<SessionId> hit = ConcurrentHashMap.newKeySet();
  private final ConcurrentLinkedQueue<String> troubles = new ConcurrentLinkedQueue<>();
  private final AtomicInteger lost = new AtomicInteger();
  private final AtomicInteger back = new AtomicInteger();

  private record Wait(SessionId session, double millis) {}

  private BenchStorm() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("clawterm-storm");
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.defaults())) {
      new BenchStorm().run(Integer.parseInt(args[0]), folder, postgres.target());
    } finally {
      BenchFiles.delete(folder);
    }
  }

  private void run(int count, Path folder, JdbcTarget database)
      throws IOException, InterruptedException {
    BenchReport.title("storm: %,d clients of a node that is killed".formatted(count));
    try {
      startNodes(folder, database);
      String token = nodes.getFirst().token();
      try (ClawTermClient others = client(List.of(1, 2), token, false);
          ClawTermClient many = client(List.of(0, 1, 2), token, true)) {
        List<ClientSession> running = open(others, RUNNING);
        List<ClientSession> clients = open(many, count);
        type(running, Duration.ofSeconds(5)); // code that runs for the first time is not counted
        waits.clear();
        type(running, Duration.ofSeconds(15));
        List<Wait> before = List.copyOf(waits);
        waits.clear();
        long killed = System.nanoTime();
        nodes.getFirst().kill();
        while (back.get() < clients.size() && System.nanoTime() - killed < LIMIT.toNanos()) {
          type(running, Duration.ofSeconds(1));
        }
        report(clients.size(), p99(before), p99(List.copyOf(waits)));
      }
    } finally {
      for (NodeProcess node : nodes) {
        node.close();
      }
    }
  }

  private void startNodes(Path folder, JdbcTarget database) throws IOException {
    String url =
        "postgresql://%s:%s@%s"
            .formatted(
                database.user(),
                database.password().value(),
                database.url().replaceFirst("jdbc:postgresql://", ""));
    String token = "ct_" + "s".repeat(43);
    for (String name : List.of("one", "two", "three")) {
      Path data = Files.createDirectories(folder.resolve(name));
      Files.writeString(data.resolve("token"), token + "\n");
      // All clients have one address here; elsewhere each has its own.
      Files.writeString(
          data.resolve("config.conf"),
          "clawterm.edge.connections.max-unauthenticated-per-address = 1000\n");
      NodeProcess node =
          NodeProcess.on(data, new Random(), false, List.of("-Xmx1g"), List.of("--database", url));
      nodes.add(node);
      node.start();
      if (!node.awaitReady(READY)) {
        throw new IOException("a node does not start: " + node.lastWords());
      }
    }
  }

  private ClawTermClient client(List<Integer> numbers, String token, boolean measured) {
    List<ServerAddress> addresses =
        numbers.stream().map(number -> nodes.get(number).tcp()).toList();
    ClawTermClient.Builder builder =
        ClawTermClient.builder().addresses(addresses).credential(token).device("bench");
    return builder.listener(measured ? this::heard : this::heardByRunning).build();
  }

  private void heardByRunning(SessionId session, ConnectionEvent event) {
    if (event instanceof ConnectionEvent.Lost) {
      hit.add(session);
    }
  }

  private void heard(SessionId session, ConnectionEvent event) {
    switch (event) {
      case ConnectionEvent.Lost gone -> {
        if (lostAt.putIfAbsent(session, System.nanoTime()) == null) {
          lost.incrementAndGet();
        }
      }
      case ConnectionEvent.Resumed resumed -> {
        Long since = lostAt.get(session);
        if (since != null && since != 0) {
          lostAt.put(session, 0L);
          away.add((System.nanoTime() - since) / 1e9);
          back.incrementAndGet();
        }
      }
      case ConnectionEvent.Opened opened -> {}
      case ConnectionEvent.Over over -> troubles.add("a client was ended: " + over.ending());
    }
  }

  private List<ClientSession> open(ClawTermClient client, int count) throws InterruptedException {
    var places = new Semaphore(OPENED_AT_ONCE);
    var sessions = new ConcurrentLinkedQueue<ClientSession>();
    for (int i = 0; i < count; i++) {
      places.acquire();
      var unused =
          client
              .connect(ConnectOptions.target("agent:demo"))
              .whenComplete((session, failure) -> {
                if (failure == null) {
                  sessions.add(session);
                } else {
                  troubles.add("a client could not be opened: " + failure);
                }
                places.release();
              });
    }
    places.acquire(OPENED_AT_ONCE);
    return List.copyOf(sessions);
  }

  /** Types into the running sessions for a while, and notes how long each input waits. */
  private void type(List<ClientSession> running, Duration length) throws InterruptedException {
    long end = System.nanoTime() + length.toNanos();
    while (System.nanoTime() < end) {
      for (ClientSession session : running) {
        long sent = System.nanoTime();
        var unused =
            session
                .send("count to 1 at 40 per second")
                .thenAccept(
                    number -> waits.add(new Wait(session.id(), (System.nanoTime() - sent) / 1e6)));
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
    }
  }

  private double p99(List<Wait> of) {
    return BenchReport.percentile(
        99,
        of.stream()
            .filter(wait -> !hit.contains(wait.session()))
            .mapToDouble(Wait::millis)
            .toArray());
  }

  private void report(int clients, double before, double meanwhile) {
    double[] seconds = away.stream().mapToDouble(each -> each).toArray();
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%,d clients, %,d of them lost their session, %,d are back; away p50 %.2f s, p99 %.2f"
                + " s, longest %.2f s",
            clients,
            lost.get(),
            back.get(),
            BenchReport.percentile(50, seconds),
            BenchReport.percentile(99, seconds),
            BenchReport.percentile(100, seconds)));
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "input of %d running sessions acknowledged: p99 %.1f ms before, %.1f ms meanwhile",
            RUNNING - hit.size(),
            before,
            meanwhile));
    Stream.concat(troubles.stream().limit(5), Stream.of(troubles.size() + " troubles"))
        .forEach(BenchReport::line);
    BenchReport.target(
        "all clients back", BenchReport.percentile(100, seconds), "<=", TARGET_SECONDS, "s");
    BenchReport.target("p99 of running input", meanwhile / before, "<=", TARGET_RATIO, "times");
  }
}
