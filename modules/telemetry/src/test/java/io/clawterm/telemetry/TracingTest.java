package io.clawterm.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What begins a span, and what is carried of it. */
class TracingTest {

  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN = "b7ad6b7169203331";

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final Tracing tracing =
      Tracing.by(
          SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build(),
          "1.2",
          false);

  @Test
  void aContextIsReadAsItWasWritten() {
    Span span = tracing.span("a", SpanKind.INTERNAL, Optional.empty()).startSpan();

    TraceContext context = TraceContext.of(span).orElseThrow();

    SpanContext read = context.spanContext();
    assertThat(read.getTraceId()).isEqualTo(span.getSpanContext().getTraceId());
    assertThat(read.getSpanId()).isEqualTo(span.getSpanContext().getSpanId());
    assertThat(read.isSampled()).isTrue();
    assertThat(context.traceId()).isEqualTo(read.getTraceId());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      })
  void whatIsNoContextIsNoParent(String text) {
    tracing.span("a", SpanKind.INTERNAL, Optional.of(new TraceContext(text))).startSpan().end();

    assertThat(new TraceContext(text).traceId()).isEmpty();
    assertThat(spans.getFinishedSpanItems().getFirst().getParentSpanContext().isValid()).isFalse();
  }

  @Test
  void theFirstCauseIsTheParentAndTheOthersAreLinks() {
    var first = new TraceContext("00-" + TRACE + "-" + SPAN + "-01");
    var second = new TraceContext("00-" + SPAN + SPAN + "-" + SPAN + "-01");

    tracing.span("a", SpanKind.INTERNAL, List.of(first, second)).startSpan().end();

    SpanData span = spans.getFinishedSpanItems().getFirst();
    assertThat(span.getTraceId()).isEqualTo(TRACE);
    assertThat(span.getParentSpanId()).isEqualTo(SPAN);
    assertThat(span.getLinks()).hasSize(1);
    assertThat(span.getInstrumentationScopeInfo().getName()).isEqualTo(Tracing.SCOPE);
    assertThat(span.getInstrumentationScopeInfo().getVersion()).isEqualTo("1.2");
  }

  /** A host's thread may be within a span of the host's. */
  @Test
  void theThreadsOwnSpanIsNoParent() {
    Span hosts = tracing.span("host", SpanKind.INTERNAL, Optional.empty()).startSpan();
    try (Scope scope = hosts.makeCurrent()) {
      assertThat(scope).isNotNull();
      tracing.span("a", SpanKind.INTERNAL, Optional.empty()).startSpan().end();
    }

    assertThat(spans.getFinishedSpanItems().getFirst().getParentSpanContext().isValid()).isFalse();
  }

  @Test
  void whatIsNotSampledPassesThatOn() {
    Tracing none =
        Tracing.by(
            SdkTracerProvider.builder()
                .setSampler(Sampler.parentBased(Sampler.alwaysOff()))
                .addSpanProcessor(SimpleSpanProcessor.create(spans))
                .build(),
            "1.2",
            false);
    Span span = none.span("a", SpanKind.SERVER, Optional.empty()).startSpan();

    TraceContext context = TraceContext.of(span).orElseThrow();
    Span child = tracing.span("b", SpanKind.INTERNAL, Optional.of(context)).startSpan();

    assertThat(context.spanContext().isSampled()).isFalse();
    assertThat(child.isRecording()).isFalse();
    assertThat(child.getSpanContext().getTraceId()).isEqualTo(context.traceId());
  }

  @Test
  void whileItIsOffThereIsNoContext() {
    Span span = Tracing.OFF.span("a", SpanKind.SERVER, Optional.empty()).startSpan();

    assertThat(Tracing.OFF.isOn()).isFalse();
    assertThat(span.isRecording()).isFalse();
    assertThat(TraceContext.of(span)).isEmpty();
  }
}
