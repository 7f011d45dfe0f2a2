package io.clawterm.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.testkit.EchoPod;
import io.clawterm.testkit.History.View;
import io.clawterm.testkit.Seeds;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Strangers that connect and say nothing, against a whole node with its settings as delivered. */
class SilentConnectionsTest {

  private static final int STRANGERS = 5_000;
  private static final int ADDRESSES = 50;
  private static final int EACH = 500;

  /** Those at the door and the files of a JVM. */
  private static final int NEEDED_FILES = STRANGERS + 1_000;

  /** 10 s until the first frame has to be there, and time for a machine that has other work. */
  private static final Duration LONGEST_STAY = Duration.ofSeconds(15);

  /** What the node keeps for those who have not shown who they are, by its settings. */
  private static final int AT_THE_DOOR = 1_000;

  private static final long MAX_GROWTH_BYTES = 128L << 20;

  @TempDir private Path folder;

  @Test
  void fiveThousandSilentConnectionsAreEndedAndKeepNobodyOut() throws Exception {
    requireOpenFiles();
    try (NodeProcess node =
        NodeProcess.on(folder.resolve("node"), new Random(Seeds.ofRun()), false, List.of())) {
      node.start();
      assertThat(node.awaitReady(Duration.ofMinutes(2))).as(node.lastWords()).isTrue();
      try (EchoPod pod =
          EchoPod.listen(node.pods().resolve(Scenario.POD_NAME + ".sock"), Seeds.ofRun())) {
        Device device = device(node);
        try {
          knock(node, device);
          assertThat(device.troubles()).isEmpty();
          assertThat(pod.complaints()).isEmpty();
        } finally {
          device.leave();
        }
      }
    }
  }

  private static void knock(NodeProcess node, Device device) throws Exception {
    device.join().toCompletableFuture().join();
    Duration slowest = served(device);
    long memory = node.residentBytes();
    long files = node.openFiles();
    long mostMemory = memory;
    long mostFiles = files;
    try (var strangers =
        new Strangers(new InetSocketAddress(InetAddress.getLoopbackAddress(), node.port()))) {
      for (int opened = 0; opened < STRANGERS; opened += EACH) {
        strangers.open(EACH);
        // The rule begins when one is accepted: nobody is to wait in the machine's queue for that.
        strangers.awaitAtMost(AT_THE_DOOR);
        slowest = longer(slowest, served(device));
        mostMemory = Math.max(mostMemory, node.residentBytes());
        mostFiles = Math.max(mostFiles, node.openFiles());
      }
      // With several addresses at once, so that the limit for one is not all that is tried.
      while (strangers.left() > 0 && strangers.sinceLast().compareTo(LONGEST_STAY) < 0) {
        strangers.await(Duration.ofMillis(200));
        mostMemory = Math.max(mostMemory, node.residentBytes());
      }
      slowest = longer(slowest, served(device));

      System.out.printf(
          "%,d silent connections: %d told why, longest stay %d ms; an answer took %d ms at most;"
              + " memory %,d KiB, then %,d KiB; open files %d, then %d%n",
          STRANGERS,
          strangers.told(),
          strangers.longest().toMillis(),
          slowest.toMillis(),
          memory / 1_024,
          mostMemory / 1_024,
          files,
          mostFiles);
      assertThat(strangers.left()).isZero();
      assertThat(strangers.longest()).isLessThan(LONGEST_STAY);
    }
    assertThat(mostMemory - memory).isLessThan(MAX_GROWTH_BYTES);
    // Those that were told to go are closed a moment later.
    assertThat(mostFiles - files).isLessThan(2 * AT_THE_DOOR + EACH);
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(node.openFiles()).isLessThan(files + 100));
  }

  /** Who has shown who they are gets an answer; how long it takes. */
  private static Duration served(Device device) {
    int before = device.acknowledged();
    long begin = System.nanoTime();
    device.send();
    await()
        .pollInterval(Duration.ofMillis(2))
        .atMost(Duration.ofSeconds(20))
        .until(() -> device.acknowledged() == before + 1 && device.unanswered() == 0);
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? other : one;
  }

  private Device device(NodeProcess node) throws IOException {
    return new Device(
        Scenario.pod(1),
        "guest",
        Device.Role.SENDER,
        View.STRUCTURED,
        Way.plain(Way.Transport.TCP, node.tcp()),
        node.token(),
        folder);
  }

  /** The JVM has raised its own limit as far as it may. */
  private static void requireOpenFiles() throws IOException {
    Path limits = Path.of("/proc/self/limits");
    Assumptions.assumeTrue(Files.exists(limits), "not on Linux");
    String hard =
        Files.readAllLines(limits).stream()
            .filter(line -> line.startsWith("Max open files"))
            .map(line -> line.replaceFirst("Max open files +\\S+ +(\\S+) .*", "$1"))
            .findFirst()
            .orElse("0");
    boolean enough = hard.equals("unlimited") || Long.parseLong(hard) >= NEEDED_FILES;
    if (!enough) {
      System.err.printf(
          "SKIPPED: %,d silent connections need %,d open files, the hard limit is %s%n",
          STRANGERS, NEEDED_FILES, hard);
    }
    Assumptions.assumeTrue(enough, "ulimit -H -n is " + hard);
  }

  /** Connections of many addresses that say nothing; by one thread. */
  private static final class Strangers implements AutoCloseable {
    private final InetSocketAddress server;
    private final Selector selector = Selector.open();
    private final List<SocketChannel> all = new ArrayList<>();
    private final ByteBuffer bytes = ByteBuffer.allocate(1_024);
    private long lastOpened = System.nanoTime();
    private Duration longest = Duration.ZERO;
    private int told;

    Strangers(InetSocketAddress server) throws IOException {
      this.server = server;
    }

    void open(int count) throws IOException {
      for (int i = 0; i < count; i++) {
        SocketChannel channel = SocketChannel.open();
        all.add(channel);
        channel.bind(new InetSocketAddress("127.0.1." + (1 + all.size() % ADDRESSES), 0));
        channel.connect(server);
        channel.configureBlocking(false);
        lastOpened = System.nanoTime();
        channel.register(selector, SelectionKey.OP_READ, lastOpened);
        look(selector.selectNow());
      }
    }

    void await(Duration limit) throws IOException {
      look(selector.select(limit.toMillis()));
    }

    /** Waits until only so many are left, all others having been told to go. */
    void awaitAtMost(int count) throws IOException {
      long begin = System.nanoTime();
      while (left() > count) {
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(LONGEST_STAY);
        await(Duration.ofMillis(50));
      }
    }

    private void look(int ready) throws IOException {
      if (ready > 0) {
        for (SelectionKey key : selector.selectedKeys()) {
          read(key);
        }
        selector.selectedKeys().clear();
      }
    }

    private void read(SelectionKey key) throws IOException {
      var channel = (SocketChannel) key.channel();
      int count;
      try {
        count = channel.read(bytes.clear());
      } catch (IOException e) {
        count = -1; // reset, which is an end as well
      }
      if (count > 0) {
        told++;
      } else if (count < 0) {
        longest = longer(longest, Duration.ofNanos(System.nanoTime() - (long) key.attachment()));
        channel.close();
      }
    }

    long left() {
      return all.stream().filter(SocketChannel::isOpen).count();
    }

    Duration sinceLast() {
      return Duration.ofNanos(System.nanoTime() - lastOpened);
    }

    Duration longest() {
      return longest;
    }

    int told() {
      return told;
    }

    @Override
    public void close() throws IOException {
      selector.close();
      for (SocketChannel channel : all) {
        channel.close();
      }
    }
  }
}
