package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.Ending;
import io.clawterm.client.Received;
import io.clawterm.client.ServerAddress;
import io.clawterm.protocol.Frame;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each command against one running node, both as processes of their own. */
class CommandsTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String LABEL = "[demo: a script counts, no model is asked]\n";

  @TempDir static Path home;

  private static Cli cli;
  private static RunningNode node;

  @BeforeAll
  static void start() throws IOException {
    cli = Cli.in(home);
    Files.createDirectory(cli.data());
    Files.writeString(
        cli.data().resolve("config.conf"),
        "clawterm.pty.allow = [\"shell\", \"echo hello\", \"cat\"]\n");
    node = RunningNode.up(cli);
  }

  @AfterAll
  static void stop() throws Exception {
    node.close();
  }

  @Test
  void sendPrintsTheAnswerAndNothingElse() throws Exception {
    Cli.Result sent =
        cli.run("send", "--target", "agent:demo", "count to 5 at 100 per second").succeeded();

    assertThat(sent.out()).isEqualTo(LABEL + "1 2 3 4 5\n");
  }

  @Test
  void aConversationThroughPipesCanBeFoundResumedAndClosed() throws Exception {
    Cli.Result talked =
        cli.runWith("count to 3 at 100 per second\n", "connect", "agent:demo").succeeded();
    assertThat(talked.out()).contains("1 2 3\n");
    String id = talked.err().replaceAll("(?s).*clawterm resume ([0-9a-f]{8}).*", "$1");
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> cli.run("sessions").succeeded().out().contains(id));
    JsonNode listed = JSON.readTree(cli.run("sessions", "--json").succeeded().out());
    assertThat(listed.isArray()).isTrue();
    assertThat(listed.findValuesAsText("id")).contains(id);

    Cli.Result more = cli.run("send", "--session", id, "count to 2 at 100 per second").succeeded();
    assertThat(more.out()).isEqualTo(LABEL + "1 2\n");
    assertThat(cli.runWith("", "resume", "--all", id).succeeded().out())
        .contains("1 2 3\n")
        .contains("1 2\n");

    assertThat(cli.run("close", id).succeeded().out()).contains(id + " is closed");
    Cli.Result late = cli.run("send", "--session", id, "hello");
    assertThat(late.code()).isEqualTo(1);
    assertThat(late.err()).doesNotContain("should not happen");
  }

  @Test
  void sendAndCloseTellTheSessionAsJson() throws Exception {
    JsonNode first =
        JSON.readTree(
            cli.run("send", "--json", "--target", "agent:demo", "count to 3 at 100 per second")
                .succeeded()
                .out());
    String id = first.path("session").asText();
    JsonNode second =
        JSON.readTree(
            cli.run("send", "--json", "--session", id, "count to 2 at 100 per second")
                .succeeded()
                .out());
    Cli.Result failed = cli.run("send", "--json", "hello");
    JsonNode closed = JSON.readTree(cli.run("close", "--json", id).succeeded().out());

    assertThat(first.path("outcome").asText()).isEqualTo("done");
    assertThat(first.path("text").asText()).isEqualTo(LABEL + "1 2 3\n");
    assertThat(second.path("session").asText()).isEqualTo(id);
    assertThat(second.path("text").asText()).isEqualTo(LABEL + "1 2\n");
    assertThat(failed.code()).isEqualTo(1);
    assertThat(JSON.readTree(failed.out()).path("outcome").asText()).isEqualTo("failed");
    assertThat(JSON.readTree(failed.out()).path("text").asText()).contains("No model is set up");
    assertThat(closed).isEqualTo(JSON.createObjectNode().put("session", id).put("state", "ended"));
  }

  @Test
  void aKeyJoinsTheSessionAndADeviceHasItsName() throws Exception {
    JsonNode first =
        JSON.readTree(
            cli.run(
                    "send",
                    "--json",
                    "--key",
                    "team",
                    "--device",
                    "phone",
                    "--target",
                    "agent:demo",
                    "count to 1")
                .succeeded()
                .out());

    Cli.Result joined =
        cli.runWith("", "connect", "--key", "team", "--device", "laptop", "--mode", "share");

    assertThat(joined.succeeded().err())
        .contains("phone > count to 1")
        .contains("session " + first.path("session").asText());
  }

  @Test
  void aModeSaysWhatBecomesOfOtherDevices() throws Exception {
    try (ClawTermClient client = client()) {
      ClientSession session =
          client
              .connect(ConnectOptions.target("agent:demo").withKey("modes").withEvents(true))
              .toCompletableFuture()
              .get(30, TimeUnit.SECONDS);
      CompletableFuture<Ending> ended = session.ended().toCompletableFuture();
      String[] join = {"connect", "--key", "modes", "--device", "other", "--mode"};

      Cli.Result wrong = cli.runWith("", with(join, "steal"));
      cli.runWith("count to 1\n", with(join, "share")).succeeded();
      Cli.Result watched = cli.runWith("", with(join, "watch"));
      Cli.Result talked = cli.runWith("count to 1\n", with(join, "watch"));
      boolean undisturbed = !ended.isDone();
      cli.runWith("", with(join, "takeover")).succeeded();

      assertThat(wrong.code()).isEqualTo(2);
      assertThat(wrong.err()).contains("takeover, share or watch");
      assertThat(watched.succeeded().out()).contains("1\n");
      assertThat(talked.code()).isEqualTo(1);
      assertThat(talked.err()).contains("watch").doesNotContain("should not happen");
      assertThat(undisturbed).isTrue();
      assertThat(ended.get(30, TimeUnit.SECONDS))
          .isInstanceOfSatisfying(
              Ending.Failed.class,
              failed -> assertThat(failed.cause()).hasMessageContaining("TAKEN_OVER"));
    }
  }

  private static String[] with(String[] command, String last) {
    return Stream.concat(Stream.of(command), Stream.of(last)).toArray(String[]::new);
  }

  @Test
  void anExpiryIsKept() throws Exception {
    String id =
        cli.runWith("", "connect", "--expiry", "3", "agent:demo")
            .succeeded()
            .err()
            .replaceAll("(?s).*clawterm resume ([0-9a-f]{8}).*", "$1");

    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> {
          String session = get(node.file().path("http").asText() + "/api/v1/sessions/" + id).body();
          assertThat(JSON.readTree(session).path("expirySeconds").asLong())
              .isEqualTo(Duration.ofDays(3).toSeconds());
        });
  }

  @Test
  void sessionsBeyondTheFirstPageAreListed() throws Exception {
    List<String> opened = new ArrayList<>();
    try (ClawTermClient client = client()) {
      for (int i = 0; i < 101; i++) {
        opened.add(
            client
                .connect(ConnectOptions.target("agent:demo"))
                .toCompletableFuture()
                .get(30, TimeUnit.SECONDS)
                .id()
                .toString());
      }
    }

    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() ->
            assertThat(
                    JSON.readTree(cli.run("sessions", "--json").succeeded().out())
                        .findValuesAsText("id"))
                .containsAll(opened)
                .doesNotHaveDuplicates());
  }

  private static ClawTermClient client() throws IOException {
    return ClawTermClient.builder()
        .address(ServerAddress.unix(Path.of(node.file().path("unix").asText())))
        .build();
  }

  @Test
  void statusAndDoctorTellHowItIs() throws Exception {
    JsonNode status = JSON.readTree(cli.run("status", "--json").succeeded().out());
    assertThat(status.path("database").path("ok").asBoolean()).isTrue();
    assertThat(cli.run("status").succeeded().out()).contains("version");

    JsonNode findings = JSON.readTree(cli.run("doctor", "--json").succeeded().out());
    assertThat(findings.findValuesAsText("grade")).doesNotContain("fail");
    assertThat(cli.run("doctor").succeeded().out()).contains("process " + node.pid());
  }

  @Test
  void mainWithoutAModelSaysHowToGetOneAndFails() throws Exception {
    Cli.Result sent = cli.run("send", "hello");

    assertThat(sent.code()).isEqualTo(1);
    assertThat(sent.out() + sent.err())
        .contains("No model is set up")
        .contains("ANTHROPIC_API_KEY")
        .doesNotContain("should not happen");
  }

  @Test
  void aProgramRunsOnlyWhereTheConfigurationAllowsIt() throws Exception {
    Cli.Result allowed = cli.runWith("", "connect", "pty:echo hello").succeeded();
    assertThat(allowed.out()).isEqualTo("hello\r\n");
    Cli.Result fed = cli.runWith("one\ntwo", "connect", "pty:cat").succeeded();
    assertThat(fed.out()).contains("one\r\n").endsWith("two").doesNotContain("{");

    Cli.Result refused = cli.runWith("", "connect", "pty:id");
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains("pty").doesNotContain("should not happen");
  }

  @Test
  void aProgramHasTheSizeOfTheTerminalAndItsChanges() throws Exception {
    List<String> shown = new CopyOnWriteArrayList<>();
    try (ClawTermClient client = client()) {
      ClientSession session =
          client
              .connect(ConnectOptions.target("pty:shell").withSize(100, 30))
              .toCompletableFuture()
              .get(30, TimeUnit.SECONDS);
      session.onOutput(received -> {
        if (received instanceof Received.Entry entry) {
          shown.add(new String(entry.bytes(), StandardCharsets.UTF_8));
        }
      });

      session.send("stty size\n").toCompletableFuture().get(30, TimeUnit.SECONDS);
      await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> String.join("", shown).contains("30 100\r\n"));
      session.resize(120, 40);
      await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> {
            session.send("stty size\n").toCompletableFuture().get(30, TimeUnit.SECONDS);
            return String.join("", shown).contains("40 120\r\n");
          });
      session.disconnect().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void anUnknownTargetIsRefused() throws Exception {
    Cli.Result sent = cli.run("send", "--target", "agent:nobody", "hello");

    assertThat(sent.code()).isEqualTo(1);
    assertThat(sent.err()).contains("NO_SUCH_TARGET").doesNotContain("should not happen");
  }

  @Test
  void aWrongTokenIsRefusedOverTcp() throws Exception {
    Path token = Files.writeString(home.resolve("wrong-token"), "ct_wrong");

    Cli.Result sent =
        cli.run(
            "send",
            "--server",
            "tcp://" + node.file().path("tcp").asText(),
            "--token-file",
            token.toString(),
            "hello");

    assertThat(sent.code()).isEqualTo(1);
    assertThat(sent.err()).contains("token").doesNotContain("should not happen");
  }

  @Test
  void theOwnTokenIsTakenOverTcp() throws Exception {
    Cli.Result sent =
        cli.run(
                "send",
                "--server",
                "tcp://" + node.file().path("tcp").asText(),
                "--token-file",
                cli.data().resolve("token").toString(),
                "--target",
                "agent:demo",
                "count to 2 at 100 per second")
            .succeeded();

    assertThat(sent.out()).endsWith("1 2\n");
  }

  @Test
  void aMissingTokenFileIsNamed() throws Exception {
    Cli.Result sent = cli.run("send", "--token-file", "/nowhere/token", "hello");

    assertThat(sent.code()).isEqualTo(1);
    assertThat(sent.err()).contains("/nowhere/token").doesNotContain("should not happen");
  }

  @ParameterizedTest
  @ValueSource(strings = {"close", "resume", "send --session"})
  void whatIsNoSessionIsWrongUse(String command) throws Exception {
    Cli.Result result =
        cli.run(
            Stream.concat(
                    Stream.of(command.split(" ", -1)),
                    Stream.of("not-an-id", "hello").limit(command.startsWith("send") ? 2 : 1))
                .toArray(String[]::new));

    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains("not-an-id");
  }

  @Test
  void aSecondNodeOnTheSameDataIsRefusedAndNamesTheFirst() throws Exception {
    Cli.Result second = cli.run("up", "--port", "0", "--http", "0", "--management", "0");

    assertThat(second.code()).isEqualTo(1);
    assertThat(second.err()).contains(String.valueOf(node.pid())).contains(cli.data().toString());
    cli.run("status").succeeded();
  }

  @Test
  void aPortInUseIsNamedWithTheOptionThatChangesIt() throws Exception {
    String tcp = node.file().path("tcp").asText().replaceAll(".*:", "");
    String http = node.file().path("http").asText().replaceAll(".*:", "");
    Cli other =
        new Cli(Files.createDirectory(home.resolve("other")), cli.environment(), cli.prefix());

    Cli.Result onTcp = other.run("up", "--port", tcp, "--http", "0", "--management", "0");
    Cli.Result onHttp = other.run("up", "--port", "0", "--http", http, "--management", "0");
    Cli.Result onManagement = other.run("up", "--port", "0", "--http", "0", "--management", tcp);

    for (Cli.Result result : new Cli.Result[] {onTcp, onHttp, onManagement}) {
      assertThat(result.code()).as(result.err()).isEqualTo(1);
      assertThat(result.err()).doesNotContain("should not happen");
    }
    assertThat(onTcp.err()).contains("127.0.0.1:" + tcp).contains("--port");
    assertThat(onHttp.err()).contains("127.0.0.1:" + http).contains("--http");
    assertThat(onManagement.err()).contains("127.0.0.1:" + tcp).contains("--management");
    try (Stream<Path> files = Files.walk(other.data())) {
      assertThat(files).noneMatch(file -> file.endsWith("postmaster.pid"));
    }
  }

  @Test
  void theDataFolderIsTheOwnersAlone() throws IOException {
    for (String name : new String[] {"run", "logs"}) {
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(cli.data().resolve(name))))
          .as(name)
          .isEqualTo("rwx------");
    }
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(cli.data().resolve("token"))))
        .isEqualTo("rw-------");
  }

  @Test
  void metricsShowTheJvmAndTheConnections() throws Exception {
    String metrics = get(node.file().path("http").asText() + "/metrics").body();

    assertThat(metrics)
        .contains("jvm_memory_used_bytes")
        .contains("jvm_threads_live_threads")
        .contains("process_cpu_usage")
        .contains("process_files_open_files");
  }

  @Test
  void theLogHasNoToken() throws Exception {
    cli.run("status").succeeded();

    String log = Files.readString(cli.data().resolve("logs/clawterm.log"));

    assertThat(log).contains("the node is ready").doesNotContain(node.token());
  }

  private static HttpResponse<String> get(String uri) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create(uri))
              .header("Authorization", "Bearer " + node.token())
              .build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  /** A WebSocket client that knows frames and nothing of this project's client library. */
  @Test
  void theDemoAgentAnswersOverWebSocket() throws Exception {
    var received = new CompletableFuture<String>();
    var text = new StringBuilder();
    var listener =
        new WebSocket.Listener() {
          private ByteBuffer message = ByteBuffer.allocate(Frame.OVERHEAD + Frame.MAX_PAYLOAD);
          private boolean asked;

          @Override
          public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean last) {
            message.put(part);
            if (last) {
              message.flip();
              int session = message.getInt(1);
              int type = message.get(9);
              byte[] payload = new byte[message.getShort(11) & 0xFFFF];
              message.get(13, payload);
              message = ByteBuffer.allocate(Frame.OVERHEAD + Frame.MAX_PAYLOAD);
              if (type == 0x10) {
                text.append(new String(payload, StandardCharsets.UTF_8));
              }
              if (text.toString().contains("1 2 3")) {
                received.complete(text.toString());
              }
              if (type == 0x02 && !asked) {
                asked = true;
                var unused =
                    socket.sendBinary(
                        frame(
                            session,
                            1,
                            0x10,
                            "count to 3 at 100 per second\n".getBytes(StandardCharsets.UTF_8)),
                        true);
              }
              if (type == 0x40) {
                received.completeExceptionally(new AssertionError("disconnected"));
              }
            }
            socket.request(1);
            return CompletableFuture.completedFuture(null);
          }

          @Override
          public void onError(WebSocket socket, Throwable error) {
            received.completeExceptionally(error);
          }
        };
    try (HttpClient client = HttpClient.newHttpClient()) {
      WebSocket socket =
          client
              .newWebSocketBuilder()
              .subprotocols("clawterm.v1")
              .buildAsync(
                  URI.create(
                      node.file().path("http").asText().replace("http:", "ws:") + "/terminal"),
                  listener)
              .get(30, TimeUnit.SECONDS);
      socket.sendBinary(frame(0, 0, 0x01, connect(node.token())), true).get(30, TimeUnit.SECONDS);

      assertThat(received.get(60, TimeUnit.SECONDS)).contains("1 2 3");
      socket.abort();
    }
  }

  private static byte[] connect(String token) {
    ByteBuffer fields = ByteBuffer.allocate(256);
    field(fields, 0x01, new byte[] {1});
    field(fields, 0x02, "agent:demo".getBytes(StandardCharsets.UTF_8));
    field(fields, 0x03, token.getBytes(StandardCharsets.UTF_8));
    field(fields, 0x04, "browser".getBytes(StandardCharsets.UTF_8));
    field(fields, 0x12, new byte[16]);
    byte[] payload = new byte[fields.position()];
    fields.get(0, payload);
    return payload;
  }

  private static void field(ByteBuffer fields, int tag, byte[] value) {
    fields.put((byte) tag).putShort((short) value.length).put(value);
  }

  private static ByteBuffer frame(int session, int number, int type, byte[] payload) {
    ByteBuffer frame = ByteBuffer.allocate(Frame.OVERHEAD + payload.length);
    frame.put((byte) 0x7E).putInt(session).putInt(number).put((byte) type).put((byte) 0);
    frame.putShort((short) payload.length).put(payload);
    int crc = 0;
    for (int i = 0; i < frame.position(); i++) {
      crc ^= frame.get(i) & 0xFF;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 1 ? (crc >>> 1) ^ 0xA001 : crc >>> 1;
      }
    }
    return frame.putShort((short) crc).flip();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "up",
        "connect",
        "resume",
        "send",
        "sessions",
        "close",
        "status",
        "cluster",
        "top",
        "doctor",
        "version",
        ""
      })
  void everyCommandExplainsItself(String command) {
    var out = new StringWriter();

    int code =
        Main.commandLine()
            .setOut(new PrintWriter(out))
            .execute((command + " --help").strip().split(" ", -1));

    assertThat(code).isZero();
    assertThat(out.toString()).startsWith("Usage: clawterm " + command);
    assertThat(out.toString().lines().filter(line -> line.length() > 80)).isEmpty();
  }

  @Test
  void versionsAreTold() throws Exception {
    assertThat(cli.run("version").succeeded().out()).startsWith("clawterm ").contains("protocol 1");
    assertThat(
            JSON.readTree(cli.run("version", "--json").succeeded().out()).path("protocol").asInt())
        .isEqualTo(1);
  }

  @Test
  void aCounterIsCountedInFull() throws Exception {
    String all =
        cli.run("send", "--target", "agent:demo", "count to 500 at 1000 per second")
            .succeeded()
            .out();

    assertThat(all.substring(LABEL.length()).strip().split("\\s+", -1))
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 500).mapToObj(String::valueOf).collect(Collectors.toList()));
  }
}
