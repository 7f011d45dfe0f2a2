package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node from start to stop, to kill -9, and to the start after that. */
class NodeLifeTest {

  private static final String KEY = "sk-test-0123456789abcdef";

  @TempDir Path home;

  @Test
  void aConversationSurvivesKill9() throws Exception {
    Cli cli = Cli.in(home);
    Path out = home.resolve("conversation.out");
    Path err = home.resolve("conversation.err");
    Optional<Long> database;
    Process client;
    try (RunningNode first = RunningNode.up(cli)) {
      client =
          cli.start(out, err, "send", "--target", "agent:demo", "count to 600 at 50 per second");
      client.getOutputStream().close();
      await().atMost(Duration.ofMinutes(1)).until(() -> Files.readString(out).contains(" 50 "));
      database = first.databasePid();
      first.kill();
    }
    assertThat(database.flatMap(ProcessHandle::of)).as("the left-over database").isPresent();

    try (RunningNode second = RunningNode.up(cli)) {
      assertThat(second.databasePid()).as("adopted").isEqualTo(database);
      assertThat(client.waitFor(90, TimeUnit.SECONDS)).isTrue();
      assertThat(client.exitValue()).as(Files.readString(err)).isZero();
      String answer = Files.readString(out);
      assertThat(answer.substring(answer.indexOf('\n') + 1).strip().split("\\s+", -1))
          .containsExactlyElementsOf(
              IntStream.rangeClosed(1, 600).mapToObj(String::valueOf).collect(Collectors.toList()));
      assertThat(cli.runWith("", "resume", "--all").succeeded().out()).contains(" 599 600");
    } finally {
      client.destroyForcibly();
    }
  }

  @Test
  void sigtermTellsDevicesAndEndsCleanly() throws Exception {
    Cli cli = Cli.in(home);
    Path out = home.resolve("client.out");
    Path err = home.resolve("client.err");
    Optional<Process> started = Optional.empty();
    try (RunningNode node = RunningNode.upAsItIs(cli)) {
      Process client =
          cli.start(out, err, "send", "--target", "agent:demo", "count to 2000 at 20 per second");
      started = Optional.of(client);
      client.getOutputStream().close();
      await().atMost(Duration.ofMinutes(1)).until(() -> Files.readString(out).contains(" 10 "));
      assertThat(node.databasePid()).isPresent();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(cli.data())))
          .isEqualTo("rwx------");
      assertThat(cli.postgres()).isDirectory();
      assertThat(Files.isSymbolicLink(cli.postgres())).as("unpacked").isFalse();

      long begin = System.nanoTime();
      int code = node.terminate();

