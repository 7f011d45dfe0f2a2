package io.clawterm.client;

import io.clawterm.api.SessionId;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A session with a program or a pod without a terminal: bytes in, bytes out, everything else to a
 * second stream. The client must have this as its listener, and ask for structured entries, so that
 * notices can be told from what the program has written.
 */
public final class PipedProgram implements SessionListener {

  /** How a terminal is told that no input follows: once at the start of a line, else twice. */
  private static final byte END_OF_INPUT = 0x04;

  /** A pod does not say that it has done; silent for this long after the input it is taken for. */
  private static final Duration SILENCE = Duration.ofSeconds(2);

  private final OutputStream out;
  private final Screen asides;

  /** What the program writes goes to {@code out}, notices and the connection's state elsewhere. */
  public PipedProgram(OutputStream out, PrintWriter asides) {
    this.out = out;
    this.asides = Screen.pipes(asides, asides);
  }

  @Override
  public void changed(SessionId session, ConnectionEvent event) {
    asides.connectionEvents().accept(event);
  }

  /**
   * Passes everything on until the session ends. After the end of the input a program on a terminal
   * is told so and waited for; a pod is left once it is silent.
   */
  public Ending run(ClientSession session, InputStream input) throws InterruptedException {
    var output = new Output();
    session.output().subscribe(output);
    boolean pod = session.target().orElse("").startsWith("pod:");
    var sent = new CompletableFuture<Void>();
    session.whenEnded(() -> sent.complete(null));
    Thread.ofPlatform()
        .name("clawterm-input")
        .daemon()
        .start(() -> {
          try {
            var unused =
                pass(session, input, pod).whenComplete((done, failure) -> sent.complete(null));
          } catch (IOException e) {
            asides.error("no more input: " + e.getMessage());
            sent.complete(null);
          }
        });
    if (pod) {
      awaitSilence(session, sent, output);
    }
    output.ended.await();
    Ending ending = session.endedFuture().join();
    if (ending instanceof Ending.Failed(ClientException cause)) {
      asides.error(PlainText.of(String.valueOf(cause.getMessage())));
    }
    return ending;
  }

  /** The stage is complete when the server has all of it. */
  private static CompletionStage<Long> pass(ClientSession session, InputStream input, boolean pod)
      throws IOException {
    byte[] buffer = new byte[16 * 1024];
    byte last = '\n';
    CompletionStage<Long> stage = CompletableFuture.completedFuture(0L);
    for (int count = input.read(buffer); count >= 0; count = input.read(buffer)) {
      if (count > 0) {
        stage = session.send(Arrays.copyOf(buffer, count));
        last = buffer[count - 1];
      }
    }
    if (pod) {
      return stage;
    }
    return session.send(
        last == '\n' ? new byte[] {END_OF_INPUT} : new byte[] {END_OF_INPUT, END_OF_INPUT});
  }

  private static void awaitSilence(
      ClientSession session, CompletableFuture<Void> sent, Output output)
      throws InterruptedException {
    sent.join();
    long since = System.nanoTime();
    while (!output.hasEnded()) {
      long silent = System.nanoTime() - Math.max(since, output.heardAt);
      if (silent >= SILENCE.toNanos()) {
        session.suspend();
        return;
      }
      output.awaitEnd(Duration.ofNanos(SILENCE.toNanos() - silent));
    }
  }

  private final class Output implements Flow.Subscriber<Received> {
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile long heardAt = System.nanoTime();

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Received received) {
      heardAt = System.nanoTime();
      switch (received) {
        case Received.Entry entry when !entry.structured() -> write(entry.bytes());
        case Received.Entry entry -> new AgentView(asides, "", 0).accept(entry);
        case Received.Gap gap ->
            asides.dim(
                "— output %d to %d is not here any more —"
                    .formatted(gap.firstMissing(), gap.lastMissing()));
      }
    }

    boolean hasEnded() {
      return ended.getCount() == 0;
    }

    void awaitEnd(Duration limit) throws InterruptedException {
      var unused = ended.await(limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void write(byte[] bytes) {
      try {
        out.write(bytes);
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException("nobody reads the output any more", e);
      }
    }

    @Override
    public void onError(@Nullable Throwable failure) {
      ended.countDown(); // endedFuture() tells why
    }

    @Override
    public void onComplete() {
      ended.countDown();
    }
  }
}
