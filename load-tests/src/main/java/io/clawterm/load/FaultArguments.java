package io.clawterm.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The command line of the fault suite: names with two dashes, each followed by its value. */
final class FaultArguments {

  private static final Set<String> NAMES =
      Set.of("--kills", "--devices", "--seed", "--seconds-between", "--tls", "--data", "--jvm");

  private FaultArguments() {}

  static FaultPlan plan(String... arguments) {
    Map<String, String> given = read(NAMES, arguments);
    String[] between = given.getOrDefault("--seconds-between", "0.3..3").split("\\.\\.", -1);
    if (between.length != 2) {
      throw new IllegalArgumentException("--seconds-between has the form MIN..MAX");
    }
    long seed =
        given.containsKey("--seed") ? Long.parseLong(given.get("--seed")) : new Random().nextLong();
    return new FaultPlan(
        Integer.parseInt(given.getOrDefault("--kills", "30")),
        Integer.parseInt(given.getOrDefault("--devices", "24")),
        seed,
        seconds(between[0]),
        seconds(between[1]),
        encrypted(given.get("--tls"), seed),
        given.containsKey("--jvm") ? List.of(given.get("--jvm").split(" ")) : List.of());
  }

  static Path folder(String... arguments) throws IOException {
    String given = read(NAMES, arguments).get("--data");
    return given == null
        ? Files.createTempDirectory("clawterm-faults")
        : Path.of(given).toAbsolutePath();
  }

  private static boolean encrypted(@Nullable String given, long seed) {
    return switch (given) {
      case null -> new Random(seed).nextBoolean();
      case "on" -> true;
      case "off" -> false;
      default -> throw new IllegalArgumentException("--tls is on or off, not " + given);
    };
  }

  private static Duration seconds(String text) {
    return Duration.ofMillis(Math.round(Double.parseDouble(text) * 1_000));
  }

  /** Names with two dashes, each followed by its value. */
  static Map<String, String> read(Set<String> names, String... arguments) {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < arguments.length; i += 2) {
      if (!names.contains(arguments[i]) || i + 1 == arguments.length) {
        throw new IllegalArgumentException(
            "expected " + names + ", each with a value, at " + arguments[i]);
      }
      given.put(arguments[i], arguments[i + 1]);
    }
    return given;
  }
}
