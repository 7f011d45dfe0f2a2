package io.clawterm.edge;

import io.clawterm.protocol.Code;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/** What the edges count. */
final class EdgeMetrics {

  final Counter framesIn;
  final Counter framesOut;
  final Counter bytesIn;
  final Counter bytesOut;
  final Counter keepalives;
  final Counter input;
  final Counter repeatedInput;
  final Counter inputPauses;
  final Counter slowConsumers;
  final Counter evictions;
  final Counter silent;
  final Counter slowFrames;
  private final Map<Code, Counter> refusals = new EnumMap<>(Code.class);

  EdgeMetrics(MeterRegistry registry, ConnectionLimits limits, Admission admission) {
    Gauge.builder("clawterm.edge.opening", admission, Admission::served)
        .description("Sessions that are being opened or resumed")
        .register(registry);
    Gauge.builder("clawterm.edge.opening.waiting", admission, Admission::waiting)
        .description("Devices that wait until their session is opened or resumed")
        .register(registry);
    Gauge.builder("clawterm.edge.connections", limits, ConnectionLimits::total)
        .description("Open connections")
        .register(registry);
    Gauge.builder(
            "clawterm.edge.connections.unauthenticated", limits, ConnectionLimits::unauthenticated)
        .description("Connections that have not shown who they are")
        .register(registry);
    framesIn = counter(registry, "frames.in", "Frames received");
    framesOut = counter(registry, "frames.out", "Frames sent");
    bytesIn = counter(registry, "bytes.in", "Bytes received");
    bytesOut = counter(registry, "bytes.out", "Bytes sent");
    keepalives = counter(registry, "keepalives", "KEEPALIVE frames sent");
    input = counter(registry, "input", "DATA frames passed on to sessions");
    repeatedInput = counter(registry, "input.repeated", "DATA frames dropped as known already");
    inputPauses = counter(registry, "input.pauses", "Times that a socket was not read any further");
    slowConsumers = counter(registry, "slow.consumers", "Connections closed because none read");
    evictions = counter(registry, "evictions", "Unauthenticated connections that made room");
    silent = counter(registry, "silent", "Connections closed because nothing came");
    slowFrames =
        counter(registry, "slow.frames", "Connections closed because a frame took too long");
    for (Code code : Code.values()) {
      refusals.put(
          code,
          Counter.builder("clawterm.edge.disconnects")
              .description("DISCONNECT frames sent")
              .tag("code", code.name().toLowerCase(Locale.ROOT))
              .register(registry));
    }
  }

  void disconnected(Code code) {
    Counter counter = refusals.get(code);
    if (counter != null) {
      counter.increment();
    }
  }

  private static Counter counter(MeterRegistry registry, String name, String description) {
    return Counter.builder("clawterm.edge." + name).description(description).register(registry);
  }
}
