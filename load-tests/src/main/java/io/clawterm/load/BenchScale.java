package io.clawterm.load;

import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Received;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many frames become durable each second with one, two and three nodes on one database, where
 * each node has so much of a core and no more; the database and the clients share what is left of
 * the machine. Each session is asked again as soon as it has answered; what is counted are the
 * entries that its device is shown, which are durable, the questions among them. Three nodes that
 * have run for a while come first, then one after the other is stopped.
 *
 * <p>Arguments: seconds of each measurement, how much of a core a node has, sessions a node.
 */
final class BenchScale {

  private static final int WAIT_SECONDS = 60;
  private static final long WARM_SECONDS = 60;
  private static final long SETTLE_SECONDS = 10;
  private static final double WHOLE_MACHINE = Runtime.getRuntime().availableProcessors();
  private static final String QUESTION = "count to 1 at 1000 per second";

  private BenchScale() {}

  public static void main(String[] args) throws Exception {
    long seconds = Long.parseLong(args[0]);
    double cores = Double.parseDouble(args[1]);
    int sessions = Integer.parseInt(args[2]);
    BenchReport.title(
        String.format(
            Locale.ROOT, "scale: nodes of %.2f cores, %d sessions each", cores, sessions));
    try (BenchCluster cluster = BenchCluster.start()) {
      List<NodeProcess> nodes = new ArrayList<>(cluster.nodes());
      // Code that runs for the first time needs more than a node has later.
      measure(cluster, nodes, sessions, WARM_SECONDS, WHOLE_MACHINE);
      List<Double> perSecond = new ArrayList<>();
      while (!nodes.isEmpty()) {
        perSecond.addFirst(measure(cluster, nodes, sessions, seconds, cores));
        nodes.removeLast().close();
      }
      for (int i = 0; i < perSecond.size(); i++) {
        BenchReport.line(
            String.format(
                Locale.ROOT,
                "nodes: %d, %,.0f frames/s, %.2f times those of one",
                i + 1,
                perSecond.get(i),
                perSecond.get(i) / perSecond.getFirst()));
      }
    }
  }

  private static double measure(
      BenchCluster cluster, List<NodeProcess> nodes, int sessions, long seconds, double cores)
      throws Exception {
    var shown = new AtomicLong();
    var ended = new AtomicBoolean();
    List<ClawTermClient> clients = new ArrayList<>();
    try {
      for (NodeProcess node : nodes) {
        ClawTermClient client =
            ClawTermClient.builder()
                .address(node.tcp())
                .credential(cluster.token())
                .device("scale")
                .build();
        clients.add(client);
        for (int i = 0; i < sessions; i++) {
          open(client, shown, ended);
        }
      }
      TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
      return limited(
          nodes,
          cores,
          () -> {
            TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
            long before = shown.get();
            long begin = System.nanoTime();
            TimeUnit.SECONDS.sleep(seconds);
            double perSecond = (shown.get() - before) * 1e9 / (System.nanoTime() - begin);
            BenchReport.line(
                String.format(
                    Locale.ROOT, "%d nodes of %.2f cores: %,.0f", nodes.size(), cores, perSecond));
            return perSecond;
          });
    } finally {
      ended.set(true);
      clients.forEach(ClawTermClient::close);
    }
  }

  /** Only meanwhile: to open sessions and to stop nodes is not what is measured. */
  private static double limited(List<NodeProcess> nodes, double cores, Callable<Double> task)
      throws Exception {
    Map<NodeProcess, ControlGroup> groups = new HashMap<>();
    try {
      for (NodeProcess node : nodes) {
        ControlGroup group = ControlGroup.ofProcessor(cores);
        groups.put(node, group);
        group.take(node.pid());
      }
      return task.call();
    } finally {
      for (Map.Entry<NodeProcess, ControlGroup> each : groups.entrySet()) {
        if (each.getKey().isAlive()) {
          each.getValue().release(each.getKey().pid());
        }
        each.getValue().close();
      }
    }
  }

  private static void open(ClawTermClient client, AtomicLong shown, AtomicBoolean ended)
      throws Exception {
    ClientSession session =
        client
            .connect(ConnectOptions.target("agent:demo").withEvents(true))
            .toCompletableFuture()
            .get(WAIT_SECONDS, TimeUnit.SECONDS);
    session.onOutput(received -> {
      shown.incrementAndGet();
      if (received instanceof Received.Entry entry && isEnd(entry) && !ended.get()) {
        var unused = session.send(QUESTION);
      }
    });
    session.send(QUESTION).toCompletableFuture().get(WAIT_SECONDS, TimeUnit.SECONDS);
  }

  /** The status that says that a run has ended. */
  private static boolean isEnd(Received.Entry entry) {
    return entry.structured()
        && Device.json(entry.text()).path("type").asText().equals("status")
        && !Device.json(entry.text()).path("run").asText().equals("started");
  }
}
