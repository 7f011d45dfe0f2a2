package io.clawterm.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.clawterm.telemetry.SpanAttributes;
import io.clawterm.telemetry.TraceContext;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The spans of a session's commits, and what its journal keeps of them. */
class CommitTraceTest {

  private static final TestNode NODE = new TestNode();
  private static final TraceContext ONE =
      new TraceContext("00-11111111111111111111111111111111-aaaaaaaaaaaaaaaa-01");
  private static final TraceContext TWO =
      new TraceContext("00-22222222222222222222222222222222-bbbbbbbbbbbbbbbb-01");

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final TestSession session = NODE.session();

  @AfterAll
  static void stop() {
    NODE.close();
  }

  @BeforeEach
  void trace() {
    session.tracing =
        Tracing.by(
            SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build(),
            "test",
            false);
  }

  private SpanData span(long commit) {
    return await()
        .until(
            () ->
                spans.getFinishedSpanItems().stream()
                    .filter(span ->
                        Long.valueOf(commit)
                            .equals(span.getAttributes().get(SpanAttributes.COMMIT_NUMBER)))
                    .findFirst(),
            Optional::isPresent)
        .orElseThrow();
  }

  private static TraceContext context(SpanData span) {
    String flags = span.getSpanContext().getTraceFlags().asHex();
    return new TraceContext("00-" + span.getTraceId() + "-" + span.getSpanId() + "-" + flags);
  }

  @Test
  void aCommitStandsBelowTheInputThatItStoresAndItsEventSaysWhere() {
    TestDevice laptop = session.attached("laptop");
    session.targetStarted();

    laptop.input(1, ONE, "hi");

    laptop.durable();
    SpanData span = span(2);
    assertThat(span.getName()).isEqualTo("session commit");
    assertThat(span.getKind()).isEqualTo(SpanKind.INTERNAL);
    assertThat(span.getTraceId()).isEqualTo(ONE.traceId());
    assertThat(span.getParentSpanId()).isEqualTo("aaaaaaaaaaaaaaaa");
    assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
    assertThat(span.getAttributes().get(SpanAttributes.SESSION)).isEqualTo(session.id.toString());
    assertThat(span.getAttributes().get(SpanAttributes.COMMIT_ENTRIES)).isEqualTo(1);
    assertThat(span.getAttributes().get(SpanAttributes.COMMIT_BYTES)).isPositive();
    assertThat(session.journaled().getLast().trace()).contains(context(span));
    assertThat(session.targetTold(TargetCommand.Deliver.class).inputs().getFirst().trace())
        .contains(context(span));
  }

  @Test
  void aCommitOfSeveralInputsHasTheFirstAsParentAndLinksToTheOthers() {
    TestDevice laptop = session.attached("laptop");
    TestDevice phone = session.attached("phone");
    var gate = NODE.closeGate();
    try {
      laptop.input(1, "before");
      NODE.awaitWrite(gate);
      phone.input(1, TWO, "b");
      laptop.input(2, ONE, "a");
      phone.input(2, TWO, "c");
    } finally {
      NODE.openGate(gate);
    }

    SpanData span = span(4);
    assertThat(span.getTraceId()).isEqualTo(TWO.traceId());
    assertThat(span.getLinks())
        .extracting(LinkData::getSpanContext)
        .extracting(linked -> linked.getTraceId())
        .containsExactly(ONE.traceId());
    await().until(() -> session.journaled().size() == 4);
    assertThat(session.journaled().getLast().trace()).contains(context(span));
  }

  @Test
  void aCommitWithoutACauseBeginsATrace() {
    session.attached("laptop");

    SpanData span = span(1);

    assertThat(span.getParentSpanId()).isEqualTo(SpanId.getInvalid());
    assertThat(session.journaled().getFirst().trace()).contains(context(span));
  }

