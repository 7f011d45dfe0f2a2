package io.clawterm.load;

import io.clawterm.api.Principal;
import io.clawterm.edge.Edge;
import io.clawterm.edge.EdgeSettings;
import io.clawterm.edge.TcpEdge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * A process with sessions that echo, behind a TCP listener without TLS. It prints its port; {@code
 * heap} is answered with the bytes in use after a collection, {@code count CLASS} with the live
 * instances of a class.
 */
final class BenchServer {

  private BenchServer() {}

  /** Arguments: the folder of the database or "none", then settings, if any. */
  public static void main(String[] args) throws Exception {
    Optional<Path> data = args[0].equals("none") ? Optional.empty() : Optional.of(Path.of(args[0]));
    String overrides = args.length > 1 ? args[1] : "";
    try (BenchNode node = BenchNode.start(data, overrides, new BenchEchoTarget())) {
      var edge =
          new Edge(
              node.sessions,
              (credential, peer) -> Optional.of(Principal.LOCAL),
              EdgeSettings.from(node.config.getConfig("clawterm.edge")),
              new SimpleMeterRegistry());
      TcpEdge tcp =
          TcpEdge.bind(node.system, edge, "127.0.0.1", 0)
              .toCompletableFuture()
              .get(30, TimeUnit.SECONDS);
      BenchReport.line(Integer.toString(tcp.address().getPort()));
      answer();
      edge.shutdown().toCompletableFuture().get(10, TimeUnit.SECONDS);
    }
    System.exit(0);
  }

  private static void answer() throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", -1);
      BenchReport.line(
          switch (words[0]) {
            case "heap" -> Long.toString(heapBytes());
            case "count" -> Long.toString(instances(words[1]));
            default -> throw new IllegalArgumentException("heap or count is expected, not " + line);
          });
    }
  }

  private static long heapBytes() {
    var memory = ManagementFactory.getMemoryMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      memory.gc();
      least = Math.min(least, memory.getHeapMemoryUsage().getUsed());
    }
    return least;
  }

  private static long instances(String className) throws JMException {
    String histogram =
        (String)
            ManagementFactory.getPlatformMBeanServer()
                .invoke(
                    new ObjectName("com.sun.management:type=DiagnosticCommand"),
                    "gcClassHistogram",
                    new Object[] {new String[0]},
                    new String[] {String[].class.getName()});
    return histogram
        .lines()
        .map(line -> line.strip().split("\\s+", -1))
        .filter(fields -> fields.length >= 4 && fields[3].equals(className))
        .mapToLong(fields -> Long.parseLong(fields[1]))
        .sum();
  }
}
