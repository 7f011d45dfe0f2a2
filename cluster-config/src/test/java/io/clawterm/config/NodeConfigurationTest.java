package io.clawterm.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeConfigurationTest {

  @TempDir private Path folder;

  private record ExampleSettings(Duration idleTimeout, int port) {
    private ExampleSettings {
      if (!idleTimeout.isPositive()) {
        throw new IllegalArgumentException("idle-timeout must be above 0, is " + idleTimeout);
      }
    }

    static ExampleSettings from(Config config) {
      return new ExampleSettings(config.getDuration("idle-timeout"), config.getInt("port"));
    }
  }

  @Test
  void theDefaultsHoldWhereNothingIsGiven() {
    NodeConfiguration configuration = load(Map.of(), Optional.empty());

    Optional<ExampleSettings> settings =
        configuration.read("clawterm.example", ExampleSettings::from);

    configuration.refuseIfWrong();
    assertThat(settings).contains(new ExampleSettings(Duration.ofSeconds(30), 7220));
  }

  @Test
  void theCallerIsStrongerThanTheFile() throws IOException {
    Path file = write("clawterm.example { port = 1, idle-timeout = 1s }");

    NodeConfiguration configuration = load(Map.of("clawterm.example.port", 2), Optional.of(file));

    assertThat(configuration.read("clawterm.example", ExampleSettings::from))
        .contains(new ExampleSettings(Duration.ofSeconds(1), 2));
  }

  @Test
  void aBrokenFileIsRefusedWithItsLine() throws IOException {
    Path file = write("clawterm.example {\n  port = 1\n  idle-timeout = {\n");

    assertThatThrownBy(() -> load(Map.of(), Optional.of(file)))
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContaining(file.toString())
        .hasMessageMatching("(?s).*: 4\\b.*");
  }

  @Test
  void aMissingFileIsRefusedByName() {
    Path file = folder.resolve("absent.conf");

    assertThatThrownBy(() -> load(Map.of(), Optional.of(file)))
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContaining("absent.conf");
  }

  @Test
  void anUnknownKeyIsRefusedWithTheOneThatWasMeant() throws IOException {
    Path file = write("clawterm.example {\n  idle-timeuot = 3s\n}");

    NodeConfiguration configuration = load(Map.of(), Optional.of(file));

    assertThatThrownBy(configuration::refuseIfWrong)
        .hasMessageContaining(file + ": 2")
        .hasMessageContaining("clawterm.example.idle-timeuot")
        .hasMessageContaining("did you mean clawterm.example.idle-timeout?");
  }

  @Test
  void allProblemsAreToldAtOnce() throws IOException {
    Path file = write("clawterm.example {\n  idle-timeout = 0s\n}\nclawterm.nonsense = 1\n");

    NodeConfiguration configuration = load(Map.of(), Optional.of(file));
    configuration.read("clawterm.example", ExampleSettings::from);

    assertThatThrownBy(configuration::refuseIfWrong)
        .hasMessageContaining(
            file + ": 2: clawterm.example.idle-timeout: idle-timeout must be above 0")
        .hasMessageContaining(file + ": 4: clawterm.nonsense");
  }

  @Test
  void aValueOfTheWrongTypeIsRefusedWithWhatWasExpected() throws IOException {
    Path file = write("clawterm.example.port = lots");

    NodeConfiguration configuration = load(Map.of(), Optional.of(file));
    configuration.read("clawterm.example", ExampleSettings::from);

    assertThatThrownBy(configuration::refuseIfWrong)
        .hasMessageContaining(file + ": 1")
        .hasMessageContaining("port")
        .hasMessageContaining("NUMBER");
  }

  @Test
  void aSecretShowsNothing() {
    assertThat(new Secret("sesame").toString()).doesNotContain("sesame");
  }

  private static NodeConfiguration load(Map<String, ?> overrides, Optional<Path> file) {
    return NodeConfiguration.load(overrides, file, "absent-profile");
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("config.conf"), text);
  }
}
