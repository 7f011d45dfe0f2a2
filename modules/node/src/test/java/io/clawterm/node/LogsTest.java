package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.AgentFunction;
import io.clawterm.api.ClawTerm;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientException;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ServerAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What a node logs: JSON alone, and nothing that somebody has typed or could come in with. */
class LogsTest {

  private static final String TYPED = "swordfish";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  @TempDir private Path home;

  @Test
  void eachLineOfANodesLogIsJsonAndTellsNoSecret() throws Exception {
    Cli cli = Cli.in(home);
    List<String> secrets = new ArrayList<>(List.of(TYPED));
    try (RunningNode node = RunningNode.up(cli)) {
      secrets.add(node.token());
      cli.run("send", "--target", "agent:demo", TYPED + ", count to 2 at 100 per second")
          .succeeded();
      cli.runWith("", "resume", "--all").succeeded();
      Path guess = Files.writeString(home.resolve("guess"), TYPED + "-as-a-token");
      String tcp = "tcp://" + node.file().path("tcp").asText();
      assertThat(cli.run("send", "--server", tcp, "--token-file", guess.toString(), TYPED).code())
          .isNotZero();
      assertThat(node.terminate()).isZero();
    }
    secrets.addAll(tokensIn(home));

    List<String> lines = Files.readAllLines(cli.data().resolve("logs/clawterm.log"));
    assertThat(lines).hasSizeGreaterThan(3).allSatisfy(LogsTest::assertIsALogLine);
    assertThat(secrets).hasSizeGreaterThan(2);
    assertThat(String.join("\n", lines)).doesNotContain(secrets);
  }

  @Test
  void atDebugLevelTooNothingThatWasTypedOrIsSecretIsLogged() throws Exception {
    List<String> secrets = new ArrayList<>(List.of(TYPED));
    List<String> lines;
    try (var log = new Everything()) {
      try (ClawTerm node =
          ClawTerm.embedded()
              .dataFolder(home.resolve("data"))
              .setting("clawterm.node.port", 0)
              .setting("clawterm.node.http-port", 0)
              .agent("echo", ECHO)
              .build()) {
        node.start().toCompletableFuture().get(120, TimeUnit.SECONDS);
        secrets.add(Files.readString(node.endpoints().tokenFile().orElseThrow()).strip());
        talk(node, secrets.getLast(), "one");
        talk(node, secrets.getLast(), "two");
        try (ClawTermClient stranger = client(node, TYPED + "-as-a-token", "stranger")) {
          assertThat(stranger.connect(ConnectOptions.defaults()).toCompletableFuture())
              .failsWithin(Duration.ofSeconds(30))
              .withThrowableThat()
              .withCauseInstanceOf(ClientException.Refused.class);
        }
        int port = node.endpoints().tcp().orElseThrow().getPort();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
          socket.getOutputStream().write(TYPED.getBytes(StandardCharsets.UTF_8));
          assertThat(socket.getInputStream().readAllBytes()).isNotEmpty();
        }
      }
      lines = List.copyOf(log.lines);
    }
    secrets.addAll(tokensIn(home));

    assertThat(lines).allSatisfy(LogsTest::assertIsALogLine);
    assertThat(lines).as("debug is on").anyMatch(line -> line.contains("connection refused"));
    assertThat(secrets).hasSizeGreaterThan(2);
    assertThat(String.join("\n", lines)).doesNotContain(secrets);
  }

  private static final AgentFunction ECHO =
      request ->
          subscriber -> {
            var publisher = new SubmissionPublisher<String>(Runnable::run, 4);
            publisher.subscribe(subscriber);
            publisher.submit(request.text());
            publisher.close();
          };

  /** Types, loses the connection without a word, comes back, and types again. */
  private void talk(ClawTerm node, String credential, String name) throws Exception {
    for (int life = 1; life <= 2; life++) {
      try (ClawTermClient client = client(node, credential, name)) {
        ClientSession session =
            (life == 1
                    ? client.connect(ConnectOptions.target("agent:echo"))
                    : client.resume(client.sessions().getFirst().id()))
                .toCompletableFuture()
                .get(60, TimeUnit.SECONDS);
        var shown = new AtomicInteger();
        session.onOutput(received -> shown.incrementAndGet());
        session.send(TYPED + " " + life + "\n").toCompletableFuture().get(60, TimeUnit.SECONDS);
        await().atMost(Duration.ofSeconds(30)).until(() -> shown.get() > 0);
      }
    }
  }

  private ClawTermClient client(ClawTerm node, String credential, String name) {
    int port = node.endpoints().tcp().orElseThrow().getPort();
    return ClawTermClient.builder()
        .address(ServerAddress.tcp("127.0.0.1", port))
        .credential(credential)
        .device(name)
        .tokenFile(home.resolve("tokens-" + name + ".json"))
        .build();
  }

  private static void assertIsALogLine(String line) {
    JsonNode json;
    try {
      json = JSON.readTree(line);
    } catch (IOException e) {
      throw new AssertionError("no JSON: " + line, e);
    }
    assertThat(json.isObject()).as(line).isTrue();
    assertThat(json.path("timestamp").isNumber()).as(line).isTrue();
    for (String field : List.of("level", "loggerName", "formattedMessage")) {
      assertThat(json.path(field).isTextual()).as(field + " of " + line).isTrue();
    }
  }

  /**
   * The resume tokens that clients have kept below a folder, as they and as logs may write them.
   */
  private static List<String> tokensIn(Path folder) throws IOException {
    List<String> tokens = new ArrayList<>();
    List<Path> files;
    try (var all = Files.walk(folder)) {
      files = all.filter(file -> file.toString().endsWith(".json")).toList();
    }
    for (Path file : files) {
      for (JsonNode token : JSON.readTree(Files.readString(file)).findValues("token")) {
        byte[] bytes = Base64.getDecoder().decode(token.asText());
        tokens.add(token.asText());
        tokens.add(HexFormat.of().formatHex(bytes));
        tokens.add(HexFormat.of().withUpperCase().formatHex(bytes));
      }
    }
    return tokens;
  }

  /** Takes all that is logged in this process, as the node's log would have it. */
  private static final class Everything extends AppenderBase<ILoggingEvent>
      implements AutoCloseable {

    private final Logger root;
    private final Level before;
    private final JsonEncoder encoder;
    private final Queue<String> lines = new ConcurrentLinkedQueue<>();

    Everything() {
      LoggerContext all = (LoggerContext) LoggerFactory.getILoggerFactory();
      root = all.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
      before = root.getLevel();
      encoder = Logs.json(all);
      setContext(all);
      start();
      root.addAppender(this);
      root.setLevel(Level.DEBUG);
    }

    @Override
    protected void append(ILoggingEvent event) {
      String line = new String(encoder.encode(event), StandardCharsets.UTF_8);
      lines.add(line.strip());
    }

    @Override
    public void close() {
      root.setLevel(before);
      root.detachAppender(this);
      stop();
    }
  }
}