  @Test
  void whatTheTargetEmitsStandsBelowTheWorkThatItNames() {
    session.attached("laptop");
    long epoch = session.targetStarted().epoch();

    session
        .actor()
        .tell(
            new SessionCommand.Emit(
                epoch,
                List.of(Entry.text("x")),
                OptionalLong.empty(),
                Optional.empty(),
                List.of(ONE, TWO)));

    SpanData span = span(2);
    assertThat(span.getParentSpanId()).isEqualTo("aaaaaaaaaaaaaaaa");
    assertThat(span.getLinks()).hasSize(1);
  }

  @Test
  void inputThatWaitsIsInItsTraceAfterACrashAsWell() {
    TestDevice laptop = session.attached("laptop");
    session.targetStarted();
    laptop.input(1, ONE, "hi");
    laptop.durable();
    Optional<TraceContext> before =
        session.targetTold(TargetCommand.Deliver.class).inputs().getFirst().trace();
    session.crash();

    session.device("phone").connect().attached();

    assertThat(before).map(TraceContext::traceId).contains(ONE.traceId());
    assertThat(session.targetTold(TargetCommand.Deliver.class).inputs().getFirst().trace())
        .isEqualTo(before);
    assertThat(session.stored().input().waiting().getFirst().trace()).isEqualTo(before);
  }

  @Test
  void inputOfACommitBeforeKeepsItsOwnTrace() {
    TestDevice laptop = session.attached("laptop");
    laptop.input(1, ONE, "a");
    laptop.durable();

    laptop.input(2, TWO, "b");

    laptop.durableSkippingOutput();
    session.settle();
    assertThat(session.stored().input().waiting())
        .extracting(input -> input.trace().map(TraceContext::traceId).orElse(""))
        .containsExactly(ONE.traceId(), TWO.traceId());
  }

  @Test
  void aCommitThatFailsIsAnErrorInItsTrace() {
    TestDevice laptop = session.attached("laptop");
    span(1);
    NODE.journal.failNextPersisted(session.persistenceId());

    laptop.input(1, ONE, "lost");

    laptop.detached();
    session.awaitStop();
    SpanData failed = spans.getFinishedSpanItems().getLast();
    assertThat(failed.getTraceId()).isEqualTo(ONE.traceId());
    assertThat(failed.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(failed.getAttributes().get(SpanAttributes.ERROR_TYPE)).isEqualTo("not_durable");
  }

  @Test
  void bytesForAProgramCarryNoTraceButTheirCommitDoes() {
    TestSession pod = NODE.session(Target.InputStyle.BYTES, TestNode.settings());
    pod.tracing = session.tracing;
    TestDevice laptop = pod.attached("laptop");

    laptop.input(1, ONE, "ls");

    laptop.durable();
    assertThat(pod.journaled().getLast().trace())
        .map(TraceContext::traceId)
        .contains(ONE.traceId());
    assertThat(pod.targetTold(TargetCommand.Deliver.class).inputs().getFirst().trace()).isEmpty();
    assertThat(pod.stored().input().waiting().getFirst().trace()).isEmpty();
  }

  @Test
  void whileTracingIsOffNothingIsAllocated() {
    var off = new CommitTrace(Tracing.OFF, session.id);
    Optional<TraceContext> cause = Optional.of(ONE);
    List<Entry> entries = List.of(Entry.text("x"));
    List<TargetCommand.TargetInput> inputs = List.of();

    long bytes =
        allocatedBy(() -> {
          for (int i = 0; i < 1_000; i++) {
            off.causedBy(cause);
            off.begin();
            off.durable(entries, i);
            off.place(inputs);
          }
        });

    assertThat(bytes).isLessThan(1_000);
  }

  private static long allocatedBy(Runnable work) {
    work.run(); // loads its classes
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void whileTracingIsOffNothingIsStoredThoughOtherNodesTrace() {
    session.tracing = Tracing.OFF;
    TestDevice laptop = session.attached("laptop");
    session.targetStarted();

    laptop.input(1, ONE, "hi");

    laptop.durable();
    assertThat(session.journaled()).allMatch(event -> event.trace().isEmpty());
    assertThat(session.targetTold(TargetCommand.Deliver.class).inputs().getFirst().trace())
        .isEmpty();
    assertThat(spans.getFinishedSpanItems()).isEmpty();
  }
}
