package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code clawterm doctor} finds where not all is well. */
class DoctorTest {

  /** No ports: whatever else runs on this machine is no finding. */
  private static final String QUIET =
      "clawterm.node { port = -1, http-port = -1, management-port = -1 }\n";

  @TempDir private Path home;

  /** Grade and detail of each finding. */
  private record Findings(int code, Map<String, String> all) {
    String of(String what) {
      return all.getOrDefault(what, "");
    }
  }

  private Findings doctor(String... options) throws Exception {
    return doctor(Cli.in(home), options);
  }

  private static Findings doctor(Cli cli, String... options) throws Exception {
    String[] command = new String[options.length + 2];
    command[0] = "doctor";
    command[1] = "--json";
    System.arraycopy(options, 0, command, 2, options.length);
    Cli.Result result = cli.run(command);
    assertThat(result.err()).doesNotContain("should not happen");
    JsonNode findings = new ObjectMapper().readTree(result.out());
    return new Findings(
        result.code(),
        StreamSupport.stream(findings.spliterator(), false)
            .collect(
                Collectors.toMap(
                    finding -> finding.path("what").asText(),
                    finding ->
                        finding.path("grade").asText() + ": " + finding.path("detail").asText(),
                    (one, other) -> one + "\n" + other)));
  }

  private Path config(String text) throws Exception {
    return Files.writeString(home.resolve("my.conf"), text);
  }

  private Path quiet(String more) throws Exception {
    return config(QUIET + more);
  }

  @Test
  void aMachineWithoutServerIsFitAndTold() throws Exception {
    Findings found = doctor("--config", quiet("").toString());

    assertThat(found.code()).isZero();
    assertThat(found.of("java")).startsWith(Runtime.version().feature() < 25 ? "warn" : "ok");
    assertThat(found.of("data folder")).startsWith("ok").contains("at the first start");
    assertThat(found.of("server")).startsWith("warn").contains("clawterm up");
    assertThat(found.of("model")).startsWith("warn").contains("Ollama");
    assertThat(found.of("configuration")).startsWith("ok").contains("my.conf");
    assertThat(found.of("database")).isEmpty();
  }

  @Test
  void eachProblemOfTheConfigurationIsAFailure() throws Exception {
    Path file = config("clawterm.node.tls = maybe\nclawterm.x = 1\n");

    Findings found = doctor("--config", file.toString());

    assertThat(found.code()).isEqualTo(1);
    assertThat(found.of("configuration"))
        .contains("fail: ")
        .contains("my.conf: 1")
        .contains("on, off or auto")
        .contains("my.conf: 2")
        .contains("clawterm.x");
  }

  @Test
  void theConfigurationOfTheDataFolderIsTheOneUnlessAnotherIsNamed() throws Exception {
    Files.createDirectory(home.resolve("data"));
    Files.writeString(home.resolve("data/config.conf"), "clawterm.x = 1\n");

    Findings own = doctor();
    Findings other = doctor("--config", quiet("").toString());
    Findings none = doctor("--config", "/nowhere/my.conf");

    assertThat(own.of("configuration")).startsWith("fail").contains("config.conf: 1");
    assertThat(other.of("configuration")).startsWith("ok");
    assertThat(none.code()).isEqualTo(1);
    assertThat(none.of("configuration")).startsWith("fail").contains("/nowhere/my.conf");
  }

  @Test
  void anOpenAddressWithoutTlsIsAFailure() throws Exception {
    Path file = config("clawterm.node { bind = \"0.0.0.0\", tls = off }\n");

    Findings found = doctor("--config", file.toString());

    assertThat(found.code()).isEqualTo(1);
    assertThat(found.of("configuration")).startsWith("fail").contains("without TLS");
  }

  @Test
  void anAddressOfAnotherMachineIsNoPortInUse() throws Exception {
    Path file = config("clawterm.node { bind = \"192.0.2.1\", http-port = -1, tls = on }\n");

    Findings found = doctor("--config", file.toString());

    assertThat(found.of("tcp port")).isEqualTo("fail: 192.0.2.1 is no address of this machine");
  }

