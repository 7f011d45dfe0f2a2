package io.clawterm.client;

import io.clawterm.api.SessionId;
import io.clawterm.protocol.Flags;
import io.clawterm.protocol.Mode;
import io.clawterm.protocol.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A session as this device has it: input and output, each exactly once and in order, over any
 * number of connections. All methods may be called by any thread.
 */
public final class ClientSession implements AutoCloseable {
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

  private final SessionDriver driver;

  ClientSession(SessionDriver driver) {
    this.driver = driver;
  }

  /** The session's id. */
  public SessionId id() {
    return driver.session().id();
  }

  /** The key under which other devices can join it, where it has one. */
  public Optional<String> key() {
    return driver.session().key();
  }

  /** What was asked for when it was opened; absent: the server's default. */
  public Optional<String> target() {
    return driver.session().target();
  }

  /** The name of this device. */
  public String device() {
    return driver.session().device();
  }

  /** Whether all that it sends would be refused. */
  boolean watches() {
    return driver.session().mode() == Mode.WATCH;
  }

  /** Whether output up to {@link #joinedAt()} was missed and comes now. */
  boolean joinedBehind() {
    return driver.session().joinedBehind();
  }

  /** The newest output number when this process attached; 0 where the server didn't tell. */
  public long joinedAt() {
    return driver.session().joinedAt();
  }

  /**
   * Sends plain text: for an agent one message a line, where the line's end may be left out after
   * the last one.
   *
   * @return its number, once the server has it in its journal; failed with a {@link
   *     ClientException} where the session ends before. Then nobody knows: with a token file a
   *     later resume sends it again, under the same number, and it is applied once. With {@link
   *     ClientException.Watching} at once where this device only watches
   */
  public CompletionStage<Long> send(String text) {
    return send(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Sends plain bytes; as {@link #send(String)}. The caller waits while the window of
   * unacknowledged input is full, also while there is no connection; inside of a subscriber's
   * method the stage fails with {@link ClientException.WindowFull} instead.
   */
  public CompletionStage<Long> send(byte[] bytes) {
    return driver.send(bytes, 0);
  }

  /** Sends a structured entry, one JSON object with a {@code type}; as {@link #send(byte[])}. */
  public CompletionStage<Long> sendJson(String object) {
    return driver.send(object.getBytes(StandardCharsets.UTF_8), Flags.EVENT);
  }

  /** Tells a program on a terminal that this device's terminal has another size now. */
  public void resize(int columns, int rows) {
    driver.resize(new TerminalSize(columns, rows));
  }

  /**
   * The output, for one subscriber at a time; a later one goes on where a cancelled one has
   * stopped. What has been handed out counts as handled once {@code onNext} has returned: then it
   * is acknowledged, and soon (within a second) noted in the token file. Who asks for no more holds
   * up the server. Completes when the session is suspended, closed or let go of, else fails with
   * the {@link ClientException}.
   */
  public Flow.Publisher<Received> output() {
    return driver.output();
  }

  /** Calls this with each piece of output, in order, by one thread; it may take its time. */
  public void onOutput(Consumer<Received> consumer) {
    driver.output().subscribe(new ConsumingSubscriber(consumer));
  }

  /**
   * Lets go of the session, which stays warm: completed once all that was sent is durable. Takes at
   * most 10 s, then it is {@link Ending.Left}.
   */
  public CompletionStage<Ending> suspend() {
    return driver.suspend().minimalCompletionStage();
  }

  /** Ends the session for good, on all devices; at most 10 s, as with {@link #suspend}. */
  public CompletionStage<Ending> disconnect() {
    return driver.disconnect().minimalCompletionStage();
  }

  /** How it ended, once it has. */
  public CompletionStage<Ending> ended() {
    return driver.ended().minimalCompletionStage();
  }

  /**
   * Lets go of the connection without a word, as if it were lost; the session lives on. Waits at
   * most 5 s for what is under way.
   */
  @Override
  public void close() {
    driver.leave();
    driver.awaitEnd(CLOSE_LIMIT);
  }

  CompletableFuture<Ending> endedFuture() {
    return driver.ended();
  }

  void whenEnded(Runnable task) {
    // Nothing follows that stage, and the task doesn't throw.
    var unused = driver.ended().thenRun(task);
  }

  private record ConsumingSubscriber(Consumer<Received> consumer)
      implements Flow.Subscriber<Received> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Received item) {
      consumer.accept(item);
    }

    @Override
    public void onError(@Nullable Throwable failure) {
      // The stage ended() tells it.
    }

    @Override
    public void onComplete() {
      // The stage ended() tells it.
    }
  }
}
