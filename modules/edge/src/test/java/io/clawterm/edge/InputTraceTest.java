package io.clawterm.edge;

import static io.clawterm.edge.TestClient.data;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.protocol.Frame;
import io.clawterm.protocol.Mode;
import io.clawterm.session.SessionCommand;
import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The spans with which traces begin. */
class InputTraceTest {

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final Tracing tracing =
      Tracing.by(
          SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build(),
          "test",
          false);

  private SpanData span() {
    return await().until(spans::getFinishedSpanItems, finished -> finished.size() == 1).getFirst();
  }

  private static SessionCommand.Input input(EdgeFixture edge) {
    return await()
        .until(
            () ->
                edge.sessions.told.stream()
                    .filter(SessionCommand.Input.class::isInstance)
                    .map(SessionCommand.Input.class::cast)
                    .findFirst(),
            Optional::isPresent)
        .orElseThrow();
  }

  @Test
  void inputIsASpanFromItsHandOverUntilItIsDurable() throws Exception {
    try (var edge = new EdgeFixture("", EdgeFixture.TOKENS, tracing);
        TestClient client = edge.client()) {
      Frame accept = client.open();

      client.send(data(accept.sessionId(), 1, "hidden"));

      Optional<TraceContext> handed = input(edge).trace();
      SpanData span = span();
      assertThat(span.getName()).isEqualTo("device input");
      assertThat(span.getKind()).isEqualTo(SpanKind.SERVER);
      assertThat(span.getParentSpanContext().isValid()).isFalse();
      assertThat(handed).map(TraceContext::traceId).contains(span.getTraceId());
      assertThat(span.getAttributes().get(SpanAttributes.TRANSPORT)).isEqualTo("tcp");
      assertThat(span.getAttributes().get(SpanAttributes.INPUT_FRAMES)).isEqualTo(1);
      assertThat(span.getAttributes().get(SpanAttributes.INPUT_BYTES)).isEqualTo(6);
      assertThat(span.getAttributes().get(SpanAttributes.INPUT_DURABLE)).isTrue();
      assertThat(span.toString()).doesNotContain("hidden");
    }
  }

  @Test
  void inputWhoseConnectionEndsFirstIsSaidToBeUnknown() throws Exception {
    try (var edge = new EdgeFixture("", EdgeFixture.TOKENS, tracing)) {
      try (TestClient client = edge.client()) {
        Frame accept = client.open();
        edge.sessions.storing = false;
        client.send(data(accept.sessionId(), 1, "x"));
        input(edge);
        assertThat(spans.getFinishedSpanItems()).as("it goes on").isEmpty();
      }

      assertThat(span().getAttributes().get(SpanAttributes.INPUT_DURABLE)).isFalse();
    }
  }

  @Test
  void inputOfADeviceThatIsRefusedEndsItsSpanAsWell() throws Exception {
    try (var edge = new EdgeFixture("max-entry-bytes = 10", EdgeFixture.TOKENS, tracing);
        TestClient client = edge.client()) {
      Frame accept = client.open();
      edge.sessions.storing = false;
      client.send(data(accept.sessionId(), 1, "x"));
      input(edge);

      client.send(data(accept.sessionId(), 2, "longer than ten"));

      assertThat(span().getAttributes().get(SpanAttributes.INPUT_DURABLE)).isFalse();
    }
  }

  /** The path of a frame; a thousand of them may cost what the measuring does. */
  @Test
  void whileTracingIsOffNothingIsAllocated() {
    var off = new InputTrace(Tracing.OFF);
    var peer = new Peer(Peer.Transport.TCP, Optional.empty(), Optional.empty());
    var circuit =
        new Circuit(
            new Wish(
                false,
                EdgeFixture.ALICE,
                "laptop",
                Mode.SHARE,
                false,
                Optional.empty(),
                Optional.empty(),
                "agent:main",
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                0,
                0));

    long bytes =
        allocatedBy(() -> {
          for (int i = 0; i < 1_000; i++) {
            Span span = off.begin(circuit, peer, List.of());
            assertThatNothingIsCarried(TraceContext.of(span));
            InputTrace.end(span, true);
          }
        });

    assertThat(bytes).isLessThan(1_000);
  }

  private static void assertThatNothingIsCarried(Optional<TraceContext> context) {
    if (context.isPresent()) {
      throw new AssertionError("a context while tracing is off");
    }
  }

  private static long allocatedBy(Runnable work) {
    work.run(); // loads its classes
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void whileTracingIsOffInputHasNoTrace() throws Exception {
    try (var edge = new EdgeFixture("");
        TestClient client = edge.client()) {
      Frame accept = client.open();
      client.send(data(accept.sessionId(), 1, "x"));

      assertThat(input(edge).trace()).isEmpty();
      assertThat(List.copyOf(spans.getFinishedSpanItems())).isEmpty();
    }
  }
}
