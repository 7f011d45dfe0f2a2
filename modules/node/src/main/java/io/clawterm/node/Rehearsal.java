package io.clawterm.node;

import io.clawterm.api.ClawTerm;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Sessions from their beginning to their end, one after the other: a device connects over TCP,
 * asks, is answered, goes, comes back and closes. The JVM then archives what they loaded and which
 * methods they ran most, and the first devices of a node wait less for both.
 */
final class Rehearsal {

  private static final Duration LENGTH = Duration.ofSeconds(8);
  private static final Duration STEP = Duration.ofMinutes(1);
  private static final String QUESTION = "count to 20 at 1000 per second";

  private Rehearsal() {}

  static void at(ClawTerm.Endpoints node)
      throws IOException, InterruptedException, ExecutionException, TimeoutException {
    InetSocketAddress at = node.tcp().orElseThrow();
    try (ClawTermClient client =
        ClawTermClient.builder()
            .address(ServerAddress.tcp(at.getHostString(), at.getPort()))
            .credential(Files.readString(node.tokenFile().orElseThrow()).strip())
            .device("rehearsal")
            .patience(STEP)
            .build()) {
      long begin = System.nanoTime();
      while (System.nanoTime() - begin < LENGTH.toNanos()) {
        one(client);
      }
    }
  }

  private static void one(ClawTermClient client)
      throws InterruptedException, ExecutionException, TimeoutException {
    ClientSession session =
        done(client.connect(ConnectOptions.target("agent:demo").withEvents(true)));
    var answered = new CompletableFuture<Void>();
    session.onOutput(received -> {
      if (received instanceof Received.Entry entry
          && entry.structured()
          && entry.text().contains("\"run\":\"ended\"")) {
        answered.complete(null);
      }
    });
    done(session.send(QUESTION));
    done(answered);
    done(session.suspend());
    ClientSession again = done(client.resume(session.id()));
    done(again.disconnect());
  }

  private static <T> T done(CompletionStage<T> step)
      throws InterruptedException, ExecutionException, TimeoutException {
    return step.toCompletableFuture().get(STEP.toMillis(), TimeUnit.MILLISECONDS);
  }
}
