package io.clawterm.node;

import io.clawterm.storage.DatabaseDisk;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.File;
import java.nio.file.Path;
import java.util.Optional;

/** The room that is left to store things, as meters. */
final class DiskMeters {

  private DiskMeters() {}

  static void register(MeterRegistry registry, DatabaseDisk disk, Optional<Path> data) {
    FunctionCounter.builder("clawterm.storage.disk.full", disk, DatabaseDisk::refusals)
        .description("Writes of sessions that the database refused because its disk is full")
        .register(registry);
    data.ifPresent(folder ->
        Gauge.builder("clawterm.storage.folder.free.bytes", folder.toFile(), File::getUsableSpace)
            .description("Bytes that are free where the data folder lies")
            .strongReference(true)
            .register(registry));
  }
}
