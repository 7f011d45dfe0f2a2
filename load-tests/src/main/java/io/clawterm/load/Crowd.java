package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.ServerAddress;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;

/** Many clients, and how long each is without its session. */
final class Crowd implements AutoCloseable {

  private static final int OPENED_AT_ONCE = 50;

  private final ClawTermClient client;
  private final Map<SessionId, Long> missing = new ConcurrentHashMap<>();
  private final Set<SessionId> hit = ConcurrentHashMap.newKeySet();
  private final ConcurrentLinkedQueue<Double> absences = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<String> troubles = new ConcurrentLinkedQueue<>();

  /** Nobody yet; who comes knows these doors. */
  Crowd(List<ServerAddress> doors, String token) {
    this.client =
        ClawTermClient.builder()
            .addresses(doors)
            .credential(token)
            .device("bench")
            .listener(this::heard)
            .build();
  }

  private void heard(SessionId session, ConnectionEvent event) {
    switch (event) {
      case ConnectionEvent.Lost lost -> {
        hit.add(session);
        missing.putIfAbsent(session, System.nanoTime());
      }
      case ConnectionEvent.Resumed resumed -> {
        Long since = missing.remove(session);
        if (since != null) {
          absences.add((System.nanoTime() - since) / 1e9);
        }
      }
      case ConnectionEvent.Opened opened -> {}
      case ConnectionEvent.Over over -> troubles.add("a client was ended: " + over.ending());
    }
  }

  /** Opens so many sessions, some of them at a time. */
  List<ClientSession> open(int count) throws InterruptedException {
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

  /** Those who have been without their session. */
  Set<SessionId> hit() {
    return Set.copyOf(hit);
  }

  /** How many are without their session just now. */
  int missing() {
    return missing.size();
  }

  /** From now on it counts who is without its session. */
  void begin() {
    hit.clear();
    absences.clear();
  }

  /** The absences since the beginning, in seconds; reports them, and what went wrong. */
  double[] report(String what) {
    double[] seconds = absences.stream().mapToDouble(each -> each).toArray();
    BenchReport.line(
        String.format(
            Locale.ROOT,
            "%s: %,d absences, %,d still away; p50 %.3f s, p99 %.3f s, longest %.3f s",
            what,
            seconds.length,
            missing.size(),
            BenchReport.percentile(50, seconds),
            BenchReport.percentile(99, seconds),
            BenchReport.percentile(100, seconds)));
    troubles.stream().limit(5).forEach(BenchReport::line);
    if (!troubles.isEmpty()) {
      BenchReport.line(troubles.size() + " troubles");
      troubles.clear();
    }
    return seconds;
  }

  @Override
  public void close() {
    client.close();
  }
}
