package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
 * each with the build.
 */
class BadLinksTest {

  private static final boolean LONG = Boolean.getBoolean("cluster.long");
  private static final Duration READY = Duration.ofMinutes(2);
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final int LINES = 1_024;
  private static final int TIMES = LONG ? 16 : 4;
  private static final byte[] LINE = ("x".repeat(8 << 10) + "\n").getBytes(StandardCharsets.UTF_8);

  /** What one who reads slowly may cost a node, in bytes. */
  private static final long MOST_FOR_READER = 1 << 20;

  /** What is alive in a node varies by so many bytes from one time to the next. */
  private static final long VARIES = 16 << 20;

  @TempDir private Path folder;

  private NodeProcess node;
  private FaultProxy way;

  @BeforeEach
  void startNode() throws IOException {
    Path data = Files.createDirectory(folder.resolve("node"));
    // More is shown here than a log keeps for one who is away, as who is cut off is for a moment.
    Files.writeString(
        data.resolve("config.conf"),
        LONG
            ? "clawterm.session.retain-bytes = 256 MiB\n"
            : "clawterm.edge.keepalive-interval = 4s\n");
    node = NodeProcess.on(data, new Random(Seeds.ofRun()), false, List.of());
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
      way.slow(Duration.ofMillis(200), Duration.ofMillis(400), random);
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

    // 2.5 keepalive intervals of 30 s (with the build: of 4 s), and the time in which a busy
    // machine closes them.
    await()
        .atMost(Duration.ofSeconds(LONG ? 90 : 25))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> node.openFiles() < filesBefore + clients / 10);
    System.out.printf(
        "half-open: %,d attached clients vanished; let go after %d s; open files %d, then %d%n",
        clients,
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - gone),
        filesBefore,
        node.openFiles());
  }

  /** 128 MiB (with the build 32) are shown to some who take 1,000 bytes a second, and to others. */
  @Test
  void whoReadsSlowlyHoldsUpNobodyAndCostsNoMemory() throws Exception {
    int readers = LONG ? 32 : 1;
    way.always(new Fault.RateLimit(Fault.Direction.TO_CLIENT, 1_000));
    List<ClawTermClient> slow = new ArrayList<>();
    try (EchoPod pod =
            EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), Seeds.ofRun());
        ClawTermClient writer = client("writer", node.tcp())) {
      ClientSession writing = writer.connect(options(Mode.SHARE)).toCompletableFuture().join();
      var seen = new Seen();
      writing.onOutput(seen);
      long alone = stream(writing, seen);
      long aliveAlone = node.liveBytes();

      var lost = new AtomicInteger();
      List<Seen> seenSlowly = new ArrayList<>();
      for (int i = 0; i < readers; i++) {
        slow.add(
            ClawTermClient.builder()
                .address(door())
                .credential(node.token())
                .device("slow" + i)
                .listener((which, event) -> {
                  if (event instanceof ConnectionEvent.Lost) {
                    lost.incrementAndGet();
                  }
                })
                .build());
        seenSlowly.add(new Seen());
        slow.getLast()
            .connect(options(Mode.WATCH))
            .toCompletableFuture()
            .join()
            .onOutput(seenSlowly.getLast());
      }
      long together = 0;
      for (int i = 0; i < TIMES; i++) {
        together += stream(writing, seen);
      }
      long most = seenSlowly.stream().mapToLong(each -> each.bytes.get()).max().orElseThrow();
      long more = node.liveBytes() - aliveAlone;
      assertThat(lost.get()).as("readers that were let go").isZero();

      // On a link that is wide again it goes on where it was, and misses nothing.
      slow.subList(1, readers).forEach(ClawTermClient::close);
      way.always();
      way.resetAll();
      await().atMost(LIMIT).until(() -> seenSlowly.getFirst().last.get() == seen.last.get());

      System.out.printf(
          "slow readers: %,d bytes shown within %d ms, with %d of them within %d ms and %,d to one"
              + " at most; %,d bytes more alive in the node%n",
          (long) LINES * LINE.length, alone, readers, together / TIMES, most, more);
      assertThat(seen.holes.get() + seenSlowly.getFirst().holes.get()).isZero();
      assertThat(most).isLessThan((long) LINES * LINE.length / 4);
      assertThat(more).isLessThan(readers * MOST_FOR_READER + VARIES);
      // Nor what they have not read, were it kept once for all of them.
      assertThat(more).isLessThan((long) TIMES * LINES * LINE.length / 2);
      assertThat(pod.complaints()).isEmpty();
    } finally {
      slow.forEach(ClawTermClient::close);
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
