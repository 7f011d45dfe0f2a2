package io.clawterm.client;

import io.clawterm.client.StoredSession.Owner;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;

/** Keeps sessions as long as the process lives. */
final class MemoryStore extends DocumentStore {
  private final AtomicReference<StoredSessions> document =
      new AtomicReference<>(StoredSessions.none());

  MemoryStore(Owner me) {
    super(me);
  }

  @Override
  StoredSessions read() {
    return document.get();
  }

  @Override
  void update(UnaryOperator<StoredSessions> step) {
    document.updateAndGet(step);
  }

  @Override
  public void close() {}
}
