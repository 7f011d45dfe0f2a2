package io.clawterm.client;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Output between the connection and the application: bounded, with one subscriber at a time. An
 * entry counts as handled once the subscriber's {@code onNext} has returned; until then it occupies
 * its room, and where there is none the connection isn't read.
 */
final class OutputQueue implements Flow.Publisher<Received> {
  private static final Logger LOG = LoggerFactory.getLogger(OutputQueue.class);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final Condition work = lock.newCondition();
  private final ArrayDeque<Received> queue = new ArrayDeque<>();
  private final long maxBytes;
  private final Runnable onHandled;

  private long bytes;
  private long handled;
  private long handledBytes;
  private boolean complete;
  private boolean stopped;
  private @Nullable ClientException failure;
  private @Nullable Delivery delivery;

  OutputQueue(long maxBytes, Runnable onHandled) {
    this.maxBytes = maxBytes;
    this.onHandled = onHandled;
  }

  /** The number after which output begins. */
  void startAfter(long number) {
    lock.lock();
    try {
      handled = number;
    } finally {
      lock.unlock();
    }
  }

  /** The highest number that the application has handled. */
  long handled() {
    lock.lock();
    try {
      return handled;
    } finally {
      lock.unlock();
    }
  }

  /** The payload bytes that the application has handled so far. */
  long handledBytes() {
    lock.lock();
    try {
      return handledBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Adds an entry, after waiting for room; drops it where nobody will have it any more. */
  void put(Received next) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (bytes >= maxBytes && !stopped) {
        room.await();
      }
      if (!stopped) {
        queue.addLast(next);
        bytes += sizeOf(next);
        work.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether {@link #put} would wait. */
  boolean isFull() {
    lock.lock();
    try {
      return bytes >= maxBytes && !stopped;
    } finally {
      lock.unlock();
    }
  }

  /** No more will come; what is here is still delivered, then the failure if there is one. */
  void complete(@Nullable ClientException because) {
    lock.lock();
    try {
      complete = true;
      failure = because;
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more is delivered, not even what is here. */
  void stop() {
    lock.lock();
    try {
      stopped = true;
      room.signalAll();
      work.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all is delivered, or nobody asks for more, or the time is over. */
  void awaitDelivered(Duration limit) {
    lock.lock();
    try {
      long left = limit.toNanos();
      while (left > 0 && !stopped && !queue.isEmpty() && delivery != null && delivery.demand > 0) {
        left = room.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the caller is inside a subscriber's method. */
  boolean isDelivering() {
    lock.lock();
    try {
      return delivery != null && Thread.currentThread().equals(delivery.thread);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void subscribe(Flow.Subscriber<? super Received> subscriber) {
    var next = new Delivery(subscriber);
    lock.lock();
    try {
      if (delivery == null) {
        delivery = next;
      } else {
        next.refused = new IllegalStateException("the output has a subscriber already");
      }
      next.thread = Thread.ofVirtual().name("clawterm-output").start(next::run);
    } finally {
      lock.unlock();
    }
  }

  private static long sizeOf(Received received) {
    return switch (received) {
      case Received.Entry entry -> entry.frame().payloadLength();
      case Received.Gap gap -> 0;
    };
  }

  private static long lastOf(Received received) {
    return switch (received) {
      case Received.Entry entry -> entry.number();
      case Received.Gap gap -> gap.lastMissing();
    };
  }

  /** One subscriber and its thread. */
  private final class Delivery implements Flow.Subscription {
    private final Flow.Subscriber<? super Received> subscriber;
    private @Nullable Thread thread;
    private @Nullable RuntimeException refused;
    private long demand;
    private boolean cancelled;

    Delivery(Flow.Subscriber<? super Received> subscriber) {
      this.subscriber = subscriber;
    }

    @Override
    public void request(long count) {
      lock.lock();
      try {
        if (count <= 0) {
          refused = new IllegalArgumentException("request of " + count + ", expected above 0");
        } else {
          demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
        }
        work.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        cancelled = true;
        work.signalAll();
      } finally {
        lock.unlock();
      }
    }

    private void run() {
      try {
        subscriber.onSubscribe(this);
        Received next = next();
        while (next != null) {
          subscriber.onNext(next);
          handled(next);
          next = next();
        }
        end();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (RuntimeException e) {
        // What it didn't handle stays in the queue, for a later subscriber or a later process.
        LOG.atError().setCause(e).log("a subscriber of a session's output failed");
      } finally {
        detach();
      }
    }

    /** The next entry, still in the queue; null at the end. */
    private @Nullable Received next() throws InterruptedException {
      lock.lockInterruptibly();
      try {
        while (!cancelled && refused == null && !stopped) {
          Received first = queue.peekFirst();
          if (first == null && complete) {
            return null;
          }
          if (first != null && demand > 0) {
            demand -= demand == Long.MAX_VALUE ? 0 : 1;
            return first;
          }
          work.await();
        }
        return null;
      } finally {
        lock.unlock();
      }
    }

    private void handled(Received done) {
      lock.lock();
      try {
        queue.removeFirst();
        bytes -= sizeOf(done);
        handledBytes += sizeOf(done);
        handled = lastOf(done);
        room.signalAll();
      } finally {
        lock.unlock();
      }
      onHandled.run();
    }

    private void end() {
      RuntimeException problem;
      lock.lock();
      try {
        if (cancelled) {
          return;
        }
        problem = refused != null ? refused : failure;
      } finally {
        lock.unlock();
      }
      if (problem == null) {
        subscriber.onComplete();
      } else {
        subscriber.onError(problem);
      }
    }

    private void detach() {
      lock.lock();
      try {
        if (delivery == this) {
          delivery = null;
        }
        room.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }
}
