package io.clawterm.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.context.Context;
import java.util.List;
import java.util.Optional;

/**
 * Where spans are begun. Safe for use by several threads.
 *
 * <p>The context is always given and never taken from the thread: an actor's next message runs on
 * another one, and on a host's thread there may be a span of the host.
 */
public final class Tracing {

  /** No span is recorded, and no context is made. */
  public static final Tracing OFF = new Tracing(TracerProvider.noop().get(""), false, false);

  /** The instrumentation's name, as backends show it. */
  public static final String SCOPE = "io.clawterm";

  private final Tracer tracer;
  private final boolean on;
  private final boolean toProviders;

  private Tracing(Tracer tracer, boolean on, boolean toProviders) {
    this.tracer = tracer;
    this.on = on;
    this.toProviders = toProviders;
  }

  /**
   * Spans by this provider, which stays its owner's to end.
   *
   * @param version of the program that records
   * @param toProviders whether providers of models are told the trace that asks them
   */
  public static Tracing by(TracerProvider provider, String version, boolean toProviders) {
    Tracer tracer = provider.tracerBuilder(SCOPE).setInstrumentationVersion(version).build();
    return new Tracing(tracer, true, toProviders);
  }

  /** Whether spans are recorded. Ask before anything is computed for a span alone. */
  public boolean isOn() {
    return on;
  }

  /** Whether a provider of models is sent the {@code traceparent} of the call. */
  public boolean reachesProviders() {
    return toProviders;
  }

  /** A span to be begun below this context; without one it begins a trace. */
  public SpanBuilder span(String name, SpanKind kind, Optional<TraceContext> parent) {
    SpanBuilder builder = tracer.spanBuilder(name).setSpanKind(kind);
    return parent.isPresent()
        ? builder.setParent(Context.root().with(Span.wrap(parent.get().spanContext())))
        : builder.setNoParent();
  }

  /**
   * A span to be begun that has several causes: the first is its parent, the others are links.
   *
   * @param causes may be empty
   */
  public SpanBuilder span(String name, SpanKind kind, List<TraceContext> causes) {
    SpanBuilder builder = span(name, kind, causes.stream().findFirst());
    causes.stream().skip(1).forEach(cause -> builder.addLink(cause.spanContext()));
    return builder;
  }
}
