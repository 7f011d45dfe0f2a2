package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.clawterm.api.ClawTerm;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.PipedSession;
import io.clawterm.client.ServerAddress;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Traces of whole nodes: of one in this process, and of one that sends them away. */
class TracesTest {

  private static final Duration PATIENCE = Duration.ofMinutes(1);

  @TempDir Path home;

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();

  private OpenTelemetry hosts() {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build())
        .build();
  }

  private Node node(ScriptedModelServer model, Optional<OpenTelemetry> telemetry) {
    return new Node(
        new NodePlan(
            NodeConfiguration.load(
                Map.of(
                    "clawterm.node.data", home.resolve("data").toString(),
                    "clawterm.node.port", -1,
                    "clawterm.node.http-port", -1,
                    "clawterm.node.management-port", -1),
                Optional.empty(),
                Node.PROFILE),
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            Map.of("OPENAI_BASE_URL", model.openAiBaseUrl(), "CLAWTERM_MODEL", "openai/scripted"),
            progress -> {},
            settings -> {},
            telemetry));
  }

  private static String ask(ClawTerm node, String text) throws Exception {
    var out = new StringWriter();
    var pipes = new PipedSession(new PrintWriter(out), new PrintWriter(new StringWriter()));
    try (ClawTermClient client =
        ClawTermClient.builder()
            .address(ServerAddress.unix(node.endpoints().unixSocket().orElseThrow()))
            .listener(pipes)
            .build()) {
      ClientSession session =
          client
              .connect(ConnectOptions.target("agent:main").withEvents(true))
              .toCompletableFuture()
              .get(60, TimeUnit.SECONDS);
      assertThat(pipes.ask(session, text)).isZero();
    }
    return out.toString();
  }

  private SpanData one(String name) {
    return await()
        .atMost(PATIENCE)
        .until(
            () ->
                spans.getFinishedSpanItems().stream()
                    .filter(span -> span.getName().equals(name))
                    .toList(),
            found -> found.size() == 1)
        .getFirst();
  }

  @Test
  void oneTraceLeadsFromTheDevicesFrameToTheJournalAndToTheModel() throws Exception {
    try (ScriptedModelServer model = ScriptedModelServer.start(Script.counted(6));
        Node node = node(model, Optional.of(hosts()))) {
      node.start().toCompletableFuture().get(120, TimeUnit.SECONDS);

      assertThat(ask(node, "whisper this")).contains("1 2 3");

      SpanData input = one("device input");
      SpanData run = one("invoke_agent main");
      SpanData question = one("chat scripted");
      SpanData commit =
          spans.getFinishedSpanItems().stream()
              .filter(span -> span.getParentSpanId().equals(input.getSpanId()))
              .findFirst()
              .orElseThrow();
      assertThat(input.getParentSpanContext().isValid()).isFalse();
      assertThat(input.getKind()).isEqualTo(SpanKind.SERVER);
      assertThat(input.getAttributes().get(SpanAttributes.TRANSPORT)).isEqualTo("unix");
      assertThat(commit.getName()).isEqualTo("session commit");
      assertThat(run.getParentSpanId()).isEqualTo(commit.getSpanId());
      assertThat(question.getParentSpanId()).isEqualTo(run.getSpanId());
      assertThat(List.of(commit, run, question))
          .extracting(SpanData::getTraceId)
          .containsOnly(input.getTraceId());
      assertThat(List.of(input, commit, run))
          .extracting(span -> span.getAttributes().get(SpanAttributes.SESSION))
          .containsOnly(input.getAttributes().get(SpanAttributes.SESSION));
      assertThat(spans.getFinishedSpanItems().toString()).doesNotContain("whisper", "1 2 3");
    }
  }

  @Test
  void anythingButOpenTelemetryIsRefused() {
    ClawTerm.Builder builder = ClawTerm.embedded();

    assertThatThrownBy(() -> builder.openTelemetry("otel"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("io.opentelemetry.api.OpenTelemetry");
    assertThat(builder.openTelemetry(hosts())).isSameAs(builder);
  }

  @Test
  void aTraceGoesOnAfterKill9AndAllOfItIsSent() throws Exception {
    try (SpanReceiver receiver = new SpanReceiver();
        ScriptedModelServer model =
            ScriptedModelServer.start(Script.counted(600).withChunkDelay(Duration.ofMillis(20)))) {
      Files.writeString(home.resolve("traced.conf"), "clawterm.telemetry.traces = otlp\n");
      Cli cli =
          Cli.in(home)
              .with("OPENAI_BASE_URL", model.openAiBaseUrl())
              .with("CLAWTERM_MODEL", "openai/scripted")
              .with("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url() + "/")
              .with("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=acme%20inc,x-key=k-hidden")
              .with("OTEL_SERVICE_NAME", "terminals")
              .with("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=no");
      String config = home.resolve("traced.conf").toString();
      Path out = home.resolve("main.out");
      Path err = home.resolve("main.err");
      Process client;
      SpanReceiver.Span input;
      try (RunningNode first = RunningNode.up(cli, "--config", config)) {
        client = cli.start(out, err, "send", "count, please");
        client.getOutputStream().close();
        input =
            await()
                .atMost(PATIENCE)
                .until(() -> receiver.named("device input"), found -> !found.isEmpty())
                .getFirst();
        first.kill();
      }
      assertThat(receiver.named("invoke_agent main")).as("the run was cut").isEmpty();

      try (RunningNode second = RunningNode.up(cli, "--config", config)) {
        assertThat(client.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(client.exitValue()).as(Files.readString(err)).isZero();
        assertThat(second.terminate()).as(second.complained()).isZero();
        assertThat(second.complained()).doesNotContain("k-hidden", "could not be sent");
      } finally {
        client.destroyForcibly();
      }

      assertThat(receiver.named("invoke_agent main"))
          .singleElement()
          .satisfies(run -> {
            assertThat(run.trace()).isEqualTo(input.trace());
            assertThat(run.attributes())
                .containsEntry("clawterm.run.resumed", "1")
                .containsEntry("clawterm.run.outcome", "done");
            assertThat(receiver.spans)
                .filteredOn(span -> span.id().equals(run.parent()))
                .singleElement()
                .satisfies(commit -> assertThat(commit.parent()).isEqualTo(input.id()));
            assertThat(receiver.named("chat scripted"))
                .singleElement()
                .satisfies(question -> assertThat(question.parent()).isEqualTo(run.id()));
          });
      assertThat(input.resource())
          .containsEntry("service.name", "terminals")
          .containsEntry("deployment.environment.name", "test")
          .containsKeys("service.version", "service.instance.id");
      assertThat(receiver.requests)
          .isNotEmpty()
          .allSatisfy(request -> {
            assertThat(request.path()).isEqualTo("/v1/traces");
            assertThat(request.contentType()).isEqualTo("application/x-protobuf");
            assertThat(request.headers()).containsEntry("X-scope", List.of("acme inc"));
            assertThat(request.headers()).containsEntry("X-key", List.of("k-hidden"));
          });
    }
  }

  @Test
  void withoutAReceiverANodeWorksAndSaysItInItsLog() throws Exception {
    Files.writeString(
        home.resolve("traced.conf"),
        """
        clawterm.telemetry.traces = otlp
        clawterm.telemetry.endpoint = "http://127.0.0.1:9"
        """);
    Cli cli = Cli.in(home);
    try (RunningNode node =
        RunningNode.up(cli, "--config", home.resolve("traced.conf").toString())) {
      assertThat(cli.runWith("", "send", "--target", "agent:demo", "count to 3").succeeded().out())
          .contains("1 2 3");

      await()
          .atMost(Duration.ofMinutes(1))
          .untilAsserted(() ->
              assertThat(Files.readString(cli.data().resolve("logs/clawterm.log")))
                  .contains("Failed to export spans"));
      assertThat(node.terminate()).isZero();
    }
  }

  @Test
  void aVariableThatMakesNoSenseIsARefusalToStartThatKeepsItsSecret() throws Exception {
    Files.writeString(home.resolve("traced.conf"), "clawterm.telemetry.traces = otlp\n");
    Cli cli = Cli.in(home).with("OTEL_EXPORTER_OTLP_HEADERS", "k-hidden");

    Cli.Result refused = cli.run("up", "--config", home.resolve("traced.conf").toString());

    assertThat(refused.code()).isNotZero();
    assertThat(refused.err()).contains("OTEL_EXPORTER_OTLP_HEADERS").doesNotContain("k-hidden");
  }
}
