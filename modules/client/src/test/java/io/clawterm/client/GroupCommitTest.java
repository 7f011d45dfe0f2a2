package io.clawterm.client;

import static io.clawterm.client.TestClients.eventually;
import static io.clawterm.client.TestClients.resultOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.clawterm.api.SessionId;
import io.clawterm.client.StoredSession.Owner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Input is stored before it is sent, and what comes while one is stored is stored at once. */
class GroupCommitTest {
  private static final int KEYS = 500;

  @TempDir private Path folder;

  @Test
  void whatIsTypedWhileTheDiskIsBusyIsStoredAllAtOnce() throws Exception {
    var store = new SlowStore();
    try (var server = ScriptedServer.unix(folder.resolve("s"));
        var scheduler = Executors.newSingleThreadScheduledExecutor()) {
      SessionDriver driver =
          SessionDriver.connecting(
              settings(server),
              new Links(Duration.ofSeconds(5), Optional.empty(), Optional.empty(), false),
              store,
              scheduler,
              Runnable::run,
              ConnectOptions.target("pty:cat"));
      driver.start(() -> {});
      resultOf(driver.attached());
      try (var session = new ClientSession(driver)) {
        List<CompletionStage<Long>> keys = new ArrayList<>();
        keys.add(session.send("x"));
        eventually().until(() -> store.saves.get() == 1);
        for (int i = 0; i < KEYS; i++) {
          keys.add(session.send("x"));
        }
        assertThat(server.inputs(session.id().value())).isEmpty();

        store.disk.countDown();

        for (CompletionStage<Long> key : keys) {
          resultOf(key);
        }
        assertThat(server.inputs(session.id().value())).hasSize(KEYS + 1);
        assertThat(store.saves).hasValue(2);
      }
    }
  }

  private static ClientSettings settings(ScriptedServer server) {
    return new ClientSettings(
        List.of(server.address()),
        Optional::empty,
        "test",
        (session, event) -> {},
        Duration.ofMillis(1),
        Duration.ofMillis(20),
        Duration.ofSeconds(10),
        Optional.empty(),
        Duration.ofSeconds(10),
        ClientSettings.MIN_WINDOW_BYTES,
        2 * KEYS,
        1 << 20);
  }

  /** Keeps sessions in memory, with a disk that takes nothing before it is told to. */
  private static final class SlowStore implements SessionStore {
    private final SessionStore memory = new MemoryStore(Owner.ofThisProcess("test"));
    private final CountDownLatch disk = new CountDownLatch(1);
    private final AtomicInteger saves = new AtomicInteger();

    @Override
    public boolean save(StoredSession session) {
      saves.incrementAndGet();
      awaitDisk();
      return memory.save(session);
    }

    private void awaitDisk() {
      try {
        disk.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public List<StoredSession> all() {
      return memory.all();
    }

    @Override
    public StoredSession claim(ServerAddress address, SessionId session, String device) {
      return memory.claim(address, session, device);
    }

    @Override
    public Optional<StoredSession> leftBehind(
        ServerAddress address, SessionId session, String device) {
      return memory.leftBehind(address, session, device);
    }

    @Override
    public void take(StoredSession session) {
      memory.take(session);
    }

    @Override
    public void release(StoredSession session) {
      memory.release(session);
    }

    @Override
    public void remove(ServerAddress address, SessionId session) {
      memory.remove(address, session);
    }

    @Override
    public void close() {
      memory.close();
    }
  }
}
