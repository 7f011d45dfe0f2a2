package io.clawterm.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import io.clawterm.config.Secret;
import io.clawterm.model.GenAi;
import io.clawterm.model.ModelChoice;
import io.clawterm.model.ModelSettings;
import io.clawterm.model.OpenAiProvider;
import io.clawterm.session.Bytes;
import io.clawterm.session.SessionCommand;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** From a device's message to the question to a model: one trace, whatever happens in between. */
class RunTraceTest {

  private static final ActorTestKit KIT = AgentSession.kit();
  private static final TraceContext ARRIVAL =
      new TraceContext("00-11111111111111111111111111111111-aaaaaaaaaaaaaaaa-01");
  private static final ModelSettings MODEL =
      new ModelSettings(
          "",
          "a",
          "b",
          100,
          Duration.ofSeconds(5),
          Duration.ofSeconds(5),
          Duration.ofMillis(700),
          Duration.ofSeconds(1),
          1 << 20,
          1 << 20,
          100_000);

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final ScriptedModelServer server = ScriptedModelServer.start(Script.counted(6));

  @AfterEach
  void closeServer() {
    server.close();
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private AgentSession session(boolean toProviders) {
    Tracing tracing =
        Tracing.by(
            SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build(),
            "test",
            toProviders);
    var provider =
        new OpenAiProvider(
            KIT.system(), MODEL, server.openAiBaseUrl(), new Secret("sk-hidden"), tracing);
    var chosen = new ModelChoice.Chosen(provider, "m");
    Agent agent =
        Agents.asking(
            () -> CompletableFuture.completedFuture(chosen), Optional.of("instructed to hide"));
    var session = new AgentSession(KIT, agent, ProbedAgent.SETTINGS, tracing);
    session.trace = Optional.of(ARRIVAL);
    return session;
  }

  private List<SpanData> named(String name) {
    return spans.getFinishedSpanItems().stream()
        .filter(span -> span.getName().equals(name))
        .toList();
  }

  private SpanData one(String name) {
    return await().until(() -> named(name), found -> found.size() == 1).getFirst();
  }

  private List<SpanData> commits(Predicate<SpanData> which) {
    return named("session commit").stream().filter(which).toList();
  }

  @Test
  void aRunStandsBetweenTheCommitOfItsMessageAndTheQuestionToTheModel() {
    AgentSession session = session(false).connect().say("whisper this");

    session.until(() -> session.ended() == 1);

    SpanData run = one("invoke_agent main");
    SpanData question = one("chat m");
    SpanData commit = commits(span -> span.getParentSpanId().equals("aaaaaaaaaaaaaaaa")).getFirst();
    assertThat(run.getTraceId()).isEqualTo(ARRIVAL.traceId());
    assertThat(run.getParentSpanId()).isEqualTo(commit.getSpanId());
    assertThat(run.getKind()).isEqualTo(SpanKind.INTERNAL);
    assertThat(run.getAttributes().get(SpanAttributes.RUN_OUTCOME)).isEqualTo("done");
    assertThat(run.getAttributes().get(SpanAttributes.RUN_ATTEMPT)).isEqualTo(1);
    assertThat(run.getAttributes().get(GenAi.AGENT_NAME)).isEqualTo("main");
    assertThat(question.getTraceId()).isEqualTo(ARRIVAL.traceId());
    assertThat(question.getParentSpanId()).isEqualTo(run.getSpanId());
    assertThat(question.getAttributes().get(GenAi.CONVERSATION_ID))
        .isEqualTo(run.getAttributes().get(SpanAttributes.SESSION));
    await()
        .untilAsserted(() ->
            assertThat(commits(span -> span.getParentSpanId().equals(run.getSpanId())))
                .as("the start of the run, what the model has said, its end")
                .hasSizeGreaterThanOrEqualTo(2));
    assertThat(server.requests().getFirst().headers()).doesNotContainKey("traceparent");
    assertThat(spans.getFinishedSpanItems().toString())
        .as("nothing of the conversation")
        .doesNotContain("whisper", "1 2 3", "hide", "sk-");
  }

  @Test
  void aProviderIsToldTheTraceWhereTheOperatorWantsIt() {
    AgentSession session = session(true).connect().say("hi");

    session.until(() -> session.ended() == 1);

    SpanData question = one("chat m");
    assertThat(server.requests().getFirst().headers().get("traceparent"))
        .startsWith("00-" + question.getTraceId() + "-" + question.getSpanId() + "-");
  }

  @Test
  void aRunThatACrashHasCutGoesOnInItsTrace() {
    server.always(Script.counted(60).withChunkDelay(Duration.ofMillis(5)));
    AgentSession session = session(false);
    session.crashAt(commit -> commit == 6, AgentSession.Crash.WRITE_FAILS);
    session.connect().say("hi");

    session.until(() -> session.ended() == 1);

    List<SpanData> runs =
        await().until(() -> named("invoke_agent main"), found -> found.size() == 2);
    assertThat(session.crashes).hasValue(1);
    assertThat(runs)
        .extracting(run -> run.getAttributes().get(SpanAttributes.RUN_OUTCOME))
        .containsExactly("cut", "done");
    assertThat(runs)
        .extracting(run -> run.getAttributes().get(SpanAttributes.RUN_RESUMED))
        .containsExactly(false, true);
    assertThat(runs).extracting(SpanData::getTraceId).containsOnly(ARRIVAL.traceId());
    assertThat(runs.getLast().getParentSpanId()).isEqualTo(runs.getFirst().getParentSpanId());
    assertThat(named("chat m"))
        .extracting(SpanData::getParentSpanId)
        .containsExactly(runs.getFirst().getSpanId(), runs.getLast().getSpanId());
  }

  @Test
  void whatGoesWrongIsSaidByItsKindAlone() {
    server.always(Script.refuse(401));
    AgentSession session = session(false).connect().say("hi");

    session.until(() -> session.ended() == 1);

    for (SpanData span : List.of(one("chat m"), one("invoke_agent main"))) {
      assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
      assertThat(span.getStatus().getDescription()).isEmpty();
      assertThat(span.getAttributes().get(SpanAttributes.ERROR_TYPE)).isEqualTo("authentication");
      assertThat(span.getEvents()).isEmpty();
    }
  }

  @Test
  void anAbortIsNoError() {
    server.always(Script.counted(600).withChunkDelay(Duration.ofMillis(20)));
    AgentSession session = session(false).connect().say("hi");
    session.until(() -> session.texts().stream().anyMatch(text -> text.startsWith("text 1")));

    session.send(new SessionCommand.InputFrame(Bytes.of("{\"type\":\"abort\"}"), true, false));

    session.until(() -> session.ended() == 1);
    SpanData run = one("invoke_agent main");
    assertThat(run.getAttributes().get(SpanAttributes.RUN_OUTCOME)).isEqualTo("aborted");
    assertThat(run.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
    SpanData question = one("chat m");
    assertThat(question.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
    assertThat(question.getAttributes().get(GenAi.RESPONSE_FINISH_REASONS)).isNull();
  }

  @Test
  void eachAttemptIsAQuestionOfTheSameRun() {
    server.next(Script.counted(6).cutAfter(2));
    AgentSession session = session(false).connect().say("hi");

    session.until(() -> session.ended() == 1);

    SpanData run = one("invoke_agent main");
    assertThat(run.getAttributes().get(SpanAttributes.RUN_ATTEMPT)).isEqualTo(2);
    assertThat(named("chat m"))
        .extracting(question -> question.getAttributes().get(SpanAttributes.ERROR_TYPE))
        .containsExactly("cut", null);
    assertThat(named("chat m")).extracting(SpanData::getParentSpanId).containsOnly(run.getSpanId());
  }
}
