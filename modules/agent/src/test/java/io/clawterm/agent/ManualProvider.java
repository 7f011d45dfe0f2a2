package io.clawterm.agent;

import akka.NotUsed;
import akka.stream.BoundedSourceQueue;
import akka.stream.javadsl.Source;
import io.clawterm.model.Continuation;
import io.clawterm.model.ModelChunk;
import io.clawterm.model.ModelException;
import io.clawterm.model.ModelProvider;
import io.clawterm.model.ModelRequest;
import io.clawterm.model.StopReason;
import io.clawterm.model.Usage;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A model whose answers a test gives piece by piece. */
final class ManualProvider implements ModelProvider {

  final Continuation continuation;
  final AtomicInteger asked = new AtomicInteger();
  final AtomicInteger ended = new AtomicInteger();
  private final BlockingQueue<Call> calls = new LinkedBlockingQueue<>();

  ManualProvider(Continuation continuation) {
    this.continuation = continuation;
  }

  /** A request that is being answered. */
  record Call(ModelRequest request, BoundedSourceQueue<ModelChunk> queue) {

    void says(String text) {
      queue.offer(new ModelChunk.TextDelta(text));
    }

    void thinks(String text) {
      queue.offer(new ModelChunk.ThinkingDelta(text));
    }

    void finishes() {
      queue.offer(new ModelChunk.Finished(StopReason.END, new Usage(3, 4)));
    }

    void fails(ModelException.Kind kind) {
      queue.fail(new ModelException(kind, "scripted " + kind, Optional.empty(), null));
    }
  }

  @Override
  public String name() {
    return "manual";
  }

  @Override
  public Continuation continuation() {
    return continuation;
  }

  @Override
  public Source<ModelChunk, NotUsed> stream(ModelRequest request) {
    return Source.<ModelChunk>queue(10_000)
        .mapMaterializedValue(queue -> {
          asked.incrementAndGet();
          calls.add(new Call(request, queue));
          return NotUsed.getInstance();
        })
        // By itself: whoever has got the last chunk may be gone before the queue could be
        // completed.
        .takeWhile(chunk -> !(chunk instanceof ModelChunk.Finished), true)
        .watchTermination((used, end) -> {
          end.whenComplete((done, failure) -> ended.incrementAndGet());
          return used;
        });
  }

  /** The next request; it must come. */
  Call call() {
    try {
      Call call = calls.poll(10, TimeUnit.SECONDS);
      if (call == null) {
        throw new AssertionError("the model was not asked for 10 s");
      }
      return call;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
