package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.Received;
import io.clawterm.client.ResumeOptions;
import io.clawterm.client.ServerAddress;
import io.clawterm.protocol.Code;
import io.clawterm.protocol.Fields;
import io.clawterm.protocol.Frame;
import io.clawterm.protocol.FrameType;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node with {@code --database} whose server is stopped, stays away for a while, in which it
 * refuses connections, and comes back. {@code -Dstall.seconds} says for how long.
 */
class ExternalDatabaseOutageTest {

  private static final Logger LOG = LoggerFactory.getLogger(ExternalDatabaseOutageTest.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Duration AWAY = Duration.ofSeconds(Integer.getInteger("stall.seconds", 5));
  private static final Duration STEP = Duration.ofMillis(100);
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** Within this readiness follows what the database does. */
  private static final Duration TOLD_WITHIN = Duration.ofSeconds(15);

  /** From the return of the database to the first acknowledgement. */
  private static final Duration BACK_WITHIN = Duration.ofSeconds(20);

  @TempDir private Path home;

  private final Queue<String> lost = new ConcurrentLinkedQueue<>();
  private final List<String> sent = new ArrayList<>();
  private final List<CompletableFuture<Long>> answers = new ArrayList<>();
  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void aServerThatRefusesConnectionsForAWhileLosesNothingAndTheNodeComesBackByItself()
      throws Exception {
    try (ExternalPostgres postgres = ExternalPostgres.start(home.resolve("postgres"));
        RunningNode node =
            RunningNode.up(Cli.in(home), "--database", postgres.url(), "--tls", "off")) {
      SessionId id;
      try (ClawTermClient client = client(node)) {
        ClientSession session =
            client
                .connect(ConnectOptions.target("agent:demo").withEvents(true))
                .toCompletableFuture()
                .get(30, TimeUnit.SECONDS);
        id = session.id();
        session.onOutput(received -> {});
        await().atMost(LIMIT).until(() -> says(session) >= 10);
        assertThat(status(node, "/readyz")).isEqualTo(200);

        postgres.stop();
        long stopped = System.nanoTime();
        await()
            .atMost(TOLD_WITHIN)
            .pollInterval(STEP)
            .until(() -> {
              says(session);
              return status(node, "/readyz") == 503;
            });
        Duration unready = since(stopped);
        long before = acknowledged();
        CompletableFuture<Frame> newcomer = CompletableFuture.supplyAsync(() -> knock(node));
        await()
            .atMost(AWAY.plus(LIMIT))
            .pollInterval(STEP)
            .until(() -> {
              assertThat(says(session)).as("acknowledged without a database").isEqualTo(before);
              assertThat(status(node, "/readyz")).isEqualTo(503);
              return since(stopped).compareTo(AWAY) >= 0 && !lost.isEmpty() && newcomer.isDone();
            });
        assertThat(status(node, "/livez")).isEqualTo(200);

        postgres.start();
        long back = System.nanoTime();
        Duration away = Duration.ofNanos(back - stopped);
        await().atMost(BACK_WITHIN).pollInterval(STEP).until(() -> says(session) > before);
        Duration served = since(back);
        await().atMost(TOLD_WITHIN).until(() -> status(node, "/readyz") == 200);
        Duration ready = since(back);

        await().atMost(LIMIT).until(() -> acknowledged() == sent.size());
        LOG.atWarn()
            .addKeyValue("awayMillis", away.toMillis())
            .addKeyValue("unreadyAfterMillis", unready.toMillis())
            .addKeyValue("serviceAfterMillis", served.toMillis())
            .addKeyValue("readyAfterMillis", ready.toMillis())
            .addKeyValue("inputs", sent.size())
            .addKeyValue("told", List.copyOf(lost))
            .log("The database refused connections");
        assertRetryable(newcomer.join());
        assertThat(lost).containsOnly("the server is busy"); // which is what OVERLOADED says
        assertThat(node.isAlive()).isTrue();
      }
      assertThat(inputsOf(node, id)).containsExactlyElementsOf(sent);
    }
  }

  private ClawTermClient client(RunningNode node) throws IOException {
    return ClawTermClient.builder()
        .address(ServerAddress.unix(node.cli().data().resolve("run/clawterm.sock")))
        .tokenFile(home.resolve("tokens.json"))
        .backoff(Duration.ofMillis(50), Duration.ofMillis(500))
        .listener((session, event) -> {
          if (event instanceof ConnectionEvent.Lost(String reason, Duration retryIn)) {
            lost.add(reason);
          }
        })
        .build();
  }

  /** Sends one more input, and answers with how many are acknowledged. */
  private long says(ClientSession session) throws IOException {
    String text = "count to 1, for the " + (sent.size() + 1) + "th time";
    sent.add(text);
    answers.add(
        session
            .sendJson(JSON.createObjectNode().put("type", "input").put("text", text).toString())
            .toCompletableFuture());
    return acknowledged();
  }

  private long acknowledged() {
    assertThat(answers).noneMatch(CompletableFuture::isCompletedExceptionally);
    return answers.stream().filter(CompletableFuture::isDone).count();
  }

  private int status(RunningNode node, String path) throws Exception {
    URI uri = URI.create(node.file().path("http").asText() + path);
    return http.send(
            HttpRequest.newBuilder(uri).timeout(LIMIT).build(),
            HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  /** A client that has no session yet: the first frame that it is answered with. */
  private static Frame knock(RunningNode node) {
    try {
      String tcp = node.file().path("tcp").asText();
      int port = Integer.parseInt(tcp.substring(tcp.lastIndexOf(':') + 1));
      Fields fields =
          Fields.builder().version(1).device("newcomer").credential(node.token()).build();
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(Math.toIntExact(LIMIT.toMillis()));
        socket.getOutputStream().write(Frame.of(0, 0, FrameType.CONNECT, 0, fields).toBytes());
        byte[] answer = socket.getInputStream().readAllBytes();
        return Frame.parse(answer, 0, answer.length, Frame.MAX_PAYLOAD);
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void assertRetryable(Frame refusal) {
    assertThat(refusal.type()).isEqualTo(FrameType.DISCONNECT);
    assertThat(refusal.fields().code()).hasValue(Code.OVERLOADED);
    assertThat(refusal.fields().retryAfterMs()).isPresent();
  }

  /** What the log has of this device, in its order, read from its beginning. */
  private List<String> inputsOf(RunningNode node, SessionId id) throws Exception {
    var log = new ConcurrentSkipListMap<Long, String>();
    try (ClawTermClient reader = client(node)) {
      ClientSession again =
          reader
              .resume(id, ResumeOptions.asBefore().withAfter(0))
              .toCompletableFuture()
              .get(30, TimeUnit.SECONDS);
      again.onOutput(received -> {
        if (received instanceof Received.Entry entry) {
          log.put(entry.number(), entry.text());
        }
      });
      await().atMost(LIMIT).until(() -> !log.isEmpty() && log.lastKey() >= again.joinedAt());
    }
    List<String> inputs = new ArrayList<>();
    for (String text : log.values()) {
      userText(text).ifPresent(inputs::add);
    }
    return inputs;
  }

  private static Optional<String> userText(String entry) throws IOException {
    JsonNode json = JSON.readTree(entry);
    return json.path("type").asText().equals("message") && json.path("role").asText().equals("user")
        ? Optional.of(json.path("text").asText())
        : Optional.empty();
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }
}
