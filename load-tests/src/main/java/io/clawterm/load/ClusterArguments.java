package io.clawterm.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The command line of the cluster suite: {@code --faults R1,R7 (default: all) --rounds N --minutes
 * N --nodes N --sessions N --pause MS --seed S --long yes|no --jvm OPTIONS --before FOLDER --data
 * FOLDER}.
 */
final class ClusterArguments {

  private static final Set<String> NAMES =
      Set.of(
          "--faults",
          "--rounds",
          "--minutes",
          "--nodes",
          "--sessions",
          "--pause",
          "--seed",
          "--long",
          "--jvm",
          "--before",
          "--data");

  private ClusterArguments() {}

  static ClusterPlan plan(String... arguments) {
    Map<String, String> given = FaultArguments.read(NAMES, arguments);
    List<ClusterFault> faults = faults(given.getOrDefault("--faults", "all"));
    boolean timed = given.containsKey("--minutes");
    return new ClusterPlan(
        faults,
        Integer.parseInt(given.getOrDefault("--rounds", timed ? "1000000" : "" + faults.size())),
        Duration.ofMinutes(Long.parseLong(given.getOrDefault("--minutes", "10000000"))),
        Integer.parseInt(given.getOrDefault("--nodes", "3")),
        Integer.parseInt(given.getOrDefault("--sessions", "24")),
        Long.parseLong(given.getOrDefault("--pause", "" + ClusterPlan.BUSY_MILLIS)),
        given.containsKey("--seed") ? Long.parseLong(given.get("--seed")) : new Random().nextLong(),
        given.getOrDefault("--long", "no").equals("yes"),
        given.containsKey("--jvm") ? List.of(given.get("--jvm").split(" ")) : List.of(),
        Optional.ofNullable(given.get("--before")).map(Path::of).map(Path::toAbsolutePath));
  }

  private static List<ClusterFault> faults(String text) {
    return text.equals("all")
        ? List.of(ClusterFault.values())
        : Stream.of(text.split(",")).map(ClusterArguments::fault).toList();
  }

  private static ClusterFault fault(String number) {
    return Arrays.stream(ClusterFault.values())
        .filter(fault -> fault.number().equals(number))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "there is no fault "
                    + number
                    + ", only "
                    + Arrays.stream(ClusterFault.values()).map(ClusterFault::number).toList()));
  }

  static Path folder(String... arguments) throws IOException {
    String given = FaultArguments.read(NAMES, arguments).get("--data");
    return given == null
        ? Files.createTempDirectory("clawterm-cluster")
        : Path.of(given).toAbsolutePath();
  }
}
