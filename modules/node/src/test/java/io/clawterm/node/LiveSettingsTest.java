package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.config.SettingKeys;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings that change while nodes run, seen from outside. */
class LiveSettingsTest {

  private static final String LIMIT = "clawterm.edge.connections.max-per-address";
  private static final Duration LIMIT_OF_TIME = Duration.ofMinutes(1);

  @TempDir Path home;

  @Test
  void aLimitThatIsSetOnOneNodeHoldsOnTheOtherAndAfterAKill() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.start(home.resolve("pg"), EmbeddedPostgresSettings.forTests())) {
      Cli first = machine("first");
      Cli second = machine("second");
      try (RunningNode one = RunningNode.up(first, "--database", url(postgres));
          RunningNode two = RunningNode.up(second, "--database", url(postgres))) {
        assertThat(isTaken(two)).isTrue();

        Cli.Result set = first.run("settings", "set", LIMIT, "1", "--reason", "a test").succeeded();

        assertThat(set.out()).contains("15000 -> 1 (version 1)").contains("all 2 nodes");
        try (Socket held = connect(two)) {
          assertThat(held.isConnected()).isTrue();
          await().atMost(LIMIT_OF_TIME).until(() -> !isTaken(two));
        }
        Cli.Result refused = second.run("settings", "set", LIMIT, "0");
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err()).contains("must be 1 to 10000000, is 0");
        assertThat(second.run("settings", "set", "clawterm.node.port", "1").err())
            .contains("needs a restart");
        assertThat(second.run("settings", "set", "clawterm.pty.allow", "[\"*\"]").err())
            .contains("opens a door");

        two.kill();

        assertThat(one.isAlive()).isTrue();
      }
      try (RunningNode again = RunningNode.up(second, "--database", url(postgres))) {
        assertThat(second.run("settings", "get", LIMIT).succeeded().out())
            .contains(LIMIT + " = 1")
            .contains("cluster, version 1 by default/local")
            .contains("a test");
        try (Socket held = connect(again)) {
          assertThat(held.isConnected()).isTrue();
          await().atMost(LIMIT_OF_TIME).until(() -> !isTaken(again));
        }
        second.run("settings", "unset", LIMIT).succeeded();
        assertThat(isTaken(again)).isTrue();
        assertThat(second.run("settings", "history", LIMIT).succeeded().out())
            .containsPattern("(?s)2  .* 1 -> - .*1  .* - -> 1 .*a test");
      }
    }
  }

  @Test
  void aReloadTakesTheFileAndNamesWhatWaits() throws Exception {
    Cli cli = machine("laptop");
    Path file = cli.data().resolve("config.conf");
    Files.writeString(file, "clawterm.agent.max-attempts = 3\n");
    try (RunningNode node = RunningNode.up(cli)) {
      Files.writeString(
          file,
          """
          clawterm { agent.max-attempts = 4, pty.allow = ["uname -s"]
          node.log-level = debug, node.tls = on }
          """);

      String told = cli.run("settings", "reload").succeeded().out();

      assertThat(told)
          .contains("clawterm.agent.max-attempts: 3 -> 4")
          .contains("clawterm.pty.allow: [] -> [\"uname -s\"]")
          .contains("clawterm.node.tls waits for the next start")
          .doesNotContain("node.port");
      assertThat(cli.runWith("", "connect", "pty:uname -s").succeeded().out()).contains("Linux");
      assertThat(cli.run("settings", "history").out())
          .contains("clawterm.agent.max-attempts: 3 -> 4  in the file of node");
      assertThat(cli.run("settings").out()).contains("config.conf: 1");

      Files.writeString(file, "clawterm.agent.max-attempts = 0\n");
      assertThat(cli.run("settings", "reload").err()).contains("max-attempts must be above 0");
      assertThat(cli.run("settings", "get", "clawterm.agent.max-attempts").out()).contains("= 4");
      assertThat(node.isAlive()).isTrue();
    }
  }

  @Test
  void eachLiveKeyIsThereAndMarkedInTheReference() throws IOException {
    SettingKeys keys = LiveKeys.of(Map.of());
    Config defaults = ConfigFactory.parseResources("reference.conf");
    assertThat(keys.live())
        .hasSizeGreaterThan(50)
        .allSatisfy(key -> assertThat(defaults.hasPath(key)).as(key).isTrue());
    assertThat(keys.secret()).allSatisfy(key -> assertThat(defaults.hasPath(key)).as(key).isTrue());

    Set<String> marked = new TreeSet<>();
    String block = "";
    for (String line :
        Files.readAllLines(
            ArchitectureTest.repository().resolve("docs/reference/configuration.md"))) {
      if (line.startsWith("## ")) {
        block = line.substring(3);
      }
      var row = Pattern.compile("^\\| `([a-z0-9.-]+)` \\| .*\\*live\\*.*\\|$").matcher(line);
      if (row.matches()) {
        marked.add(block + "." + row.group(1));
      }
    }
    assertThat(marked).isEqualTo(new TreeSet<>(keys.live()));
  }

  @Test
  void aModelThatTheEnvironmentNamesGoesBeforeTheClusters() {
    assertThat(LiveKeys.of(Map.of("CLAWTERM_MODEL", "openai/x")).held())
        .containsOnlyKeys("clawterm.model.name");
    assertThat(LiveKeys.of(Map.of("CLAWTERM_MODEL", " ")).held()).isEmpty();
  }

  /** Whether the node keeps a connection open that says nothing yet. */
  private static boolean isTaken(RunningNode node) throws IOException {
    try (Socket socket = connect(node)) {
      socket.setSoTimeout(2_000);
      assertThat(socket.getInputStream().read()).as("a refusal, or the end").isLessThan(256);
      return false;
    } catch (SocketTimeoutException e) {
      return true; // nothing came: it waits for the first frame
    }
  }

  private static Socket connect(RunningNode node) throws IOException {
    String[] address = node.file().path("tcp").asText().split(":", 2);
    return new Socket(InetAddress.getByName(address[0]), Integer.parseInt(address[1]));
  }

  private Cli machine(String name) throws IOException {
    Cli cli = Cli.in(Files.createDirectory(home.resolve(name)));
    Files.createDirectory(cli.data());
    return cli;
  }

  private static String url(EmbeddedPostgres postgres) {
    return "postgresql://%s:%s@%s"
        .formatted(
            postgres.target().user(),
            postgres.target().password().value(),
            postgres.target().url().replaceFirst("jdbc:postgresql://", ""));
  }
}
