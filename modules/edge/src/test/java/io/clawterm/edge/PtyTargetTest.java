package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import com.typesafe.config.ConfigFactory;
import io.clawterm.api.Principal;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.Entry;
import io.clawterm.session.Target;
import io.clawterm.session.Targets.Found;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PtyTargetTest {

  private static final ActorTestKit kit = ActorTestKit.create();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

  @AfterAll
  static void shutDown() {
    kit.shutdownTestKit();
  }

  @Test
  void nothingIsAllowedUnlessSet() {
    var factory = new PtyTarget.Factory(settings(""), meters);

    Found found = factory.find(Principal.LOCAL, "pty:shell");

    assertThat(found).isInstanceOf(Found.Denied.class);
    assertThat(found.toString()).contains("clawterm.pty.allow");
    assertThat(meters.counter("clawterm.edge.pty.refused").count()).isEqualTo(1);
    assertThat(factory.find(Principal.LOCAL, "pty:")).isInstanceOf(Found.Missing.class);
  }

  @Test
  void onlyTheExactCommandIsAllowed() {
    var factory = new PtyTarget.Factory(settings("allow = [\"uname -s\"]"), meters);

    assertThat(factory.find(Principal.LOCAL, "pty:uname -s")).isInstanceOf(Found.Available.class);
    assertThat(factory.find(Principal.LOCAL, "pty:uname -s; id")).isInstanceOf(Found.Denied.class);
    assertThat(factory.find(Principal.LOCAL, "pty:shell")).isInstanceOf(Found.Denied.class);
  }

  @Test
  void aNamedCommandRunsWithoutAShell() {
    var settings =
        settings("allow = [hello], commands { hello = [\"/bin/echo\", \"a b\", \"$HOME\"] }");
    try (var session = session(target(settings, "hello"))) {
      assertThat(session.awaitFinish()).isEqualTo("program ended with status 0");
      assertThat(session.text()).isEqualTo("a b $HOME\r\n");
    }
  }

  @Test
  void inputReachesTheProgramAndItsOutputTheLog() {
    try (var session = session(any("read line; echo \"got $line\"; exit 3"))) {
      session.input("hello\r");

      assertThat(session.awaitFinish()).isEqualTo("program ended with status 3");
      assertThat(session.text()).isEqualTo("hello\r\ngot hello\r\n");
    }
  }

  @Test
  void inputWaitsUntilTheNodeMayAct() {
    try (var session = session(any("echo up; read line; echo \"got $line\""))) {
      await().until(() -> session.text().equals("up\r\n"));
      session.mayAct(false);
      session.input("hello\r");
      await().during(Duration.ofMillis(500)).until(() -> session.text().equals("up\r\n"));

      session.mayAct(true);

      assertThat(session.awaitFinish()).isEqualTo("program ended with status 0");
      assertThat(session.text()).isEqualTo("up\r\nhello\r\ngot hello\r\n");
    }
  }

  @Test
  void aProgramIsStartedOnceTheNodeMayAct(@TempDir Path folder) {
    Path trace = folder.resolve("trace");
    try (var session =
        new SessionDouble(kit, any("echo ran >> " + trace + "; cat"), SessionDouble.BY_HAND)) {
      session.awaitEmit();
      session.mayAct(false);
      session.confirmAll();
      await().during(Duration.ofMillis(500)).until(() -> Files.notExists(trace));

      session.mayAct(true);

      await().untilAsserted(() -> assertThat(trace).hasContent("ran"));
    }
  }

  @Test
  void aProgramThatWaitsToBeStartedIsGivenUp(@TempDir Path folder) {
    Path trace = folder.resolve("trace");
    var session =
        new SessionDouble(kit, any("echo ran >> " + trace + "; cat"), SessionDouble.BY_HAND);
    session.awaitEmit();
    session.mayAct(false);
    session.confirmAll();
    await().until(() -> programs() == 1);

    session.close();

    await().until(() -> programs() == 0);
    assertThat(trace).doesNotExist();
  }

  private double programs() {
    return meters.get("clawterm.edge.pty.programs").gauge().value();
  }

  @Test
  void aProgramEndsThoughInputWaits() {
    try (var session = session(any("echo up; sleep 1; echo bye"))) {
      await().until(() -> session.text().equals("up\r\n"));
      session.mayAct(false);
      session.input("hello\r");

      assertThat(session.awaitFinish()).isEqualTo("program ended with status 0");
      assertThat(session.text()).isEqualTo("up\r\nbye\r\n");
    }
  }

  @Test
  void theProgramIsStartedOnlyWhenThatIsDurable(@TempDir Path folder) {
    Path trace = folder.resolve("trace");
    try (var session =
        new SessionDouble(kit, any("echo ran >> " + trace + "; cat"), SessionDouble.BY_HAND)) {
      session.input("early\r");
      session.awaitEmit();
      assertThat(session.memo()).isEmpty();
      assertThat(trace).doesNotExist();

      session.crash(false);
      session.awaitEmit();
      session.confirmAll();

      await().untilAsserted(() -> assertThat(trace).hasContent("ran"));
      assertThat(session.memo()).hasValueSatisfying(memo -> assertThat(memo.open()).isTrue());
    }
  }

  @Test
  void afterACrashTheProgramIsReportedGoneAndNotRunAgain(@TempDir Path folder) {
    Path trace = folder.resolve("trace");
    try (var session = session(any("echo ran >> " + trace + "; cat"))) {
      await().until(() -> Files.exists(trace) && Files.size(trace) == 4);

      session.crash(false);

      assertThat(session.awaitFinish())
          .isEqualTo("the program was ended by a restart of the server");
      Entry last = session.entries().getLast();
      assertThat(last.kind()).isEqualTo(Entry.Kind.EVENT);
      assertThat(last.body().utf8())
          .isEqualTo(
              "{\"type\":\"notice\",\"text\":\"the program was ended by a restart of the"
                  + " server\"}");
      assertThat(last.plain().utf8()).contains("the program was ended by a restart");
      assertThat(trace).hasContent("ran");
    }
  }

  @Test
  void aCrashAfterTheLastOutputFinishesWithTheSameText() {
    try (var session = new SessionDouble(kit, any("printf bye; exit 7"), SessionDouble.BY_HAND)) {
      session.awaitEmit();
      session.confirmAll();
      await()
          .until(() -> {
            session.applyAll();
            boolean known = session.memo().orElseThrow().json().contains("status 7");
            if (!known) {
              session.confirmAll();
            }
            return known;
          });

      session.crash(false);

      assertThat(session.awaitFinish()).isEqualTo("program ended with status 7");
      assertThat(session.text()).isEqualTo("bye");
    }
  }

  @Test
  void theWindowsSizeReachesTheProgram() {
    try (var session = session(any("read a; stty size; read b; stty size"))) {
      session.input("\r");
      await().untilAsserted(() -> assertThat(session.text()).contains("24 80"));

      session.resize(new WindowSize(132, 43));
      session.input("\r");

      session.awaitFinish();
      assertThat(session.text()).contains("43 132");
    }
  }

  @Test
  void theEnvironmentHasNothingButTheList() {
    var own =
        Map.of("HOME", "/home/x", "PATH", "/bin", "OPENAI_API_KEY", "secret", "X_TOKEN", "secret");

    Map<String, String> environment = PtyProgram.environment(own, settings("").environment());

    assertThat(environment)
        .containsExactlyInAnyOrderEntriesOf(
            Map.of("HOME", "/home/x", "PATH", "/bin", "LANG", "C.UTF-8", "TERM", "xterm-256color"));
  }

  @Test
  void aProgramSeesTheCleanEnvironment() {
    try (var session = session(any("env"))) {
      session.awaitFinish();

      assertThat(session.text()).contains("TERM=xterm-256color").contains("PATH=");
      assertThat(session.text().lines().filter(line -> line.contains("=")))
          .allMatch(line ->
              settings("").environment().contains(line.substring(0, line.indexOf('=')))
                  || line.startsWith("TERM=")
                  || line.startsWith("PWD=")
                  || line.startsWith("_=")
                  || line.startsWith("SHLVL=")
                  || line.startsWith("OLDPWD="));
    }
  }

  @Test
  void allOutputArrivesInOrderAndInBoundedEntries() {
    try (var session = session(any("stty -onlcr; seq 1 200000"))) {
      session.awaitFinish();

      var expected = new StringBuilder();
      for (int i = 1; i <= 200_000; i++) {
        expected.append(i).append('\n');
      }
      assertThat(session.text()).isEqualTo(expected.toString());
      assertThat(session.entries()).allMatch(entry -> entry.body().length() <= 32 * 1024);
    }
  }

  @Test
  void withoutConfirmationTheProgramHasToWait(@TempDir Path folder) {
    Path trace = folder.resolve("trace");
    var settings = settings("allow = [\"*\"], output-buffer = 4KiB");
    String command =
        "stty -onlcr; for i in $(seq 1 100); do head -c 1000 /dev/zero; echo x >> "
            + trace
            + "; done";
    try (var session = new SessionDouble(kit, target(settings, command), SessionDouble.BY_HAND)) {
      session.awaitEmit();
      session.confirmAll();
      session.awaitEmit();

      await()
          .during(Duration.ofMillis(300))
          .atMost(Duration.ofSeconds(5))
          .until(() -> session.unconfirmed() == 1);
      // The kernel's buffers, one read and ours hold some dozens of KB; not all of 100.
      assertThat(lines(trace)).isBetween(1, 90);

      session.confirmAutomatically();
      session.awaitFinish();
      assertThat(lines(trace)).isEqualTo(100);
      assertThat(session.text()).hasSize(100_000);
    }
  }

  @Test
  void stopHangsUpAndThenKills(@TempDir Path folder) throws Exception {
    Path pids = folder.resolve("pids");
    var settings = settings("allow = [\"*\"], kill-after = 300ms");
    String command =
        "trap '' HUP; sleep 1000 & echo $$ $! > " + pids + "; while :; do sleep 1; done";
    try (var session = session(target(settings, command))) {
      await().until(() -> Files.exists(pids) && Files.size(pids) > 3);
      String[] two = Files.readString(pids).trim().split(" ", -1);
      var shell = ProcessHandle.of(Long.parseLong(two[0])).orElseThrow();
      var child = ProcessHandle.of(Long.parseLong(two[1])).orElseThrow();
      assertThat(shell.isAlive()).isTrue();

      session.stop();

      await().untilAsserted(() -> assertThat(shell.isAlive() || child.isAlive()).isFalse());
      // A zombie would be there still.
      await().untilAsserted(() -> assertThat(Path.of("/proc/" + two[0])).doesNotExist());
      await()
          .untilAsserted(
              () -> assertThat(meters.get("clawterm.edge.pty.programs").gauge().value()).isZero());
    }
  }

  @Test
  void aProgramThatObeysTheHangUpIsNotKilled(@TempDir Path folder) throws IOException {
    // Below nohup no shell can trap it; what is ignored stays so in each child.
    assumeThat(hangUpIsIgnored()).as("SIGHUP is ignored here").isFalse();
    Path trace = folder.resolve("trace");
    String command =
        "trap 'echo bye > " + trace + "; exit' HUP; echo up; while :; do sleep 0.05; done";
    try (var session = session(any(command))) {
      await().untilAsserted(() -> assertThat(session.text()).contains("up"));

      session.stop();

      await().untilAsserted(() -> assertThat(trace).hasContent("bye"));
    }
  }

  private static boolean hangUpIsIgnored() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 1) == 1);
  }

  @Test
  void aProgramThatIsNotThereSaysSo() {
    var settings = settings("allow = [x], commands { x = [\"/no/such/program\"] }");
    try (var session = session(target(settings, "x"))) {
      assertThat(session.awaitFinish()).startsWith("program ");
    }
  }

  @Test
  void thereIsALimitOfPrograms() {
    var factory = new PtyTarget.Factory(settings("allow = [\"*\"], max-programs = 1"), meters);
    try (var first = session(available(factory.find(Principal.LOCAL, "pty:cat")))) {
      first.input("x\r");
      await().untilAsserted(() -> assertThat(first.text()).contains("x"));

      try (var second = session(available(factory.find(Principal.LOCAL, "pty:cat")))) {
        assertThat(second.awaitFinish()).contains("clawterm.pty.max-programs");
      }
      first.stop();
      await()
          .untilAsserted(
              () -> assertThat(meters.get("clawterm.edge.pty.programs").gauge().value()).isZero());
    }
  }

  @Test
  void inputBeyondTheBufferIsDroppedAndSaidSo() {
    var settings = settings("allow = [\"*\"], input-buffer = 2KiB");
    try (var session = session(target(settings, "stty raw -echo; echo up; sleep 60"))) {
      await().untilAsserted(() -> assertThat(session.text()).contains("up"));

      for (int i = 0; i < 100; i++) {
        session.input("x".repeat(1000));
      }

      await().untilAsserted(() -> assertThat(session.text()).contains("reads no input"));
      assertThat(meters.counter("clawterm.edge.pty.dropped.bytes").count()).isPositive();
    }
  }

  private Target any(String command) {
    return target(settings("allow = [\"*\"]"), command);
  }

  private Target target(PtySettings settings, String command) {
    return available(
        new PtyTarget.Factory(settings, meters).find(Principal.LOCAL, "pty:" + command));
  }

  private static Target available(Found found) {
    return ((Found.Available) found).target();
  }

  private static SessionDouble session(Target target) {
    return new SessionDouble(kit, target, SessionDouble.AT_ONCE);
  }

  private static int lines(Path file) {
    try {
      return Files.exists(file) ? Files.readAllLines(file).size() : 0;
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static PtySettings settings(String overrides) {
    return PtySettings.from(
        ConfigFactory.parseString("clawterm.pty {" + overrides + "}")
            .withFallback(ConfigFactory.defaultReference())
            .resolve()
            .getConfig("clawterm.pty"));
  }
}
