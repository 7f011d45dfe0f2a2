package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.http.HealthSettings;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.KeyToPath;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSecurityContext;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.PolicyRuleBuilder;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.openshift.api.model.monitoring.v1.PrometheusRule;
import io.fabric8.openshift.api.model.monitoring.v1.Rule;
import io.fabric8.openshift.api.model.monitoring.v1.ServiceMonitor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The chart renders objects that Kubernetes knows, and what it renders is closed by default. */
class HelmChartTest {

  private static final String SECRETS =
      """
      database: { existingSecret: a }
      tls: { existingSecret: b }
      token: { existingSecret: c }
      """;

  @TempDir Path folder;

  static List<Path> values() throws IOException {
    try (Stream<Path> files = Files.list(RenderedChart.CHART.resolve("ci"))) {
      return files.sorted().toList();
    }
  }

  private static RenderedChart with(String name) throws IOException {
    return RenderedChart.of(RenderedChart.CHART.resolve("ci/" + name + "-values.yaml"));
  }

  private RenderedChart withText(String yaml) throws IOException {
    return RenderedChart.of(Files.writeString(folder.resolve("values.yaml"), yaml));
  }

  private static Container container(PodTemplateSpec pod) {
    assertThat(pod.getSpec().getContainers()).hasSize(1);
    return pod.getSpec().getContainers().getFirst();
  }

  @Test
  void thereAreSeveralSetsOfValues() throws IOException {
    assertThat(values()).hasSizeGreaterThan(3);
  }

  @ParameterizedTest
  @MethodSource("values")
  void theChartIsWithoutFault(Path values) throws IOException {
    LintResult result = new Helm(withDefaults(values)).lint().strict().call();

    assertThat(result.isFailed()).as(result.getMessages().toString()).isFalse();
  }

  /** Linting takes no values but the chart's own, and those leave out what only its user knows. */
  private Path withDefaults(Path values) throws IOException {
    Path chart = RenderedChart.copy(folder);
    var yaml = new YAMLMapper();
    yaml.configOverride(ArrayNode.class).setMergeable(false);
    JsonNode defaults = yaml.readTree(RenderedChart.CHART.resolve("values.yaml").toFile());
    JsonNode merged = yaml.readerForUpdating(defaults).readTree(Files.readString(values));
    yaml.writeValue(chart.resolve("values.yaml").toFile(), merged);
    return chart;
  }

  @ParameterizedTest
  @MethodSource("values")
  void eachObjectIsOneThatKubernetesKnows(Path values) throws IOException {
    RenderedChart chart = RenderedChart.withTests(values, folder);

    assertThat(chart.objects()).hasSizeGreaterThan(5);
    Set<String> names = new HashSet<>();
    for (HasMetadata object : chart.objects()) {
      assertThat(names.add(object.getKind() + "/" + object.getMetadata().getName())).isTrue();
      assertThat(object.getMetadata().getName()).matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");
      assertThat(object.getMetadata().getLabels())
          .containsEntry("app.kubernetes.io/name", "clawterm")
          .containsEntry("app.kubernetes.io/instance", "test");
    }
  }

  @Test
  void aPropertyThatKubernetesDoesNotKnowIsFound() {
    assertThatThrownBy(
            () -> RenderedChart.read("apiVersion: v1\nkind: Pod\nspec: { contaners: [] }\n"))
        .isInstanceOf(UnrecognizedPropertyException.class)
        .hasMessageContaining("contaners");
  }

