package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClientSession;
import io.clawterm.client.Received;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * The first of some nodes is killed: how long its clients are away, and how long questions to
 * sessions on the others wait for their answers before and meanwhile. Of these only those count
 * whose session was not on the first node itself.
 */
final class Storm {

  private static final int RUNNING = 30;
  private static final int INPUTS_A_SECOND = 30;
  private static final Duration WARM_UP = Duration.ofSeconds(5);
  private static final Duration BEFORE = Duration.ofSeconds(15);
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private final BenchCluster cluster;
  private final String name;
  private final ConcurrentLinkedQueue<Wait> waits = new ConcurrentLinkedQueue<>();

  private record Wait(SessionId session, double millis) {}

  /**
   * What it came to.
   *
   * @param longestSeconds how long the last client was away
   * @param ratio the p99 of a question meanwhile, by that before
   */
  record Outcome(double longestSeconds, double ratio) {}

  Storm(BenchCluster cluster, String name) {
    this.cluster = cluster;
    this.name = name;
  }

  /** Opens so many clients, kills, waits until they are back, and reports. */
  Outcome run(int count) throws IOException, InterruptedException {
    List<NodeProcess> nodes = cluster.nodes();
    List<NodeProcess> staying = nodes.subList(1, nodes.size());
    try (Crowd others = new Crowd(BenchCluster.doors(staying), cluster.token());
        Crowd many = new Crowd(BenchCluster.doors(nodes), cluster.token())) {
      List<Typed> running = others.open(RUNNING).stream().map(Typed::new).toList();
      int clients = many.open(count).size();
      type(running, WARM_UP);
      waits.clear();
      type(running, BEFORE);
      double before = p99(Set.of());
      waits.clear();
      many.begin();
      others.begin();
      long killed = System.nanoTime();
      nodes.getFirst().kill();
      while ((many.hit().size() < clients || many.missing() > 0)
          && System.nanoTime() - killed < LIMIT.toNanos()) {
        type(running, Duration.ofSeconds(1));
      }
      double[] away = many.report(name + ", %,d clients".formatted(clients));
      double longest = many.missing() > 0 ? LIMIT.toSeconds() : BenchReport.percentile(100, away);
      others.report("running sessions");
      Set<SessionId> hit = others.hit();
      double meanwhile = p99(hit);
      BenchReport.line(
          String.format(
              Locale.ROOT,
              "a question to one of %d running sessions answered: p99 %.1f ms before, %.1f ms"
                  + " meanwhile",
              running.size() - hit.size(),
              before,
              meanwhile));
      return new Outcome(longest, meanwhile / before);
    }
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

  private double p99(Set<SessionId> hit) {
    return BenchReport.percentile(
        99,
        waits.stream()
            .filter(wait -> !hit.contains(wait.session()))
            .mapToDouble(Wait::millis)
            .toArray());
  }
}
