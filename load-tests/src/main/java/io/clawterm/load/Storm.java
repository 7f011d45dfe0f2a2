package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The first of some nodes is killed: how long its clients are away, and how long questions to
 * sessions on the others wait for their answers before and meanwhile. Of these only those count
 * whose session was not on the first node itself.
 */
final class Storm {

  private static final int RUNNING = 30;
  private static final int INPUTS_A_SECOND = 30;
  private static final int OPENED_AT_ONCE = 50;
  private static final Duration WARM_UP = Duration.ofSeconds(5);
  private static final Duration BEFORE = Duration.ofSeconds(15);
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private final List<NodeProcess> nodes;
  private final String name;
  private final Map<SessionId, Long> lostAt = new ConcurrentHashMap<>();
  private final ConcurrentLinkedQueue<Double> away = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Wait> waits = new ConcurrentLinkedQueue<>();
  private final Set<SessionId> hit = ConcurrentHashMap.newKeySet();
  private final ConcurrentLinkedQueue<String> troubles = new ConcurrentLinkedQueue<>();
  private final AtomicInteger lost = new AtomicInteger();
  private final AtomicInteger back = new AtomicInteger();

  private record Wait(SessionId session, double millis) {}

  /**
   * What it came to.
   *
   * @param longestSeconds how long the last client was away
   * @param ratio the p99 of a question meanwhile, by that before
   */
  record Outcome(double longestSeconds, double ratio) {}

  Storm(List<NodeProcess> nodes, String name) {
    this.nodes = nodes;
    this.name = name;
  }

  /** Opens so many clients, kills, waits until they are back, and reports. */
  Outcome run(int count) throws IOException, InterruptedException {
    String token = nodes.getFirst().token();
    try (ClawTermClient others = client(List.of(1, 2), token, false);
        ClawTermClient many = client(List.of(0, 1, 2), token, true)) {
      List<Typed> running = open(others, RUNNING).stream().map(Typed::new).toList();
      List<ClientSession> clients = open(many, count);
      type(running, WARM_UP);
      waits.clear();
      type(running, BEFORE);
      double before = p99();
      waits.clear();
      long killed = System.nanoTime();
      nodes.getFirst().kill();
      while (back.get() < clients.size() && System.nanoTime() - killed < LIMIT.toNanos()) {
        type(running, Duration.ofSeconds(1));
      }
      return report(clients.size(), before, p99());
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
              .connect(ConnectOptions.target("agent:demo").withEvents(true))
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

  /** Types into one running session after the other for a while. */
  private void type(List<Typed> running, Duration length) throws InterruptedException {
    long count = length.toMillis() * INPUTS_A_SECOND / 1000;
    for (long i = 0; i < count; i++) {
      running.get((int) (i % running.size())).type();
      TimeUnit.MILLISECONDS.sleep(1_000 / INPUTS_A_SECOND);
    }
  }

  /** Somebody who asks, and waits for the end of the answer. */
  private final class Typed {
    private final ClientSession session;
    private final Queue<Long> askedAt = new ConcurrentLinkedQueue<>();

    Typed(ClientSession session) {
      this.session = session;
      session.onOutput(this::heard);
    }

    void type() {
      askedAt.add(System.nanoTime());
      var unused = session.send("count to 1 at 40 per second");
    }

    private void heard(Received received) {
      if (received instanceof Received.Entry entry
          && entry.structured()
          && entry.text().contains("\"run\":\"ended\"")) {
        Long asked = askedAt.poll();
        if (asked != null) {
          waits.add(new Wait(session.id(), (System.nanoTime() - asked) / 1e6));
        }
      }
    }
  }

  private double p99() {
    return BenchReport.percentile(
        99,
        waits.stream()
            .filter(wait -> !hit.contains(wait.session()))
            .mapToDouble(Wait::millis)
            .toArray());
  }

  private Outcome report(int clients, double before, double meanwhile) {
    double[] seconds = away.stream().mapToDouble(each -> each).toArray();
    double longest =
        back.get() < lost.get() ? LIMIT.toSeconds() : BenchReport.percentile(100, seconds);
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%s: %,d clients, %,d of them lost their session, %,d are back; away p50 %.2f s,"
                + " p99 %.2f s, longest %.2f s",
            name,
            clients,
            lost.get(),
            back.get(),
            BenchReport.percentile(50, seconds),
            BenchReport.percentile(99, seconds),
            longest));
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "a question to one of %d running sessions answered: p99 %.1f ms before, %.1f ms"
                + " meanwhile",
            RUNNING - hit.size(),
            before,
            meanwhile));
    troubles.stream().limit(5).forEach(BenchReport::line);
    if (!troubles.isEmpty()) {
      BenchReport.line(troubles.size() + " troubles");
    }
    return new Outcome(longest, meanwhile / before);
  }
}
