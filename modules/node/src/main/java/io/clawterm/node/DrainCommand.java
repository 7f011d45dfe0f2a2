package io.clawterm.node;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code clawterm drain}. */
@Command(
    name = "drain",
    description =
        "Let a node give its sessions and devices to the others, so that it can be stopped. It goes"
            + " on running, and takes none until it is started again, or drained no more.",
    mixinStandardHelpOptions = true)
final class DrainCommand implements Callable<Integer> {

  private static final Duration LOOK = Duration.ofSeconds(1);

  /** For so many looks in a row nobody has left, and no session is there: those who stay do so. */
  private static final int SAME = 5;

  private static final Duration SILENCE = Duration.ofSeconds(2);

  @Mixin private ApiOption api;

  @Parameters(
      arity = "0..1",
      paramLabel = "NODE",
      description = "Number or address, as `clawterm cluster` shows it; else the one of --data.")
  private @Nullable String name;

  @Option(names = "--undo", description = "Let the node take sessions and devices again.")
  private boolean undo;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "60",
      description = "Wait for so long until the node is empty (60); 0: do not wait.")
  private int timeout;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = api.out();
    try (ApiClient server = api.client()) {
      int number = number(server.get(ClusterCommand.PATH, ClusterCommand.PATIENCE));
      String path = ClusterCommand.PATH + "/nodes/" + number + "/drain";
      JsonNode answer = undo ? server.delete(path) : server.put(path);
      boolean waits = !undo && timeout > 0;
      OptionalLong left = waits ? awaitEmpty(server, number) : OptionalLong.of(0);
      if (api.json()) {
        out.println(answer);
      } else if (undo) {
        out.println("Node " + number + " takes sessions and devices again.");
      } else if (timeout == 0) {
        out.println("Node " + number + " drains; `clawterm cluster` shows how far it is.");
      } else if (left.isPresent()) {
        out.println(end(number, left.getAsLong()));
      }
      return left.isPresent() ? 0 : 1;
    }
  }

  private static String end(int number, long connections) {
    if (connections == 0) {
      return "Node " + number + " is empty. Stop it, or take it back with --undo.";
    }
    return "Node %d holds no session any more. On its Unix socket, or by a way that leads here alone, %s until it stops."
        .formatted(
            number, connections == 1 ? "1 connection stays" : connections + " connections stay");
  }

  private int number(JsonNode cluster) {
    String wanted = name == null ? cluster.path("node").asText() : name;
    for (JsonNode node : cluster.path("nodes")) {
      if (node.path("number").isInt()
          && (node.path("number").asText().equals(wanted)
              || node.path("address").asText().equals(wanted))) {
        return node.path("number").asInt();
      }
    }
    throw new CommandFailedException(
        "there is no node " + wanted + "; clawterm cluster shows which there are");
  }

  /**
   * Says what is left about every two seconds.
   *
   * @return the connections that stay; empty where it takes too long
   */
  private OptionalLong awaitEmpty(ApiClient server, int number)
      throws IOException, InterruptedException {
    PrintWriter err = api.err();
    long begin = System.nanoTime();
    long said = begin;
    long before = -1;
    int same = 0;
    while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(timeout)) {
      JsonNode cluster = server.get(ClusterCommand.PATH, ClusterCommand.PATIENCE);
      Optional<JsonNode> node = node(cluster, number);
      if (node.isEmpty()) {
        return OptionalLong.of(0); // it has ended meanwhile
      }
      JsonNode figures = node.get().path("figures");
      int shards = figures.path("shards").asInt(-1);
      long connections = figures.path("connections").asLong(-1);
      boolean goes = connections > 0 && takesDevices(cluster, number);
      same = shards == 0 && goes && connections == before ? same + 1 : 0;
      before = connections;
      if (shards == 0 && (connections == 0 || same >= SAME)) {
        return OptionalLong.of(connections);
      }
      if (System.nanoTime() - said > SILENCE.toNanos()) {
        said = System.nanoTime();
        err.println(
            cluster.path("nodes").size() == 1
                ? "there is no other node that could take over; waiting for one"
                : connections > 0 && !goes
                    ? "there is no other node that takes devices; waiting for one"
                    : "node %d still has %s shards and %s connections"
                        .formatted(number, text(shards), text(connections)));
      }
      TimeUnit.MILLISECONDS.sleep(LOOK.toMillis());
    }
    err.println("node %d is not empty after %d s and goes on draining".formatted(number, timeout));
    return OptionalLong.empty();
  }

  /** Whether another node could take the devices of this one. */
  private static boolean takesDevices(JsonNode cluster, int number) {
    for (JsonNode node : cluster.path("nodes")) {
      if (node.path("number").asInt(-1) != number
          && node.path("status").asText().equals("up")
          && node.path("reachable").asBoolean()
          && node.path("connected").asBoolean()
          && !node.path("draining").asBoolean()) {
        for (JsonNode role : node.path("roles")) {
          if (role.asText().equals("edge")) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private static Optional<JsonNode> node(JsonNode cluster, int number) {
    for (JsonNode node : cluster.path("nodes")) {
      if (node.path("number").asInt() == number) {
        return Optional.of(node);
      }
    }
    return Optional.empty();
  }

  private static String text(long count) {
    return count < 0 ? "?" : "" + count;
  }
}
