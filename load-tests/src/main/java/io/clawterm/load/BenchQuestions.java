package io.clawterm.load;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClientSession;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * Somebody who asks running sessions in turn, in a process of its own, so that what thousands of
 * clients cost theirs is not in the times. A time is from the input to the end of the answer, as
 * the client sees them; a session whose own node was lost does not count.
 *
 * <p>Arguments: the credential, the number of sessions, and addresses. It prints {@code ready};
 * then commands come as lines, each is answered by one: {@code begin} forgets what was, {@code
 * report} tells the p99 in milliseconds (a question without an answer counts as long as it has
 * waited so far), how many were answered, how many are not, and how many sessions have lost their
 * node.
 */
final class BenchQuestions {

  private static final int A_SECOND = 30;
  private static final int MAX_TRIES = 10;

  private final Crowd crowd;
  private final List<Asked> sessions;
  private final ConcurrentLinkedQueue<Wait> waits = new ConcurrentLinkedQueue<>();

  private record Wait(SessionId session, double millis) {}

  private BenchQuestions(Crowd crowd, int count) throws InterruptedException {
    this.crowd = crowd;
    List<ClientSession> opened = new ArrayList<>();
    // A node that has just started may have kept some waiting.
    for (int tries = 0; opened.size() < count; tries++) {
      if (tries == MAX_TRIES) {
        throw new IllegalStateException(
            opened.size() + " of " + count + " sessions could be opened");
      }
      opened.addAll(crowd.open(count - opened.size()));
    }
    this.sessions = opened.stream().map(Asked::new).toList();
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    List<ServerAddress> doors = Stream.of(args).skip(2).map(ServerAddress::parse).toList();
    try (var crowd = new Crowd(doors, args[0])) {
      var questions = new BenchQuestions(crowd, Integer.parseInt(args[1]));
      Thread.ofPlatform().daemon().name("asking").start(questions::ask);
      BenchReport.line("ready");
      var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        BenchReport.line(questions.run(line));
      }
    }
  }

  private String run(String command) {
    return switch (command) {
      case "begin" -> {
        crowd.begin();
        waits.clear();
        yield "begun";
      }
      case "report" -> report();
      default -> throw new IllegalArgumentException("unknown command: " + command);
    };
  }

  private String report() {
    Set<SessionId> hit = crowd.hit();
    long now = System.nanoTime();
    double[] answered =
        waits.stream()
            .filter(wait -> !hit.contains(wait.session()))
            .mapToDouble(Wait::millis)
            .toArray();
    double[] open =
        sessions.stream()
            .filter(asked -> !hit.contains(asked.session.id()))
            .flatMap(asked -> asked.askedAt.stream())
            .mapToDouble(asked -> (now - asked) / 1e6)
            .toArray();
    double p99 =
        BenchReport.percentile(
            99, DoubleStream.concat(DoubleStream.of(answered), DoubleStream.of(open)).toArray());
    return String.format(
        Locale.ROOT, "%.1f %d %d %d", p99, answered.length, open.length, hit.size());
  }

  private void ask() {
    try {
      for (int i = 0; ; i++) {
        sessions.get(i % sessions.size()).ask();
        TimeUnit.MILLISECONDS.sleep(1_000 / A_SECOND);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Asked {
    private final ClientSession session;
    private final Queue<Long> askedAt = new ConcurrentLinkedQueue<>();

    Asked(ClientSession session) {
      this.session = session;
      session.onOutput(this::heard);
    }

    void ask() {
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
}
