package io.clawterm.node;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.openshift.api.model.monitoring.v1.PrometheusRule;
import io.fabric8.openshift.api.model.monitoring.v1.ServiceMonitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the chart gives for a file of values: objects of Kubernetes, read strictly. */
record RenderedChart(List<HasMetadata> objects) {

  static final Path CHART = ArchitectureTest.repository().resolve("helm/clawterm");

  private static final Pattern HOOK =
      Pattern.compile("(?m)^ *annotations:\\R( *helm\\.sh/hook.*\\R)+");

  private static final Map<String, Class<? extends HasMetadata>> KINDS =
      Stream.of(
              ConfigMap.class,
              DaemonSet.class,
              Deployment.class,
              NetworkPolicy.class,
              Pod.class,
              PodDisruptionBudget.class,
              PrometheusRule.class,
              Role.class,
              RoleBinding.class,
              Service.class,
              ServiceAccount.class,
              ServiceMonitor.class)
          .collect(Collectors.toMap(Class::getSimpleName, Function.identity()));

  private static final ObjectMapper STRICT =
      new YAMLMapper(
              YAMLFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .setAnnotationIntrospector(new NoOtherProperties());

  RenderedChart {
    objects = List.copyOf(objects);
  }

  /** The models keep what they don't know in a map; here that is an error. */
  private static final class NoOtherProperties extends JacksonAnnotationIntrospector {

    private static final long serialVersionUID = 1;

    @Override
    public Boolean hasAnySetter(Annotated member) {
      return false;
    }
  }

  /** Renders as Helm does for an installation in the namespace {@code apps}. */
  static String yaml(Path chart, Path values) {
    return new Helm(chart)
        .template()
        .withName("test")
        .withNamespace("apps")
        .withKubeVersion("1.30.0")
        .withValuesFile(values)
        .call();
  }

  static RenderedChart of(Path values) throws IOException {
    return read(yaml(CHART, values));
  }

  /** The pods of {@code helm test} as well, which Helm leaves out of what it renders. */
  static RenderedChart withTests(Path values, Path folder) throws IOException {
    Path chart = copy(folder);
    Path pod = chart.resolve("templates/tests/session.yaml");
    Files.writeString(pod, HOOK.matcher(Files.readString(pod)).replaceAll(""));
    return read(yaml(chart, values));
  }

  /** The chart in a folder where a test may change it. */
  static Path copy(Path folder) throws IOException {
    Path chart = folder.resolve("clawterm");
    try (Stream<Path> files = Files.walk(CHART)) {
      for (Path file : files.toList()) {
        Files.copy(file, chart.resolve(CHART.relativize(file).toString()));
      }
    }
    return chart;
  }

  /** Reads documents; a property that Kubernetes doesn't have is an error. */
  static RenderedChart read(String yaml) throws IOException {
    List<HasMetadata> objects = new ArrayList<>();
    try (MappingIterator<JsonNode> documents = STRICT.readerFor(JsonNode.class).readValues(yaml)) {
      while (documents.hasNext()) {
        JsonNode document = documents.next();
        if (document.hasNonNull("kind")) {
          String kind = document.path("kind").asText();
          objects.add(STRICT.treeToValue(document, Objects.requireNonNull(KINDS.get(kind), kind)));
        }
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return new RenderedChart(objects);
  }

  <T extends HasMetadata> List<T> all(Class<T> kind) {
    return objects.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  <T extends HasMetadata> T the(Class<T> kind) {
    List<T> found = all(kind);
    if (found.size() != 1) {
      throw new AssertionError(kind.getSimpleName() + ": " + found.size() + " instead of one");
    }
    return found.getFirst();
  }

  <T extends HasMetadata> T named(Class<T> kind, String name) {
    return all(kind).stream()
        .filter(object -> object.getMetadata().getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + kind.getSimpleName() + " " + name));
  }

  /** The pods of all nodes: those of the Deployment, and those of the DaemonSet. */
  List<PodTemplateSpec> nodes() {
    return Stream.concat(
            all(Deployment.class).stream().map(each -> each.getSpec().getTemplate()),
            all(DaemonSet.class).stream().map(each -> each.getSpec().getTemplate()))
        .toList();
  }

  /** The configuration files of the nodes, by name. */
  Map<String, String> configurations() {
    return named(ConfigMap.class, "test-clawterm").getData();
  }
}
