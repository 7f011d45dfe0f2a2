package io.clawterm.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.testkit.EchoPod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real nodes of which one takes devices alone, and the others hold sessions alone. */
@Tag("long")
class NodeRolesTest {

  private static final Duration LIMIT = Duration.ofMinutes(2);

  @TempDir static Path home;

  private static EmbeddedPostgres postgres;

  @BeforeAll
  static void startDatabase() {
    postgres = EmbeddedPostgres.start(home.resolve("pg"), EmbeddedPostgresSettings.forTests());
  }

  @AfterAll
  static void stopDatabase() {
    postgres.close();
  }

  @Test
  void anEdgeTakesDevicesAndSessionsLiveWhereTheyMay() throws Exception {
    try (RunningNode edge = up("edge", "edge")) {
      Cli.Result refused = edge.cli().run("send", "--target", "agent:demo", "count to 2");
      assertThat(refused.code()).as(refused.err()).isNotZero();
      assertThat(refused.err()).contains("no node of the cluster holds sessions");

      try (RunningNode first = up("first", "session, agent")) {
        edge.cli().run("send", "--target", "agent:demo", "count to 2").succeeded();
        Path out = Files.createFile(home.resolve("talk.out"));
        Process talk =
            edge.cli()
                .start(out, Files.createFile(home.resolve("talk.err")), "connect", "agent:demo");
        say(talk, "count to 400 at 10 per second");
        await().atMost(LIMIT).until(() -> Files.readString(out).contains(" 5 "));

        try (RunningNode second = up("second", "session, agent")) {
          Cli.Result alone = edge.cli().run("drain", "--timeout", "8");
          assertThat(alone.code()).isNotZero();
          assertThat(alone.err()).contains("there is no other node that takes devices");
          edge.cli().run("drain", "--undo").succeeded();

          assertThat(first.cli().run("drain").succeeded().out()).contains("is empty");
          assertThat(figure(edge, "first", "shards")).isZero();
          await().atMost(LIMIT).until(() -> figure(edge, "second", "sessions") > 0);
          assertThat(figure(edge, "edge", "shards")).isZero();
          assertThat(figure(edge, "edge", "devices")).isEqualTo(1);
          first.cli().run("drain", "--undo").succeeded();

          second.kill();

          await().atMost(LIMIT).until(() -> Files.readString(out).contains(" 400"));
          assertThat(figure(edge, "first", "sessions")).isPositive();
          assertThat(figure(edge, "edge", "shards")).isZero();
        } finally {
          talk.destroyForcibly();
        }
      }
    }
  }

  @Test
  void aPodIsReachedThroughTheNodeOnItsMachine() throws Exception {
    try (RunningNode edge = up("pods", "edge");
        RunningNode first = up("one", "session, agent");
        RunningNode second = up("two", "session, agent");
        EchoPod pod = EchoPod.listen(edge.cli().data().resolve("run/sockets/far.sock"), 1)) {
      Path out = Files.createFile(home.resolve("pod.out"));
      Process talk =
          edge.cli().start(out, Files.createFile(home.resolve("pod.err")), "connect", "pod:far");
      try {
        say(talk, "one");
        await().atMost(LIMIT).until(() -> Files.readString(out).contains("<one>"));
        assertThat(figure(edge, "pods", "shards")).isZero();
        await()
            .atMost(LIMIT)
            .until(() -> figure(edge, "one", "sessions") + figure(edge, "two", "sessions") == 1);
        RunningNode there = figure(edge, "one", "sessions") == 1 ? first : second;

        assertThat(there.cli().run("drain").succeeded().out()).contains("is empty");
        say(talk, "two");
        await().atMost(LIMIT).until(() -> Files.readString(out).contains("<two>"));
        there.cli().run("drain", "--undo").succeeded();

        (there == first ? second : first).kill();
        say(talk, "three");
        await().atMost(LIMIT).until(() -> Files.readString(out).contains("<three>"));
        assertThat(pod.inputs()).containsExactly("one", "two", "three");
        assertThat(pod.complaints()).isEmpty();
      } finally {
        talk.destroyForcibly();
      }
    }
  }

  @Test
  void anEdgeThatIsDrainedSendsItsDevicesToAnotherEdge() throws Exception {
    try (RunningNode leaving = up("leaving", "edge");
        RunningNode taking = up("taking", "edge");
        RunningNode holding = up("holding", "session, agent")) {
      var heard = new ConcurrentLinkedQueue<String>();
      try (ClawTermClient client =
          ClawTermClient.builder()
              .address(ServerAddress.parse("tcp://" + leaving.file().path("tcp").asText()))
              .credential(leaving.token())
              .build()) {
        ClientSession session =
            client
                .connect(ConnectOptions.target("agent:demo"))
                .toCompletableFuture()
                .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        session.onOutput(received -> {
          if (received instanceof Received.Entry entry) {
            heard.add(entry.text());
          }
        });
        session
            .send("count to 300 at 10 per second")
            .toCompletableFuture()
            .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        await().atMost(LIMIT).until(() -> String.join("", heard).contains(" 5 "));

        assertThat(leaving.cli().run("drain").succeeded().out()).contains("is empty");

        assertThat(figure(holding, "leaving", "connections")).isZero();
        assertThat(figure(taking, "taking", "connections")).isEqualTo(1);
        await().atMost(LIMIT).until(() -> String.join("", heard).contains(" 300"));
        assertThat(String.join("", heard).replace('\n', ' ')).contains(counted(2, 300));
      }
    }
  }

  private static String counted(int first, int last) {
    return IntStream.rangeClosed(first, last)
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(" "));
  }

  private static void say(Process talk, String line) throws IOException {
    talk.getOutputStream().write((line + "\n").getBytes(UTF_8));
    talk.getOutputStream().flush();
  }

  /** -1: that node has not said. */
  private static int figure(RunningNode asked, String name, String figure) throws Exception {
    JsonNode cluster =
        new ObjectMapper().readTree(asked.cli().run("cluster", "--json").succeeded().out());
    for (JsonNode node : cluster.path("nodes")) {
      if (node.path("address").asText().contains(address(name))) {
        return node.path("figures").path(figure).asInt(-1);
      }
    }
    throw new AssertionError(name + " is not in " + cluster);
  }

  private static String address(String name) {
    return "127.0.0."
        + (11
            + List.of(
                    "edge", "first", "second", "pods", "one", "two", "leaving", "taking", "holding")
                .indexOf(name));
  }

  private static RunningNode up(String name, String roles) throws IOException {
    Cli cli = Cli.in(Files.createDirectory(home.resolve(name)));
    Files.createDirectory(cli.data());
    Files.writeString(cli.data().resolve("token"), "ct_" + "r".repeat(43) + "\n");
    Files.writeString(
        cli.data().resolve("config.conf"), "clawterm.cluster.roles = [" + roles + "]\n");
    return RunningNode.up(cli, "--database", url(), "--cluster-host", address(name));
  }

  private static String url() {
    return "postgresql://%s:%s@%s"
        .formatted(
            postgres.target().user(),
            postgres.target().password().value(),
            postgres.target().url().replaceFirst("jdbc:postgresql://", ""));
  }
}
