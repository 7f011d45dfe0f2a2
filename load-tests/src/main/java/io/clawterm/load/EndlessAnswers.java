package io.clawterm.load;

import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ServerAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Sessions in which an answer never ends, and for how long each stands still meanwhile. */
final class EndlessAnswers implements AutoCloseable {

  private static final int WAIT_SECONDS = 60;

  /** Ten pieces a second: less is no pause that anybody would see. */
  private static final double PAUSE_SECONDS = 0.25;

  private static final String QUESTION = "count to 1000000 at 10 per second";

  private final ClawTermClient client;
  private final List<Pauses> all = new ArrayList<>();

  /** Nobody yet; who comes knows these doors. */
  EndlessAnswers(List<ServerAddress> doors, String token) {
    this.client =
        ClawTermClient.builder().addresses(doors).credential(token).device("running").build();
  }

  /** How long nothing has come in one session. */
  private static final class Pauses {
    private final AtomicLong heard = new AtomicLong(System.nanoTime());
    private final AtomicLong longest = new AtomicLong();

    void heard() {
      long now = System.nanoTime();
      long pause = now - heard.getAndSet(now);
      longest.accumulateAndGet(pause, Math::max);
    }

    double longestSeconds() {
      return Math.max(longest.get(), System.nanoTime() - heard.get()) / 1e9;
    }
  }

  /** Opens so many, one after the other. */
  void open(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      ClientSession session =
          client
              .connect(ConnectOptions.target("agent:demo"))
              .toCompletableFuture()
              .get(WAIT_SECONDS, TimeUnit.SECONDS);
      var pauses = new Pauses();
      session.onOutput(received -> pauses.heard());
      session.send(QUESTION).toCompletableFuture().get(WAIT_SECONDS, TimeUnit.SECONDS);
      all.add(pauses);
    }
  }

  /** From now on pauses count. */
  void begin() {
    all.forEach(pauses -> pauses.longest.set(0));
  }

  /** Whether something comes in each. */
  boolean areAllRunning() {
    long since = System.nanoTime() - (long) (PAUSE_SECONDS * 1e9);
    return all.stream().allMatch(pauses -> pauses.heard.get() - since > 0);
  }

  /** The longest pause of each session that has had one, in seconds. */
  double[] pauses() {
    return all.stream()
        .mapToDouble(Pauses::longestSeconds)
        .filter(seconds -> seconds > PAUSE_SECONDS)
        .toArray();
  }

  @Override
  public void close() {
    client.close();
  }
}
