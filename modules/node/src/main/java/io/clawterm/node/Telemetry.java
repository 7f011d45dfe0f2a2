package io.clawterm.node;

import io.clawterm.config.Secret;
import io.clawterm.telemetry.Tracing;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporterBuilder;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanLimits;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's spans: recorded or not, and sent where the settings say. Nothing of it is kept in
 * OpenTelemetry's global instance, so that two nodes fit in one process.
 *
 * <p>Spans wait in a queue of 2048 and are sent every 5 seconds, or by 512; what comes while it is
 * full is dropped. Whether a backend takes them or not, nobody waits for it.
 */
final class Telemetry implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Telemetry.class);
  private static final String PATH = "/v1/traces";
  private static final int MAX_ATTRIBUTE_CHARS = 1_000;

  /** How long a stop waits for the last spans to be sent. */
  private static final long END_SECONDS = 3;

  private final Tracing tracing;
  private final Optional<SdkTracerProvider> own;

  private Telemetry(Tracing tracing, Optional<SdkTracerProvider> own) {
    this.tracing = tracing;
    this.own = own;
  }

  /**
   * The host's own, or what the settings say.
   *
   * @throws StartException if a variable of the environment makes no sense
   */
  static Telemetry start(NodePlan plan, TelemetrySettings settings) {
    if (plan.openTelemetry().isPresent()) {
      return new Telemetry(
          Tracing.by(
              plan.openTelemetry().get().getTracerProvider(),
              Version.CURRENT,
              settings.sendToProviders()),
          Optional.empty());
    }
    return switch (settings.traces()) {
      case OFF -> new Telemetry(Tracing.OFF, Optional.empty());
      case OTLP -> {
        SdkTracerProvider provider = otlp(settings, TelemetryEnvironment.of(plan.environment()));
        yield new Telemetry(
            Tracing.by(provider, Version.CURRENT, settings.sendToProviders()),
            Optional.of(provider));
      }
    };
  }

  private static SdkTracerProvider otlp(
      TelemetrySettings settings, TelemetryEnvironment environment) {
    String endpoint = environment.endpoint().orElse(settings.endpoint()) + PATH;
    OtlpHttpSpanExporterBuilder exporter = OtlpHttpSpanExporter.builder().setEndpoint(endpoint);
    for (Map.Entry<String, Secret> header : environment.headers().entrySet()) {
      exporter.addHeader(header.getKey(), header.getValue().value());
    }
    LOG.atInfo()
        .addKeyValue("endpoint", endpoint)
        .addKeyValue("ratio", settings.sampleRatio())
        .log("traces are recorded");
    return SdkTracerProvider.builder()
        .setResource(resource(settings, environment))
        .setSampler(Sampler.parentBased(Sampler.traceIdRatioBased(settings.sampleRatio())))
        .setSpanLimits(SpanLimits.builder().setMaxAttributeValueLength(MAX_ATTRIBUTE_CHARS).build())
        .addSpanProcessor(BatchSpanProcessor.builder(exporter.build()).build())
        .build();
  }

  private static Resource resource(TelemetrySettings settings, TelemetryEnvironment environment) {
    AttributesBuilder attributes =
        Attributes.builder()
            .put("service.name", settings.serviceName())
            .put("service.version", Version.CURRENT)
            .put("service.instance.id", UUID.randomUUID().toString());
    environment.resource().forEach(attributes::put);
    environment.serviceName().ifPresent(name -> attributes.put("service.name", name));
    return Resource.getDefault().merge(Resource.create(attributes.build()));
  }

  /** For all parts of the node. */
  Tracing tracing() {
    return tracing;
  }

  /** Sends what is left, as far as that takes no longer than a few seconds. */
  @Override
  public void close() {
    own.ifPresent(provider -> {
      CompletableResultCode end = provider.shutdown().join(END_SECONDS, TimeUnit.SECONDS);
      if (!end.isSuccess()) {
        LOG.atWarn().log("the last spans could not be sent");
      }
    });
  }
}