      assertThat(code).as(node.complained()).isZero();
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(30));
      assertThat(node.databasePid()).as("the database").isEmpty();
      assertThat(node.complained()).doesNotContain("WARN", "ERROR", "not everything");
      assertThat(cli.data().resolve("run/node.json")).doesNotExist();
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() ->
              assertThat(Files.readString(err).toLowerCase(Locale.ROOT)).contains("shuts down"));
      assertThat(client.isAlive()).as("the client comes back by itself").isTrue();
    } finally {
      started.ifPresent(Process::destroyForcibly);
    }
    Cli.Result none = cli.run("status");
    assertThat(none.code()).isEqualTo(3);
    assertThat(none.err()).contains("clawterm up");
  }

  @Test
  void managementShowsTheClusterAndChangesNothing() throws Exception {
    Cli cli = Cli.in(home);
    int port;
    try (var socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    try (RunningNode node = RunningNode.up(cli, "--management", String.valueOf(port));
        HttpClient http = HttpClient.newHttpClient()) {
      URI members = URI.create("http://127.0.0.1:" + port + "/cluster/members");
      HttpResponse<String> read =
          http.send(HttpRequest.newBuilder(members).build(), HttpResponse.BodyHandlers.ofString());
      String self = read.body().replaceAll("(?s).*\"selfNode\":\"([^\"]*)\".*", "$1");
      HttpResponse<String> down =
          http.send(
              HttpRequest.newBuilder(
                      URI.create(members + "/" + URLEncoder.encode(self, StandardCharsets.UTF_8)))
                  .DELETE()
                  .build(),
              HttpResponse.BodyHandlers.ofString());

      assertThat(read.statusCode()).isEqualTo(200);
      assertThat(self).startsWith("akka://clawterm@127.0.0.1");
      assertThat(down.statusCode()).isEqualTo(405);
      assertThat(node.pid()).isPositive();
      cli.run("status").succeeded();
    }
  }

  @Test
  void tlsWithASelfSignedCertificateIsPinned() throws Exception {
    Cli cli = Cli.in(home);
    try (RunningNode node = RunningNode.up(cli, "--tls", "on", "--bind", "0.0.0.0")) {
      String fingerprint = node.file().path("fingerprint").asText();
      assertThat(node.said()).contains(fingerprint);
      String server = "tls://127.0.0.1:" + node.file().path("tcp").asText().replaceAll(".*:", "");
      String token = cli.data().resolve("token").toString();
      String[] send = {
        "send",
        "--data",
        home.resolve("elsewhere").toString(),
        "--server",
        server,
        "--token-file",
        token,
        "--target",
        "agent:demo",
        "count to 2 at 100 per second"
      };

      Cli.Result unknown = cli.run(send);
      Cli.Result pinned = cli.run(with(send, "--fingerprint", fingerprint));
      Cli.Result wrong = cli.run(with(send, "--fingerprint", "00".repeat(32)));
      Cli.Result remembered = cli.run(send);

      assertThat(unknown.code()).isEqualTo(1);
      assertThat(unknown.err()).contains("--fingerprint");
      assertThat(pinned.succeeded().out()).endsWith("1 2\n");
      assertThat(wrong.code()).isEqualTo(1);
      assertThat(wrong.err()).doesNotContain("should not happen");
      assertThat(remembered.succeeded().out()).endsWith("1 2\n");
      cli.run("status").succeeded();
    }
  }

  @Test
  void aCertificateOfOnesOwnIsShownAndTrustedByPinOrAuthority() throws Exception {
    var own = OwnCertificate.make(home.resolve("own"));
    Cli cli = Cli.in(home);
    String[] files = {"--tls-cert", own.chain().toString(), "--tls-key", own.key().toString()};
    try (RunningNode node = RunningNode.up(cli, files)) {
      String[] send = {
        "send",
        "--data",
        home.resolve("elsewhere").toString(),
        "--server",
        "tls://" + node.file().path("tcp").asText(),
        "--token-file",
        cli.data().resolve("token").toString(),
        "--target",
        "agent:demo",
        "count to 2 at 100 per second"
      };

      Cli.Result unknown = cli.run(send);
      Cli.Result vouchedFor = cli.with("JDK_JAVA_OPTIONS", own.trustOptions()).run(send);
      Cli.Result pinned = cli.run(with(send, "--fingerprint", own.fingerprint()));

      assertThat(node.file().path("fingerprint").asText().replace(":", ""))
          .isEqualToIgnoringCase(own.fingerprint());
      assertThat(cli.data().resolve("tls")).doesNotExist();
      assertThat(unknown.code()).isEqualTo(1);
      assertThat(unknown.err()).contains(own.fingerprint());
      assertThat(vouchedFor.succeeded().out()).endsWith("1 2\n");
      assertThat(pinned.succeeded().out()).endsWith("1 2\n");
      cli.run("status").succeeded();
    }
  }

  private static String[] with(String[] command, String option, String value) {
    String[] longer = Arrays.copyOf(command, command.length + 2);
    longer[command.length] = option;
    longer[command.length + 1] = value;
    return longer;
  }

  @Test
  void openAisDialectAnswersAndACutStreamIsRunAgain() throws Exception {
    try (ScriptedModelServer model =
        ScriptedModelServer.start(Script.counted(200).withChunkDelay(Duration.ofMillis(20)))
            .requireKey(KEY)) {
      Cli cli =
          Cli.in(home)
              .with("OPENAI_BASE_URL", model.openAiBaseUrl())
              .with("OPENAI_API_KEY", KEY)
              .with("CLAWTERM_MODEL", "openai/scripted");
      Path out = home.resolve("main.out");
      Path err = home.resolve("main.err");
      Process client;
      try (RunningNode first = RunningNode.up(cli)) {
        client = cli.start(out, err, "send", "count, please");
        client.getOutputStream().close();
        await().atMost(Duration.ofMinutes(1)).until(() -> Files.readString(out).contains(" 30 "));
        first.kill();
      }
      try (RunningNode second = RunningNode.up(cli)) {
        assertThat(client.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(client.exitValue()).as(Files.readString(err)).isZero();
        assertThat(Files.readString(out)).endsWith(counted(200) + "\n");
        assertThat(Files.readString(out) + Files.readString(err))
            .as("the person is told that what was shown is void, and why")
            .containsIgnoringCase("again");
        assertThat(model.requests()).hasSizeGreaterThanOrEqualTo(2);
        assertThat(cli.runWith("", "resume", "--all").succeeded().out()).contains(counted(200));
        assertThat(second.said() + second.complained() + log(cli)).doesNotContain(KEY);
      } finally {
        client.destroyForcibly();
      }
    }
  }

  @Test
  void anthropicsDialectAnswers() throws Exception {
    try (ScriptedModelServer model =
        ScriptedModelServer.start(Script.answer("Four", "teen.")).requireKey(KEY)) {
      Cli cli =
          Cli.in(home)
              .with("ANTHROPIC_BASE_URL", model.anthropicBaseUrl())
              .with("ANTHROPIC_API_KEY", KEY);
      try (RunningNode node = RunningNode.up(cli)) {
        assertThat(cli.run("send", "7 + 7?").succeeded().out()).isEqualTo("Fourteen.\n");
        assertThat(node.complained() + log(cli)).doesNotContain(KEY);
      }
    }
  }

  private static String counted(int last) {
    return IntStream.rangeClosed(1, last)
        .mapToObj(String::valueOf)
        .collect(Collectors.joining(" "));
  }

  private static String log(Cli cli) throws IOException {
    return Files.readString(cli.data().resolve("logs/clawterm.log"));
  }
}
