package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import com.typesafe.config.ConfigFactory;
import io.clawterm.config.NodeConfiguration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The chart renders, and what it renders is closed by default. */
class HelmChartTest {

  private static final Path CHART = ArchitectureTest.repository().resolve("helm/clawterm");

  @TempDir Path folder;

  static List<Path> values() throws IOException {
    try (Stream<Path> files = Files.list(CHART.resolve("ci"))) {
      return files.sorted().toList();
    }
  }

  private static Map<String, JsonNode> rendered(Path values) throws IOException {
    String yaml =
        new Helm(CHART)
            .template()
            .withName("test")
            .withKubeVersion("1.30.0")
            .withValuesFile(values)
            .call();
    try (MappingIterator<JsonNode> documents =
        new YAMLMapper().readerFor(JsonNode.class).readValues(yaml)) {
      return documents.readAll().stream()
          .filter(document -> document.hasNonNull("kind"))
          .collect(Collectors.toMap(document -> document.path("kind").asText(), each -> each));
    }
  }

  private static JsonNode container(Map<String, JsonNode> objects) {
    return pod(objects).path("containers").path(0);
  }

  private static JsonNode pod(Map<String, JsonNode> objects) {
    return Optional.ofNullable(objects.get("StatefulSet"))
        .orElseThrow()
        .path("spec")
        .path("template")
        .path("spec");
  }

  @Test
  void thereAreSeveralSetsOfValues() throws IOException {
    assertThat(values()).hasSizeGreaterThan(1);
  }

  @ParameterizedTest
  @MethodSource("values")
  void theChartIsWithoutFault(Path values) throws IOException {
    LintResult result = new Helm(withDefaults(values)).lint().strict().call();

    assertThat(result.isFailed()).as(result.getMessages().toString()).isFalse();
  }

  /** Linting takes no values but the chart's own, and those leave out what only its user knows. */
  private Path withDefaults(Path values) throws IOException {
    Path chart = folder.resolve("clawterm");
    try (Stream<Path> files = Files.walk(CHART)) {
      for (Path file : files.toList()) {
        Files.copy(file, chart.resolve(CHART.relativize(file).toString()));
      }
    }
    var yaml = new YAMLMapper();
    JsonNode defaults = yaml.readTree(CHART.resolve("values.yaml").toFile());
    JsonNode merged = yaml.readerForUpdating(defaults).readTree(Files.readString(values));
    yaml.writeValue(chart.resolve("values.yaml").toFile(), merged);
    return chart;
  }

  @ParameterizedTest
  @MethodSource("values")
  void thePodHasNoRightsThatItDoesNotNeed(Path values) throws IOException {
    Map<String, JsonNode> objects = rendered(values);

    JsonNode pod = pod(objects);
    assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
    assertThat(pod.path("securityContext").path("runAsNonRoot").asBoolean()).isTrue();
    assertThat(pod.path("securityContext").path("runAsUser").asInt()).isPositive();
    assertThat(pod.path("securityContext").path("seccompProfile").path("type").asText())
        .isEqualTo("RuntimeDefault");
    assertThat(pod.path("containers")).hasSize(1);
    JsonNode context = container(objects).path("securityContext");
    assertThat(context.path("readOnlyRootFilesystem").asBoolean()).isTrue();
    assertThat(context.path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
    assertThat(context.path("privileged").asBoolean(false)).isFalse();
    assertThat(context.path("capabilities").toString()).isEqualTo("{\"drop\":[\"ALL\"]}");
    assertThat(pod.toString()).doesNotContain("hostPath", "hostNetwork", "hostPID");
  }

  @ParameterizedTest
  @MethodSource("values")
  void kubernetesCanTellHowItIs(Path values) throws IOException {
    JsonNode container = container(rendered(values));

    assertThat(container.at("/startupProbe/httpGet/path").asText()).isEqualTo("/startupz");
    assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/livez");
    assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/readyz");
    assertThat(container.at("/resources/limits/memory").asText()).isNotEmpty();
  }

  @ParameterizedTest
  @MethodSource("values")
  void secretsAreOnlyReferredTo(Path values) throws IOException {
    Map<String, JsonNode> objects = rendered(values);

    assertThat(objects).containsOnlyKeys("StatefulSet", "Service", "ConfigMap");
    assertThat(objects.toString()).doesNotContain("password", "postgresql://");
    for (JsonNode variable : container(objects).path("env")) {
      if (!variable.path("name").asText().equals("CLAWTERM_MODEL")) {
        assertThat(variable.at("/valueFrom/secretKeyRef/name").asText()).isNotEmpty();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("values")
  void aNodeTakesTheConfigurationThatTheChartWrites(Path values) throws IOException {
    JsonNode text =
        Optional.ofNullable(rendered(values).get("ConfigMap"))
            .orElseThrow()
            .path("data")
            .path("config.conf");
    Path file = Files.writeString(folder.resolve("config.conf"), text.asText());

    var configuration =
        NodeConfiguration.load(
            Map.of("clawterm.node.data", "/data"), Optional.of(file), Node.PROFILE);
    Optional<NodeSettings> settings = configuration.read("clawterm.node", NodeSettings::from);
    configuration.refuseIfWrong();

    assertThat(settings).isPresent();
    assertThat(TransportRule.encrypted(settings.get())).isTrue();
    assertThat(ConfigFactory.parseFile(file.toFile()).getString("clawterm.node.tls-key"))
        .startsWith(mountOfTls(rendered(values)));
  }

  private static String mountOfTls(Map<String, JsonNode> objects) {
    for (JsonNode mount : container(objects).path("volumeMounts")) {
      if (mount.path("name").asText().equals("tls")) {
        return mount.path("mountPath").asText();
      }
    }
    throw new AssertionError("the certificate is not mounted");
  }

  @ParameterizedTest
  @MethodSource("incomplete")
  void whatIsMissingOrUnknownIsRefused(String name, String yaml) throws IOException {
    Path values = Files.writeString(folder.resolve("values.yaml"), yaml);

    assertThatThrownBy(() -> rendered(values)).hasMessageContaining(name);
  }

  static List<Arguments> incomplete() {
    return List.of(
        Arguments.of("database", "tls: { existingSecret: certificate }\n"),
        Arguments.of("tls", "database: { existingSecret: database }\n"),
        Arguments.of(
            "replicas",
            "replicas: 2\ndatabase: { existingSecret: a }\ntls: { existingSecret: b }\n"),
        Arguments.of(
            "databse", "{databse: {}, database: {existingSecret: a}, tls: {existingSecret: b}}"));
  }
}