  @ParameterizedTest
  @MethodSource("values")
  void noPodHasRightsThatItDoesNotNeed(Path values) throws IOException {
    RenderedChart chart = RenderedChart.withTests(values, folder);

    List<PodSpec> pods =
        Stream.concat(
                chart.nodes().stream().map(PodTemplateSpec::getSpec),
                chart.all(Pod.class).stream().map(Pod::getSpec))
            .toList();
    assertThat(pods).hasSizeGreaterThan(1);
    for (PodSpec pod : pods) {
      PodSecurityContext context = pod.getSecurityContext();
      assertThat(context.getRunAsNonRoot()).isTrue();
      assertThat(context.getRunAsUser()).isPositive();
      assertThat(context.getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
      assertThat(pod.getHostNetwork()).isNull();
      assertThat(pod.getHostPID()).isNull();
      assertThat(pod.getHostIPC()).isNull();
      pod.getContainers().forEach(container -> assertClosed(container, List.of()));
    }
  }

  private static void assertClosed(Container container, List<String> capabilities) {
    SecurityContext context = container.getSecurityContext();
    assertThat(context.getReadOnlyRootFilesystem()).isTrue();
    assertThat(context.getAllowPrivilegeEscalation()).isFalse();
    assertThat(context.getPrivileged()).isNull();
    assertThat(context.getCapabilities().getDrop()).containsExactly("ALL");
    assertThat(context.getCapabilities().getAdd()).isEqualTo(capabilities);
    assertThat(container.getResources().getLimits()).containsKey("memory");
    assertThat(container.getResources().getRequests()).containsKeys("cpu", "memory");
  }

  @ParameterizedTest
  @MethodSource("values")
  void onlyTheEdgesSeeTheMachine(Path values) throws IOException {
    RenderedChart chart = RenderedChart.withTests(values, folder);

    for (Deployment nodes : chart.all(Deployment.class)) {
      assertThat(machineFolders(nodes.getSpec().getTemplate().getSpec())).isEmpty();
    }
    for (DaemonSet edges : chart.all(DaemonSet.class)) {
      assertThat(machineFolders(edges.getSpec().getTemplate().getSpec())).hasSize(1);
    }
    for (Pod test : chart.all(Pod.class)) {
      assertThat(machineFolders(test.getSpec())).isEmpty();
    }
  }

  private static List<String> machineFolders(PodSpec pod) {
    return pod.getVolumes().stream()
        .filter(volume -> volume.getHostPath() != null)
        .map(volume -> volume.getHostPath().getPath())
        .toList();
  }

  @Test
  void theFolderOfSocketsIsMadeOnlyWhereThatIsAskedFor() throws IOException {
    PodSpec given = with("edge").the(DaemonSet.class).getSpec().getTemplate().getSpec();
    PodSpec made = with("machines").the(DaemonSet.class).getSpec().getTemplate().getSpec();

    assertThat(given.getInitContainers()).isEmpty();
    assertThat(machineFolders(given)).containsExactly("/run/clawterm/sockets");
    assertThat(made.getInitContainers()).hasSize(1);
    assertClosed(made.getInitContainers().getFirst(), List.of("CHOWN"));
    assertThat(machineFolders(made)).containsExactly("/var/lib/clawterm/sockets");
  }

  @ParameterizedTest
  @MethodSource("values")
  void theApiServerIsAskedForPodsAndTheLeaseAndNothingElse(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    String configurations = chart.configurations().toString();
    List<PolicyRule> allowed = new ArrayList<>();
    if (configurations.contains("formation = kubernetes")) {
      allowed.add(rule("", "pods", "get", "list", "watch"));
    }
    if (configurations.contains("KubernetesLease")) {
      allowed.add(rule("coordination.k8s.io", "leases", "get", "create", "update"));
    }
    for (String text : chart.configurations().values()) {
      if (text.contains("KubernetesLease")) {
        assertThat(
                ConfigFactory.parseString(text).getString("clawterm.cluster.lease.kubernetes.name"))
            .as("two releases in one namespace")
            .isEqualTo(chart.all(Deployment.class).getFirst().getMetadata().getName());
      }
    }
    boolean asks = !allowed.isEmpty();
    assertThat(chart.all(Role.class)).hasSize(asks ? 1 : 0);
    assertThat(chart.all(RoleBinding.class)).hasSize(asks ? 1 : 0);
    for (Role role : chart.all(Role.class)) {
      assertThat(role.getRules()).containsExactlyElementsOf(allowed);
    }
    for (PodTemplateSpec pod : chart.nodes()) {
      assertThat(pod.getSpec().getAutomountServiceAccountToken()).isEqualTo(asks);
    }
  }

  private static PolicyRule rule(String group, String resource, String... verbs) {
    return new PolicyRuleBuilder()
        .withApiGroups(group)
        .withResources(resource)
        .withVerbs(verbs)
        .build();
  }

  @ParameterizedTest
  @MethodSource("values")
  void probesAskWhatTheNodeServes(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    for (PodTemplateSpec pod : chart.nodes()) {
      Container node = container(pod);
      Optional<Integer> own = Optional.ofNullable(ports(node).get("health"));
      assertProbe(node.getStartupProbe(), "/livez", own.isPresent());
      assertProbe(node.getLivenessProbe(), "/livez", own.isPresent());
      assertProbe(node.getReadinessProbe(), "/readyz", own.isPresent());
      Config http = configuration(chart, node).getConfig("clawterm.http");
      assertThat(http.hasPath("health-port")).isEqualTo(own.isPresent());
      HealthSettings health = blocks(chart, node).http().health();
      assertThat(health.port()).isEqualTo(own.orElse(-1));
      assertThat(health.bind())
          .as("the pod's address, as the kubelet calls it; else nobody calls")
          .isEqualTo(own.isPresent() ? "10.0.0.1" : "127.0.0.1");
    }
  }

  @ParameterizedTest
  @MethodSource("values")
  void servicesLeadToDevicesAndHttpAlone(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    for (Service service : chart.all(Service.class)) {
      assertThat(service.getSpec().getPorts())
          .extracting(ServicePort::getTargetPort)
          .isSubsetOf(new IntOrString("clawterm"), new IntOrString("https"));
    }
  }

  /** Only the port of the probes is without TLS. */
  private static void assertProbe(Probe probe, String path, boolean ownPort) {
    assertThat(probe.getHttpGet().getPath()).isEqualTo(path);
    assertThat(probe.getHttpGet().getPort())
        .isEqualTo(new IntOrString(ownPort ? "health" : "https"));
    assertThat(probe.getHttpGet().getScheme()).isEqualTo(ownPort ? null : "HTTPS");
  }

  @Test
  void probesHaveAPortOfTheirOwnUnlessThatIsTakenAway() throws IOException {
    for (PodTemplateSpec pod : with("edge").nodes()) {
      assertThat(ports(container(pod))).containsEntry("health", 8081);
    }
    assertThat(ports(container(with("least").nodes().getFirst()))).containsEntry("health", 8081);
    assertThat(ports(container(with("all").nodes().getFirst()))).containsEntry("health", 9090);
    assertThat(ports(container(with("one").nodes().getFirst()))).doesNotContainKey("health");
  }

  private static Map<String, Integer> ports(Container container) {
    return container.getPorts().stream()
        .collect(Collectors.toMap(ContainerPort::getName, ContainerPort::getContainerPort));
  }

  /** The file that a node is started with. */
  private static String configurationOf(RenderedChart chart, Container container) {
    String name = Path.of(container.getArgs().getLast()).getFileName().toString();
    return Objects.requireNonNull(chart.configurations().get(name), name);
  }

  private static Config configuration(RenderedChart chart, Container container) {
    return ConfigFactory.parseString(configurationOf(chart, container));
  }

  @ParameterizedTest
  @MethodSource("values")
  void eachSelectorFindsItsPods(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    List<Map<String, String>> pods =
        chart.nodes().stream().map(pod -> pod.getMetadata().getLabels()).toList();
    for (Service service : chart.all(Service.class)) {
      assertThat(pods).anyMatch(holds(service.getSpec().getSelector()));
    }
    for (Deployment nodes : chart.all(Deployment.class)) {
      Map<String, String> wanted = nodes.getSpec().getSelector().getMatchLabels();
      assertThat(pods.stream().filter(holds(wanted))).hasSize(1);
    }
    for (DaemonSet edges : chart.all(DaemonSet.class)) {
      Map<String, String> wanted = edges.getSpec().getSelector().getMatchLabels();
      assertThat(pods.stream().filter(holds(wanted))).hasSize(1);
    }
    for (PodDisruptionBudget budget : chart.all(PodDisruptionBudget.class)) {
      assertThat(pods).anyMatch(holds(budget.getSpec().getSelector().getMatchLabels()));
    }
    for (NetworkPolicy policy : chart.all(NetworkPolicy.class)) {
      assertThat(pods).allMatch(holds(policy.getSpec().getPodSelector().getMatchLabels()));
    }
    for (ServiceMonitor monitor : chart.all(ServiceMonitor.class)) {
      Map<String, String> wanted = monitor.getSpec().getSelector().getMatchLabels();
      assertThat(chart.all(Service.class).stream().map(each -> each.getMetadata().getLabels()))
          .filteredOn(holds(wanted))
          .hasSize(1);
    }
  }

  private static Predicate<Map<String, String>> holds(Map<String, String> wanted) {
    return labels -> labels.entrySet().containsAll(wanted.entrySet());
  }

  @ParameterizedTest
  @MethodSource("values")
  void theConfigurationNamesPodsThatMayBeginACluster(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    for (String text : chart.configurations().values()) {
      Config cluster = ConfigFactory.parseString(text).getConfig("clawterm.cluster");
      if (!cluster.getString("formation").equals("kubernetes")) {
        continue;
      }
      Map<String, String> selector =
          Stream.of(cluster.getString("kubernetes.pod-label-selector").split(","))
              .map(each -> each.split("="))
              .collect(Collectors.toMap(each -> each[0], each -> each[1]));
      List<PodTemplateSpec> founders =
          chart.nodes().stream()
              .filter(pod -> holds(selector).test(pod.getMetadata().getLabels()))
              .toList();
      assertThat(founders).hasSize(1);
      assertThat(ports(container(founders.getFirst()))).containsEntry("management", 7626);
      Probe start = container(founders.getFirst()).getStartupProbe();
      assertThat(cluster.getDuration("join-timeout"))
          .as("long enough for pods that start apart, and over before the probe ends the pod")
          .isGreaterThanOrEqualTo(Duration.ofMinutes(1))
          .isLessThan(
              Duration.ofSeconds((long) start.getPeriodSeconds() * start.getFailureThreshold()));
      assertThat(cluster.getString("kubernetes.namespace")).isEqualTo("apps");
      assertThat(text).contains("management-bind = ${?CLAWTERM_CLUSTER_HOST}");
      for (Deployment nodes : chart.all(Deployment.class)) {
        assertThat(cluster.getInt("required-contact-points"))
            .as("more than half, or two clusters could begin")
            .isGreaterThan(nodes.getSpec().getReplicas() / 2)
            .isLessThanOrEqualTo(nodes.getSpec().getReplicas());
      }
    }
  }

  @Test
  void managementAndRemotingAreForNodesAlone() throws IOException {
    for (String name : List.of("least", "edge", "machines", "all")) {
      NetworkPolicy policy = with(name).the(NetworkPolicy.class);

      assertThat(policy.getSpec().getPolicyTypes()).containsExactly("Ingress", "Egress");
      for (NetworkPolicyIngressRule rule : policy.getSpec().getIngress()) {
        List<String> ports =
            rule.getPorts().stream().map(port -> port.getPort().getStrVal()).toList();
        if (ports.contains("management") || ports.contains("remoting")) {
          assertThat(rule.getFrom()).hasSize(1);
          NetworkPolicyPeer peer = rule.getFrom().getFirst();
          assertThat(peer.getNamespaceSelector()).isNull();
          assertThat(peer.getPodSelector().getMatchLabels())
              .containsEntry("app.kubernetes.io/instance", "test")
              .containsEntry("clawterm.io/member", "true");
        } else {
          assertThat(ports).containsExactly("clawterm", "https");
        }
      }
    }
    assertThat(with("one").all(NetworkPolicy.class)).isEmpty();
  }

  @Test
  void whoMayComeCanBeNarrowed() throws IOException {
    List<NetworkPolicyPeer> any =
        with("least").the(NetworkPolicy.class).getSpec().getIngress().getFirst().getFrom();
    List<NetworkPolicyPeer> some =
        with("all").the(NetworkPolicy.class).getSpec().getIngress().getFirst().getFrom();

    assertThat(any).isEmpty();
    assertThat(some).hasSize(3);
    assertThat(some.getFirst().getPodSelector().getMatchLabels())
        .as("helm test comes in all the same")
        .containsEntry("app.kubernetes.io/instance", "test");
  }

  @Test
  void anUpdateTakesNoNodeAwayBeforeTheNextOneIsThere() throws IOException {
    Deployment nodes = with("least").the(Deployment.class);

    assertThat(nodes.getSpec().getReplicas()).isEqualTo(3);
    assertThat(nodes.getSpec().getStrategy().getRollingUpdate().getMaxUnavailable())
        .isEqualTo(new IntOrString(0));
    PodSpec pod = nodes.getSpec().getTemplate().getSpec();
    assertThat(pod.getTerminationGracePeriodSeconds()).isEqualTo(60);
    assertThat(
            container(nodes.getSpec().getTemplate())
                .getLifecycle()
                .getPreStop()
                .getSleep()
                .getSeconds())
        .isBetween(1L, 30L);
    assertThat(pod.getTopologySpreadConstraints())
        .hasSize(2)
        .allSatisfy(spread ->
            assertThat(nodes.getSpec().getTemplate().getMetadata().getLabels().entrySet())
                .containsAll(spread.getLabelSelector().getMatchLabels().entrySet()));
    assertThat(with("least").the(PodDisruptionBudget.class).getSpec().getMaxUnavailable())
        .isEqualTo(new IntOrString(1));
  }

  @ParameterizedTest
  @MethodSource("values")
  void secretsAreOnlyReferredTo(Path values) throws IOException {
    RenderedChart chart = RenderedChart.withTests(values, folder);

    assertThat(chart.objects()).extracting(HasMetadata::getKind).doesNotContain("Secret");
    assertThat(chart.objects().toString()).doesNotContain("password", "postgresql://");
    for (PodTemplateSpec pod : chart.nodes()) {
      EnvVar database = variable(pod, "CLAWTERM_DATABASE");
      assertThat(database.getValue()).isNull();
      assertThat(database.getValueFrom().getSecretKeyRef().getName()).isNotEmpty();
      assertThat(volume(pod, "database").getSecret().getItems())
          .as("the URL with the password is no file")
          .extracting(KeyToPath::getKey)
          .containsExactly("ca.crt");
      assertThat(variable(pod, "CLAWTERM_CLUSTER_HOST").getValueFrom().getFieldRef().getFieldPath())
          .isEqualTo("status.podIP");
      assertThat(mount(pod, "token").getMountPath())
          .isEqualTo(AccessToken.file(Path.of(data(container(pod)))) + "");
    }
  }

  private static EnvVar variable(PodTemplateSpec pod, String name) {
    return container(pod).getEnv().stream()
        .filter(each -> each.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Volume volume(PodTemplateSpec pod, String name) {
    return pod.getSpec().getVolumes().stream()
        .filter(each -> each.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static VolumeMount mount(PodTemplateSpec pod, String name) {
    return container(pod).getVolumeMounts().stream()
        .filter(each -> each.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static String data(Container container) {
    List<String> arguments = container.getArgs();
    return arguments.get(arguments.indexOf("--data") + 1);
  }

  @ParameterizedTest
  @MethodSource("values")
  void eachMountHasItsVolume(Path values) throws IOException {
    for (PodTemplateSpec pod : RenderedChart.of(values).nodes()) {
      List<String> volumes = pod.getSpec().getVolumes().stream().map(Volume::getName).toList();

      assertThat(container(pod).getVolumeMounts())
          .extracting(VolumeMount::getName)
          .containsExactlyInAnyOrderElementsOf(volumes);
    }
  }

  @ParameterizedTest
  @MethodSource("values")
  void aNodeTakesTheConfigurationThatTheChartWrites(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    for (PodTemplateSpec pod : chart.nodes()) {
      Container node = container(pod);
      NodeBlocks blocks = blocks(chart, node);
      NodeSettings settings = blocks.node();

      assertThat(TransportRule.encrypted(loaded(chart, node), blocks)).isTrue();
      assertThat(settings.tcpPort()).isEqualTo(ports(node).get("clawterm"));
      assertThat(settings.httpPort()).isEqualTo(ports(node).get("https"));
      Config given = configuration(chart, node);
      assertThat(ports(node).get("management"))
          .as("open in the pod network only where nodes look for each other through it")
          .isEqualTo(
              given.getString("clawterm.cluster.formation").equals("kubernetes")
                  ? settings.managementPort()
                  : null);
      assertThat(given.getInt("clawterm.cluster.port")).isEqualTo(ports(node).get("remoting"));
      assertThat(given.getString("clawterm.node.tls-key"))
          .startsWith(mount(pod, "tls").getMountPath());
      assertThat(given.getStringList("clawterm.cluster.roles").contains("edge"))
          .isEqualTo(pod.getMetadata().getLabels().containsKey("clawterm.io/edge"));
    }
  }

  /** What a node reads, all blocks; anything wrong or unknown in them is refused. */
  private NodeBlocks blocks(RenderedChart chart, Container container) throws IOException {
    return NodeBlocks.read(loaded(chart, container));
  }

  private NodeConfiguration loaded(RenderedChart chart, Container container) throws IOException {
    return NodeConfiguration.load(
        Map.of("clawterm.node.data", data(container)),
        Optional.of(known(configurationOf(chart, container))),
        Node.PROFILE);
  }

  /**
   * The file of a node, with the pod's address. A setting that a value must ask for, and that no
   * module has yet, is left out.
   */
  private Path known(String text) throws IOException {
    Config defaults = ConfigFactory.defaultReferenceUnresolved();
    Config config =
        ConfigFactory.parseString(text)
            .withValue("CLAWTERM_CLUSTER_HOST", ConfigValueFactory.fromAnyRef("10.0.0.1"));
    for (String later : List.of("clawterm.cluster", "clawterm.node.management-bind")) {
      if (!defaults.hasPathOrNull(later)) {
        config = config.withoutPath(later);
      }
    }
    return Files.writeString(
        folder.resolve("node.conf"),
        config.root().render(ConfigRenderOptions.defaults().setOriginComments(false)));
  }

  @Test
  void oneSecretAloneCarriesTheCluster() throws IOException {
    RenderedChart all = with("all");
    RenderedChart least = with("least");
    Config own = configuration(all, container(all.the(Deployment.class).getSpec().getTemplate()));

    assertThat(own.getString("clawterm.cluster.tls-authorities"))
        .isEqualTo("/etc/clawterm/cluster-tls/ca.crt");
    assertThat(own.getString("clawterm.cluster.name")).isEqualTo("production");
    assertThat(own.getString("clawterm.cluster.devices-at")).isEqualTo("clawterm.example.org:7220");
    assertThat(own.getString("clawterm.edge.keepalive-interval")).isEqualTo("20s");
    assertThat(
            configuration(least, container(least.nodes().getFirst()))
                .hasPath("clawterm.cluster.tls-cert"))
        .isFalse();
  }

  @Test
  void rulesAndDashboardsAreHandedOnAsTheyAre() throws IOException {
    RenderedChart chart = with("all");

    JsonNode rules =
        new YAMLMapper()
            .readTree(RenderedChart.CHART.resolve("alerts/clawterm.yaml").toFile())
            .at("/groups/0/rules");
    List<Rule> rendered =
        chart.the(PrometheusRule.class).getSpec().getGroups().getFirst().getRules();
    assertThat(rendered).hasSize(rules.size()).hasSizeGreaterThan(8);
    for (int i = 0; i < rules.size(); i++) {
      assertThat(rendered.get(i).getAlert()).isEqualTo(rules.get(i).path("alert").asText());
      assertThat(rendered.get(i).getExpr().getStrVal())
          .isEqualTo(rules.get(i).path("expr").asText());
      assertThat(rendered.get(i).getAnnotations())
          .containsEntry("summary", rules.get(i).at("/annotations/summary").asText());
    }
    ObjectMapper json = new ObjectMapper();
    for (Path file : dashboards()) {
      String name = file.getFileName().toString();
      ConfigMap map =
          chart.named(ConfigMap.class, "test-clawterm-" + name.substring(0, name.length() - 5));
      assertThat(map.getMetadata().getLabels()).containsEntry("grafana_dashboard", "1");
      assertThat(json.readTree(map.getData().get(name))).isEqualTo(json.readTree(file.toFile()));
    }
  }

  private static List<Path> dashboards() throws IOException {
    try (Stream<Path> files = Files.list(RenderedChart.CHART.resolve("dashboards"))) {
      return files.sorted().toList();
    }
  }

  @Test
  void anAgentOnTheSameMachineComesToItsOwnNode() throws IOException {
    RenderedChart chart = with("edge");

    Service local = chart.named(Service.class, "test-clawterm-edge");
    assertThat(local.getSpec().getInternalTrafficPolicy()).isEqualTo("Local");
    DaemonSet edges = chart.the(DaemonSet.class);
    assertThat(holds(local.getSpec().getSelector()))
        .accepts(edges.getSpec().getTemplate().getMetadata().getLabels());
    NodeBlocks blocks = blocks(chart, container(edges.getSpec().getTemplate()));
    assertThat(mount(edges.getSpec().getTemplate(), "sockets").getMountPath())
        .isEqualTo(blocks.pods().folder().toString());
    assertThat(blocks.pods().allowedUids()).containsExactly(10002);
  }

  @ParameterizedTest
  @MethodSource("values")
  void clientsMayCallByTheNamesOfTheServices(Path values) throws IOException {
    RenderedChart chart = RenderedChart.of(values);

    for (Service service : chart.all(Service.class)) {
      String name = service.getMetadata().getName();
      if ("None".equals(service.getSpec().getClusterIP())) {
        continue; // for Prometheus, which comes by address
      }
      for (PodTemplateSpec pod : chart.nodes()) {
        assertThat(blocks(chart, container(pod)).http().allowedHosts())
            .contains(name, name + ".apps", name + ".apps.svc", name + ".apps.svc.cluster.local");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("incomplete")
  void whatIsMissingOrUnknownIsRefused(String name, String yaml) {
    assertThatThrownBy(() -> withText(yaml)).hasMessageContaining(name);
  }

  @Test
  void aDrainAsLongAsThePodIsGivenIsTaken() throws IOException {
    assertThat(withText(SECRETS + "preStopSeconds: 15\n").nodes()).isNotEmpty();
  }

  static List<Arguments> incomplete() {
    return List.of(
        Arguments.of("database", "tls: { existingSecret: b }\ntoken: { existingSecret: c }\n"),
        Arguments.of("tls", "database: { existingSecret: a }\ntoken: { existingSecret: c }\n"),
        Arguments.of("token", "database: { existingSecret: a }\ntls: { existingSecret: b }\n"),
        Arguments.of("databse", SECRETS + "databse: {}\n"),
        Arguments.of("replicas", SECRETS + "replicas: 0\n"),
        Arguments.of("role session", SECRETS + "roles: [edge]\n"),
        Arguments.of("roles", SECRETS + "roles: [egde]\n"),
        Arguments.of("devicesAt", SECRETS + "cluster: { devicesAt: host }\n"),
        Arguments.of("requiredContactPoints", SECRETS + "cluster: { requiredContactPoints: 4 }\n"),
        Arguments.of(
            "requiredContactPoints",
            SECRETS
                + "replicas: 0\ncluster: { formation: kubernetes }\n"
                + "edge: { enabled: true, roles: [edge, session] }\n"),
        Arguments.of("preStopSeconds", SECRETS + "preStopSeconds: 16\n"),
        Arguments.of("healthPort", SECRETS + "healthPort: 3456\n"));
  }
}
