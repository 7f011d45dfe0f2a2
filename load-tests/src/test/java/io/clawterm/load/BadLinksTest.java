package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import io.clawterm.protocol.Mode;
import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.Fault;
import io.clawterm.testkit.FaultProxy;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.HistoryChecker.Verdict;
import io.clawterm.testkit.Seeds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Devices whose way to a whole node is bad: slow and reset (R20), gone without a word (R21), or far
 * too narrow for what is to be shown (R22). As the fault tests ask with {@code -Pfaults}, less of
 * the first two with the build.
 */
class BadLinksTest {

  private static final boolean LONG = Boolean.getBoolean("cluster.long");
  private static final Duration READY = Duration.ofMinutes(2);
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final int LINES = 1_024;
  private static final int TIMES = 4;
  private static final byte[] LINE = ("x".repeat(8 << 10) + "\n").getBytes(StandardCharsets.UTF_8);

  @TempDir private Path folder;

  private NodeProcess node;
  private FaultProxy way;

  @BeforeEach
  void startNode() throws IOException {
    node = NodeProcess.on(folder.resolve("node"), new Random(Seeds.ofRun()), false, List.of());
    node.start();
    assertThat(node.awaitReady(READY)).as(node.lastWords()).isTrue();
    way = FaultProxy.to(node.port());
  }

  @AfterEach
  void stopNode() throws IOException {
    way.close();
    node.close();
  }

  private ServerAddress door() {
    return ServerAddress.tcp("127.0.0.1", way.port());
  }

  /** Each piece takes 200 to 400 ms; again and again all connections are reset. */
  @Test
  void nothingIsLostOnLinksThatAreSlowAndReset() throws Exception {
    int reconnects = LONG ? 10_000 : 100;
    int devices = LONG ? 200 : 10;
    var random = new Random(Seeds.ofRun());
    try (var swarm = new Swarm()) {
      for (int number = 1; number <= devices; number++) {
        Scenario scenario = Scenario.demo(number, 20, 20);
        var device =
            new Device(
                scenario,
                scenario.key() + "-sender",
                Device.Role.SENDER,
                View.STRUCTURED,
                Way.plain(Way.Transport.TCP, door()),
                node.token(),
                folder);
        swarm.add(device);
        swarm.start(device, random.nextLong(500, 1_000));
      }
      await().atMost(LIMIT).until(() -> swarm.devices().stream().allMatch(Device::isAttached));
      way.slow(Duration.ofMillis(200), Duration.ofMillis(400));
      while (resumes(swarm) < reconnects) {
        long before = resumes(swarm);
        way.resetAll();
        await().atMost(LIMIT).until(() -> resumes(swarm) >= before + devices);
      }
      way.flow();
      swarm.settle();
      Verdict verdict = swarm.judge(List.of());

      System.out.printf(
          "bad links: %d devices, %,d resumes, %,d inputs acknowledged, %,d entries checked, %d"
              + " violations%n",
          devices,
          resumes(swarm),
          verdict.acknowledged(),
          verdict.entries(),
          swarm.violations().size());
      assertThat(swarm.violations()).isEmpty();
      assertThat(verdict.acknowledged()).isGreaterThan(devices);
    }
  }

  private static long resumes(Swarm swarm) {
    return swarm.devices().stream().mapToLong(Device::resumes).sum();
  }

  /** Their machines are gone: nobody ends the connections, and nobody answers. */
  @Test
  void whoIsGoneWithoutAWordIsLetGo() throws Exception {
    int clients = LONG ? 1_000 : 200;
    long filesBefore = node.openFiles();
    var crowd = new Crowd(List.of(door()), node.token());
    try (crowd) {
      assertThat(crowd.open(clients)).hasSize(clients);
      assertThat(node.openFiles()).isGreaterThanOrEqualTo(filesBefore + clients);
      way.vanish();
    }
    long gone = System.nanoTime();

    // 2.5 keepalive intervals of 30 s, and the time in which a busy machine closes them.
    await()
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> node.openFiles() < filesBefore + clients / 10);
    System.out.printf(
        "half-open: %,d attached clients vanished; let go after %d s; open files %d, then %d%n",
        clients,
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - gone),
        filesBefore,
        node.openFiles());
  }

  /** 32 MiB are shown at once to somebody who takes 1,000 bytes a second, and to others. */
  @Test
  void whoReadsSlowlyHoldsUpNobodyAndCostsNoMemory() throws Exception {
    way.always(new Fault.RateLimit(Fault.Direction.TO_CLIENT, 1_000));
    try (EchoPod pod =
            EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), Seeds.ofRun());
        ClawTermClient writer = client("writer", node.tcp());
        ClawTermClient slow = client("slow", door())) {
      ClientSession writing = writer.connect(options(Mode.SHARE)).toCompletableFuture().join();
      var seen = new Seen();
      writing.onOutput(seen);
      long alone = stream(writing, seen);
      long aliveAlone = node.liveBytes();

      ClientSession slowly = slow.connect(options(Mode.WATCH)).toCompletableFuture().join();
      var seenSlowly = new Seen();
      slowly.onOutput(seenSlowly);
      long together = 0;
      for (int i = 0; i < TIMES; i++) {
        together += stream(writing, seen);
      }
      long slowBytes = seenSlowly.bytes.get();
      long more = node.liveBytes() - aliveAlone;

      // On a link that is wide again it goes on where it was, and misses nothing.
      way.always();
      way.resetAll();
      await().atMost(LIMIT).until(() -> seenSlowly.last.get() == seen.last.get());

      System.out.printf(
          "slow reader: %,d bytes shown within %d ms, with it within %d ms and %,d to it; %,d bytes"
              + " more alive in the node%n",
          (long) LINES * LINE.length, alone, together / TIMES, slowBytes, more);
      assertThat(seen.holes.get() + seenSlowly.holes.get()).isZero();
      assertThat(slowBytes).isLessThan((long) LINES * LINE.length / 4);
      // Not what it has not read: what is alive varies by ten or so MiB from one time to the next.
      assertThat(more).isLessThan((long) TIMES * LINES * LINE.length / 2);
      assertThat(pod.complaints()).isEmpty();
    }
  }

  /** Lets the pod show all lines; the milliseconds until the writer has seen them. */
  private static long stream(ClientSession writing, Seen seen) throws Exception {
    long begin = System.nanoTime();
    long before = seen.bytes.get();
    CompletionStage<Long> last = writing.send(LINE);
    for (int i = 1; i < LINES; i++) {
      last = writing.send(LINE);
    }
    last.toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    await().atMost(LIMIT).until(() -> seen.bytes.get() - before >= (long) LINES * LINE.length);
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
  }

  private ClawTermClient client(String device, ServerAddress address) throws IOException {
    return ClawTermClient.builder()
        .address(address)
        .credential(node.token())
        .device(device)
        .build();
  }

  private static ConnectOptions options(Mode mode) {
    return ConnectOptions.target("pod:" + Scenario.POD_NAME).withKey("wide").withMode(mode);
  }

  /** What a device was shown; holes are numbers that were left out. */
  private static final class Seen implements Consumer<Received> {
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong last = new AtomicLong();
    private final AtomicInteger holes = new AtomicInteger();

    @Override
    public void accept(Received received) {
      switch (received) {
        case Received.Gap gap -> holes.incrementAndGet();
        case Received.Entry entry -> {
          bytes.addAndGet(entry.frame().payloadLength());
          last.set(entry.number());
        }
      }
    }
  }
}
