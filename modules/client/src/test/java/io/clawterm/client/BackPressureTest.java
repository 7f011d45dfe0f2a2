package io.clawterm.client;

import static io.clawterm.client.TestClients.clientOf;
import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class BackPressureTest {
  private static final int ENTRIES = 400;
  private static final int ENTRY_BYTES = 50_000;

  @Test
  void aSlowConsumerStopsAServerThatObeysTheWindow() throws Exception {
    try (var server = ScriptedServer.tcp().obeyingWindow()) {
      long sent = stalledAt(server);

      assertThat(sent * ENTRY_BYTES).isLessThanOrEqualTo(256 * 1024);
    }
  }

  @Test
  void aSlowConsumerStopsReadingFromAServerThatKnowsNoWindow() throws Exception {
    try (var server = ScriptedServer.tcp()) {
      long sent = stalledAt(server);

      // The rest waits in the buffers of the two sockets, which the kernel bounds.
      assertThat(sent).isLessThan(ENTRIES);
    }
  }

  /** How many entries a server gets rid of before somebody asks for them. */
  private static long stalledAt(ScriptedServer server) throws Exception {
    List<Received> received = new CopyOnWriteArrayList<>();
    AtomicReference<Flow.Subscription> subscription = new AtomicReference<>();
    try (ClawTermClient client = clientOf(server).build()) {
      ClientSession session = resultOf(client.connect(ConnectOptions.defaults()));
      session.output().subscribe(new OnDemand(subscription, received));
      byte[] entry = new byte[ENTRY_BYTES];
      for (int i = 0; i < ENTRIES; i++) {
        server.emit(session.id().value(), entry, 0);
      }
      ScriptedServer.Attachment attachment = server.attachments().getFirst();
      long[] last = {-1};
      eventually()
          .pollInterval(java.time.Duration.ofMillis(300))
          .until(() -> {
            boolean still = attachment.sentOutput() > 0 && attachment.sentOutput() == last[0];
            last[0] = attachment.sentOutput();
            return still;
          });
      long stalled = attachment.sentOutput();
      assertThat(received).isEmpty();

      subscription.get().request(Long.MAX_VALUE);

      eventually().until(() -> received.size() == ENTRIES);
      eventually().until(() -> attachment.acknowledgedOutput() == ENTRIES);
      assertThat(server.violations()).isEmpty();
      assertThat(server.connectionCount()).isEqualTo(1);
      return stalled;
    }
  }

  private record OnDemand(AtomicReference<Flow.Subscription> subscription, List<Received> received)
      implements Flow.Subscriber<Received> {
    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription.set(given);
    }

    @Override
    public void onNext(Received item) {
      received.add(item);
    }

    @Override
    public void onError(Throwable failure) {
      throw new AssertionError(failure);
    }

    @Override
    public void onComplete() {}
  }
}
