package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.Sink;
import akka.stream.testkit.javadsl.TestSink;
import com.typesafe.config.ConfigFactory;
import io.clawterm.model.ModelChunk.Finished;
import io.clawterm.model.ModelChunk.TextDelta;
import io.clawterm.model.ModelChunk.ThinkingDelta;
import io.clawterm.model.ModelException.Kind;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.clawterm.testkit.Ending;
import io.clawterm.testkit.Fault;
import io.clawterm.testkit.Fault.Direction;
import io.clawterm.testkit.FaultProxy;
import io.clawterm.testkit.ReceivedRequest;
import io.clawterm.testkit.ReceivedRequest.Outcome;
import io.clawterm.testkit.ReceivedTurn;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each provider must keep to. */
@Timeout(120)
abstract class ModelProviderContract {

  /** One for all providers; it ends with the JVM. */
  static final ActorTestKit KIT = ActorTestKit.create();

  static final String KEY = "sk-do-not-show-1234567890";

  final ScriptedModelServer server =
      ScriptedModelServer.start(Script.answer("Hel", "lo é😀")).requireKey(keyOfServer());

  /** The provider under test, with the API on this port. */
  abstract ModelProvider provider(int port, ModelSettings settings, Tracing tracing);

  /** The same without traces. */
  final ModelProvider provider(int port, ModelSettings settings) {
    return provider(port, settings, Tracing.OFF);
  }

  /** The key that the server asks for; empty for none. */
  String keyOfServer() {
    return KEY;
  }

  @AfterEach
  void stopServer() {
    server.close();
  }

  static ModelSettings settings() {
    return ModelSettings.from(ConfigFactory.load().getConfig("clawterm.model"));
  }

  /** Time-outs short enough for a test. */
  static ModelSettings hasty() {
    return new ModelSettings(
        "",
        "a",
        "o",
        100,
        Duration.ofMillis(700),
        Duration.ofMillis(1000),
        Duration.ofMillis(400),
        Duration.ofMillis(500),
        1 << 20,
        1 << 20,
        100_000);
  }

  static final ModelRequest REQUEST =
      new ModelRequest(
          "some-model",
          List.of(Turn.user("hi"), Turn.assistant("yes?"), Turn.user("tell me")),
          50,
          Optional.of("be brief"));

  private ModelProvider provider() {
    return provider(server.port(), settings());
  }

  static List<ModelChunk> ask(ModelProvider provider) throws Exception {
    try {
      return provider.stream(REQUEST)
          .runWith(Sink.seq(), KIT.system())
          .toCompletableFuture()
          .get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof ModelException failure ? failure : e;
    }
  }

  static ModelException failure(ModelProvider provider) {
    ModelException failure = catchThrowableOfType(ModelException.class, () -> ask(provider));
    assertThat(failure).as("a failure").isNotNull();
    assertThat(failure.getMessage()).doesNotContain(KEY).doesNotContain("tell me");
    return failure;
  }

  static String text(List<ModelChunk> chunks) {
    return chunks.stream()
        .filter(TextDelta.class::isInstance)
        .map(chunk -> ((TextDelta) chunk).text())
        .collect(Collectors.joining());
  }

  private ReceivedRequest received() {
    return server.requests().getLast();
  }

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();

  private ModelProvider traced(boolean toProviders) {
    var tracerProvider =
        SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build();
    return provider(server.port(), hasty(), Tracing.by(tracerProvider, "test", toProviders));
  }

  private SpanData span() {
    return await().until(spans::getFinishedSpanItems, finished -> finished.size() == 1).getFirst();
  }

