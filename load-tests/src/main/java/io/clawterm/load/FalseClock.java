package io.clawterm.load;

import io.clawterm.testkit.FakeTime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A wall clock of one process that can be set while it runs (libfaketime); time spans are measured
 * right all the same.
 *
 * @param file what the library reads the offset from, at each look at the clock
 */
record FalseClock(Path file) {

  /** Whether this machine has it. */
  static boolean isPossible() {
    return FakeTime.library().isPresent();
  }

  /** A clock that is right at first. */
  static FalseClock in(Path folder) throws IOException {
    var clock = new FalseClock(folder.resolve("clock"));
    clock.set(Duration.ZERO);
    return clock;
  }

  /** Sets it off by so much, at its right speed. */
  void set(Duration offset) throws IOException {
    write(offset(offset) + " x1");
  }

  /** Lets it run too fast from now on, by so many parts in a hundred. */
  void hasten(int percent) throws IOException {
    write("+0 x%.2f".formatted(1 + percent / 100.0));
  }

  private void write(String text) throws IOException {
    Path part = Files.writeString(file.resolveSibling("clock.part"), text + "\n");
    Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String offset(Duration offset) {
    return (offset.isNegative() ? "" : "+") + offset.toSeconds() + "s";
  }

  /** How a process is started that goes by it. */
  Launch launch() {
    return new Launch(
        List.of(),
        Optional.empty(),
        List.of(),
        Map.of(
            "LD_PRELOAD",
            FakeTime.library().orElseThrow().toString(),
            "FAKETIME_TIMESTAMP_FILE",
            file.toString(),
            "FAKETIME_NO_CACHE",
            "1",
            "FAKETIME_DONT_FAKE_MONOTONIC",
            "1"));
  }
}
