package io.clawterm.node;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The data folder, as every command takes it. */
final class DataOption {

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "The data folder (default: $CLAWTERM_DATA, or ~/.clawterm).")
  private @Nullable Path data;

  Path folder() {
    if (data != null) {
      return data.toAbsolutePath().normalize();
    }
    String environment = System.getenv("CLAWTERM_DATA");
    return environment != null && !environment.isBlank()
        ? Path.of(environment).toAbsolutePath().normalize()
        : Home.folder().resolve(".clawterm");
  }
}