  @Test
  void aQuestionIsASpanInTheNamesOfTheConventions() throws Exception {
    server.always(Script.answer("Hel", "lo é😀"));
    ModelProvider provider = traced(false);
    var parent = new TraceContext("00-11111111111111111111111111111111-aaaaaaaaaaaaaaaa-01");
    var request =
        new ModelRequest(
            REQUEST.model(),
            REQUEST.turns(),
            50,
            REQUEST.system(),
            Optional.of(new ModelRequest.Origin(parent, "0badcafe")));

    provider.stream(request)
        .runWith(Sink.seq(), KIT.system())
        .toCompletableFuture()
        .get(60, TimeUnit.SECONDS);

    SpanData span = span();
    assertThat(span.getName()).isEqualTo("chat some-model");
    assertThat(span.getKind()).isEqualTo(SpanKind.CLIENT);
    assertThat(span.getTraceId()).isEqualTo(parent.traceId());
    assertThat(span.getParentSpanId()).isEqualTo("aaaaaaaaaaaaaaaa");
    Map<String, Object> attributes =
        span.getAttributes().asMap().entrySet().stream()
            .collect(Collectors.toMap(entry -> entry.getKey().getKey(), Map.Entry::getValue));
    assertThat(attributes)
        .containsEntry("gen_ai.operation.name", "chat")
        .containsEntry("gen_ai.provider.name", provider.name())
        .containsEntry("gen_ai.request.model", "some-model")
        .containsEntry("gen_ai.request.max_tokens", 50L)
        .containsEntry("gen_ai.request.stream", true)
        .containsEntry("gen_ai.conversation.id", "0badcafe")
        .containsEntry("gen_ai.response.finish_reasons", List.of("stop"))
        .containsEntry("gen_ai.response.model", "some-model")
        .containsEntry("server.address", "127.0.0.1")
        .containsEntry("server.port", (long) server.port())
        .containsKeys(
            "gen_ai.response.time_to_first_chunk",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens")
        .doesNotContainKey("error.type");
    assertThat(span.toString()).doesNotContain("tell me", "Hel", "be brief", KEY);
    assertThat(received().headers()).doesNotContainKey("traceparent");
  }

  @Test
  void aProviderHearsOfTheTraceWhereItIsToldAlone() throws Exception {
    ask(traced(true));

    SpanData span = span();
    assertThat(received().headers().get("traceparent"))
        .startsWith("00-" + span.getTraceId() + "-" + span.getSpanId() + "-");
  }

  @Test
  void aCutAnswerIsAnErrorByItsKind() {
    server.always(Script.answer("Hel", "lo").cutAfter(1));
    ModelProvider provider = traced(false);

    failure(provider);

    assertThat(span().getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(span().getStatus().getDescription()).isEmpty();
    assertThat(span().getAttributes().get(SpanAttributes.ERROR_TYPE)).isEqualTo("cut");
    assertThat(span().getEvents()).isEmpty();
  }

  @Test
  void anAnswerComesInItsChunksWithUsage() throws Exception {
    server.always(Script.answer("Hel", "lo é😀").thinkingFirst("hm", "..."));

    List<ModelChunk> chunks = ask(provider());

    assertThat(chunks)
        .startsWith(
            new ThinkingDelta("hm"),
            new ThinkingDelta("..."),
            new TextDelta("Hel"),
            new TextDelta("lo é😀"))
        .hasSize(5);
    assertThat(chunks.getLast())
        .isInstanceOfSatisfying(
            Finished.class,
            finished -> {
              assertThat(finished.reason()).isEqualTo(StopReason.END);
              assertThat(finished.usage()).isEqualTo(new Usage(6, 4));
            });
  }

  @Test
  void theConversationArrivesAsItIs() throws Exception {
    ask(provider());

    assertThat(received().model()).isEqualTo("some-model");
    assertThat(received().system()).isEqualTo("be brief");
    assertThat(received().turns())
        .containsExactly(
            new ReceivedTurn("user", "hi"),
            new ReceivedTurn("assistant", "yes?"),
            new ReceivedTurn("user", "tell me"));
    assertThat(received().outcome()).isInstanceOf(Outcome.Completed.class);
  }

  @Test
  void theLimitOfTokensShows() throws Exception {
    server.always(Script.answer("too").endingWith(new Ending.OutOfTokens()));

    assertThat(((Finished) ask(provider()).getLast()).reason()).isEqualTo(StopReason.LENGTH);
  }

  @Test
  void eachMaterializationIsARequest() throws Exception {
    var source = provider().stream(REQUEST);
    assertThat(server.requests()).isEmpty();

    source.runWith(Sink.seq(), KIT.system()).toCompletableFuture().get(10, TimeUnit.SECONDS);
    source.runWith(Sink.seq(), KIT.system()).toCompletableFuture().get(10, TimeUnit.SECONDS);

    assertThat(server.requests()).hasSize(2);
  }

  @ParameterizedTest
  @CsvSource({
    "400, INVALID_REQUEST",
    "401, AUTHENTICATION",
    "402, QUOTA",
    "403, AUTHENTICATION",
    "404, INVALID_REQUEST",
    "413, INVALID_REQUEST",
    "429, RATE_LIMITED",
    "500, OVERLOADED",
    "503, OVERLOADED",
    "529, OVERLOADED",
    "301, INVALID_REQUEST"
  })
  void aStatusSaysWhatIsWrong(int status, Kind kind) {
    server.always(Script.refuse(status, Map.of("Retry-After", "17"), ""));

    ModelException failure = failure(provider());

    assertThat(failure.kind()).isEqualTo(kind);
    assertThat(failure.retryAfter()).contains(Duration.ofSeconds(17));
    assertThat(failure).hasMessageContaining("status " + status);
    if (kind != Kind.AUTHENTICATION) {
      assertThat(failure).hasMessageContaining("scripted " + status);
    }
  }

  @Test
  void anEndlessOrStrangeErrorBodyOnlyLacksDetails() {
    server.next(
        Script.refuse(500, Map.of("Content-Type", "text/html"), "<html>".repeat(100_000)),
        Script.refuse(429, Map.of(), "{\"error\": \"plain \\u0007 text\"}"));

    assertThat(failure(provider()).kind()).isEqualTo(Kind.OVERLOADED);
    assertThat(failure(provider())).hasMessageEndingWith("plain   text");
  }

  @Test
  void anErrorEventInTheStreamIsAFailure() {
    server.always(
        Script.counted(5).endingWith(new Ending.ErrorAfter(2, "overloaded_error", "too busy")));

    ModelException failure = failure(provider());

    assertThat(failure.kind()).isEqualTo(Kind.OVERLOADED);
    assertThat(failure).hasMessageEndingWith("too busy");
  }

  @Test
  void aCutIsNeverAWholeAnswer() {
    server.always(Script.counted(5).cutAfter(3));

    assertThat(failure(provider()).kind()).isEqualTo(Kind.CUT);
  }

  @Test
  void aBodyThatEndsProperlyButEarlyIsACut() {
    server.always(Script.counted(5).endingWith(new Ending.EndAfter(3)));

    assertThat(failure(provider()).kind()).isEqualTo(Kind.CUT);
  }

  @Test
  void cutAfterAnyByteAnAnswerIsWholeOrAFailure() throws Exception {
    try (FaultProxy proxy = FaultProxy.to(server.port())) {
      ModelProvider provider = provider(proxy.port(), settings());
      assertThat(text(ask(provider))).isEqualTo("Hello é😀");
      long length = proxy.connections().getFirst().bytesToClient();
      int whole = 0;
      for (long bytes = 0; bytes < length; bytes += 3) {
        proxy.next(new Fault.CutAfter(Direction.TO_CLIENT, bytes));
        try {
          assertThat(text(ask(provider))).as("after %s bytes", bytes).isEqualTo("Hello é😀");
          whole++;
        } catch (ModelException e) {
          assertThat(e.kind()).as("after %s bytes: %s", bytes, e).isEqualTo(Kind.CUT);
        }
      }
      assertThat(whole).isLessThan((int) length / 6);
    }
  }

  @Test
  void cutWithinTheRequestItIsACut() throws Exception {
    try (FaultProxy proxy = FaultProxy.to(server.port())) {
      proxy.next(new Fault.ResetAfter(Direction.TO_SERVER, 30));

      assertThat(failure(provider(proxy.port(), settings())).kind()).isEqualTo(Kind.CUT);
    }
  }

  @Test
  void aStallFailsAfterTheGap() {
    server.always(Script.counted(5).stallingAfter(2));

    assertThat(failure(provider(server.port(), hasty())).kind()).isEqualTo(Kind.GAP_TIMEOUT);
    await().until(() -> received().outcome() instanceof Outcome.Cancelled);
  }

  @Test
  void chunksWithinTheGapMayTakeLongerThanItTogether() throws Exception {
    server.always(Script.counted(6).withChunkDelay(Duration.ofMillis(150)));

    assertThat(text(ask(provider(server.port(), hasty())))).isEqualTo("1 2 3 4 5 6");
  }

  @Test
  void aSlowReceiverIsNoGap() {
    server.always(Script.filler(40_000));
    ModelProvider provider = provider(server.port(), hasty());
    var probe = provider.stream(REQUEST).runWith(TestSink.create(KIT.system()), KIT.system());
    probe.requestNext();

    probe.expectNoMessage(Duration.ofMillis(900));

    probe.request(100);
    assertThat(probe.expectNextN(5).last()).isInstanceOf(Finished.class);
    probe.expectComplete();
  }

  @Test
  void silenceBeforeTheFirstByteFails() {
    server.always(Script.echo().withFirstByteDelay(Duration.ofSeconds(60)));

    assertThat(failure(provider(server.port(), hasty())).kind()).isEqualTo(Kind.FIRST_BYTE_TIMEOUT);
    await().until(() -> received().outcome() instanceof Outcome.Cancelled);
  }

  @Test
  void nobodyThereIsUnreachable() {
    server.close();

    ModelException failure = failure(provider());

    assertThat(failure.kind()).isEqualTo(Kind.UNREACHABLE);
    assertThat(failure).hasMessageContaining("127.0.0.1:" + server.port());
  }

  @Test
  void aConnectionThatIsNeverAcceptedFailsInTime() throws IOException {
    // A full backlog: the kernel drops further attempts to connect, as a firewall would.
    try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket first = new Socket(InetAddress.getLoopbackAddress(), full.getLocalPort());
        Socket second = new Socket(InetAddress.getLoopbackAddress(), full.getLocalPort())) {
      assertThat(first.isConnected() && second.isConnected()).isTrue();

      assertThat(failure(provider(full.getLocalPort(), hasty())).kind())
          .isEqualTo(Kind.CONNECT_TIMEOUT);
    }
  }

  @Test
  void cancellingBeforeTheFirstByteClosesTheConnection() {
    server.always(Script.echo().withFirstByteDelay(Duration.ofSeconds(60)));
    var probe = provider().stream(REQUEST).runWith(TestSink.create(KIT.system()), KIT.system());
    probe.request(1);
    await().until(() -> server.requests().size() == 1);

    probe.cancel();

    await().until(() -> received().outcome() instanceof Outcome.Cancelled);
  }

  @Test
  void cancellingInTheMiddleClosesTheConnection() {
    server.always(Script.counted(5).stallingAfter(2));
    var probe = provider().stream(REQUEST).runWith(TestSink.create(KIT.system()), KIT.system());
    probe.request(10);
    probe.expectNext(new TextDelta("1"));
    probe.expectNext(new TextDelta(" 2"));

    probe.cancel();

    await().until(() -> received().outcome() instanceof Outcome.Cancelled);
  }

  @Test
  void whatIsNotWantedIsNotFetched() {
    server.always(Script.filler(100 << 20));
    var probe = provider().stream(REQUEST).runWith(TestSink.create(KIT.system()), KIT.system());
    probe.requestNext();
    await().during(Duration.ofMillis(300)).until(() -> received().chunksSent() < 2000);

    probe.cancel();

    assertThat(received().chunksSent()).isBetween(1, 2000);
  }

  @Test
  void anAnswerBeyondTheLimitFails() {
    server.always(Script.filler(10 << 20));

    assertThat(failure(provider()).kind()).isEqualTo(Kind.TOO_LONG);
    await().until(() -> received().outcome() instanceof Outcome.Cancelled);
  }

  @Test
  void invalidJsonIsMalformed() {
    server.always(Script.counted(5).invalidJsonAfter(2));

    ModelException failure = failure(provider());

    assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
    assertThat(failure).hasMessageNotContaining("this is");
  }

  @Test
  void aPageInsteadOfAStreamIsMalformed() {
    server.always(Script.refuse(200, Map.of("Content-Type", "text/html"), "<html>log in</html>"));

    assertThat(failure(provider()).kind()).isEqualTo(Kind.MALFORMED);
  }

  @Test
  void manyAnswersAtOnceDoNotWaitForEachOther() {
    server.always(Script.counted(5).withFirstByteDelay(Duration.ofMinutes(5)));
    ModelProvider provider = provider();

    for (int i = 0; i < 60; i++) {
      var unused = provider.stream(REQUEST).runWith(Sink.ignore(), KIT.system());
    }

    // None has its answer: with a pool of four connections the others would not have been sent.
    await().atMost(Duration.ofSeconds(30)).until(() -> server.requests().size() == 60);
    assertThat(server.requests()).allMatch(each -> each.outcome() instanceof Outcome.Running);
  }
}