  @Test
  void aPortInUseIsAFailureWithTheOptionThatChangesIt() throws Exception {
    try (var used = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = used.getLocalPort();
      Path file =
          config(
              "clawterm.node { port = %d, http-port = -1, management-port = -1 }".formatted(port));

      Findings found = doctor("--config", file.toString());

      assertThat(found.code()).isEqualTo(1);
      assertThat(found.of("tcp port"))
          .startsWith("fail: " + port + " is in use")
          .contains("--port");
      assertThat(found.of("http port")).isEmpty();
    }
  }

  @Test
  void aFolderThatOthersMayReadIsAWarning() throws Exception {
    Path data = Files.createDirectory(home.resolve("data"));
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxr-xr-x"));

    Findings found = doctor("--config", quiet("").toString());

    assertThat(found.code()).isZero();
    assertThat(found.of("permissions")).startsWith("warn").contains("chmod 700 " + data);
    assertThat(found.of("disk")).contains("GB free");
  }

  @Test
  void aDiskThatIsNearlyFullIsAFinding() {
    assertThat(DoctorCommand.disk(2_000_000_000)).isEqualTo(DoctorCommand.Grade.OK);
    assertThat(DoctorCommand.disk(500_000_000)).isEqualTo(DoctorCommand.Grade.WARN);
    assertThat(DoctorCommand.disk(50_000_000)).isEqualTo(DoctorCommand.Grade.FAIL);
  }

  @Test
  void aFolderThatMayNotBeWrittenIsAFailure() throws Exception {
    try (OrdinaryUser user = OrdinaryUser.get()) {
      Path closed = user.closedFolder();
      Path file = user.file("my.conf", QUIET);

      Findings found = doctor(user.cli(), "--data", closed.toString(), "--config", file.toString());

      assertThat(found.code()).isEqualTo(1);
      assertThat(found.of("data folder")).startsWith("fail: no permission to write to " + closed);
    }
  }

  @Test
  void aServerWithoutPortsIsUsedOverItsSocketAndSaysWhatItCannotTell() throws Exception {
    Cli cli = Cli.in(home);
    try (RunningNode node =
        RunningNode.up(cli, "--port", "-1", "--http", "-1", "--management", "-1")) {
      assertThat(node.file().has("tcp")).isFalse();
      assertThat(node.file().has("http")).isFalse();
      assertThat(cli.run("send", "--target", "agent:demo", "count to 2").succeeded().out())
          .endsWith("1 2\n");

      for (String[] command : new String[][] {{"sessions"}, {"status"}, {"close", "a1b2c3d4"}}) {
        Cli.Result result = cli.run(command);
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("without an HTTP port").contains("--http 0");
      }
      Findings found = doctor();
      assertThat(found.code()).isZero();
      assertThat(found.of("server")).contains("process " + node.pid());
      assertThat(found.of("database")).startsWith("warn: not checked");
    }
  }

  @Test
  void aDatabaseThatDoesNotAnswerIsAFailureWithoutItsPassword() throws Exception {
    int port;
    try (var free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    String url = "postgresql://me:topsecret@127.0.0.1:" + port + "/x";

    Findings byOption = doctor("--config", quiet("").toString(), "--database", url);
    Findings bySetting =
        doctor("--config", quiet("clawterm.node.database = \"" + url + "\"").toString());
    Findings unusable =
        doctor("--config", quiet("").toString(), "--database", "mysql://me:topsecret@db/x");

    for (Findings each : new Findings[] {byOption, bySetting}) {
      assertThat(each.code()).isEqualTo(1);
      assertThat(each.of("database")).startsWith("fail").contains("127.0.0.1:" + port);
      assertThat(each.all().toString()).doesNotContain("topsecret");
    }
    assertThat(unusable.code()).isEqualTo(1);
    assertThat(unusable.of("configuration")).startsWith("fail").doesNotContain("topsecret");
  }
}
