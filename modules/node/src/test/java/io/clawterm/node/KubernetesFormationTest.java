package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.config.TlsIdentity;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.testkit.KubernetesApiServer;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.ContainerStatusBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Nodes as the chart would run them, each on an address of its own as a pod has it, look for each
 * other through an API server.
 */
@Tag("long")
class KubernetesFormationTest {

  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String TOKEN = "the token of a service account";
  private static final String ALONE = "Discovered [1] contact points, confirmed [1], which is less";

  /** More decisions, one a second, than a list of pods has to be stable for. */
  private static final int DECISIONS = 8;

  @TempDir static Path home;

  private static EmbeddedPostgres postgres;
  private static KubernetesApiServer api;
  private static RenderedChart chart;

  @BeforeAll
  static void start() throws Exception {
    postgres = EmbeddedPostgres.start(home.resolve("pg"), EmbeddedPostgresSettings.forTests());
    TlsIdentity server = TlsIdentity.selfSigned("ip:127.0.0.1");
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(server.keyManagers(), null, new SecureRandom());
    api = KubernetesApiServer.start("apps", TOKEN, tls);
    Files.writeString(home.resolve("ca.crt"), server.certificatePem());
    Files.writeString(home.resolve("token"), TOKEN);
    TlsIdentity nodes = TlsIdentity.selfSigned("dns:clawterm");
    Files.writeString(home.resolve("tls.crt"), nodes.certificatePem());
    Files.writeString(home.resolve("tls.key"), nodes.keyPem());
    chart =
        RenderedChart.of(
            Files.writeString(
                home.resolve("values.yaml"),
                """
                database: { existingSecret: a }
                tls: { existingSecret: b }
                token: { existingSecret: c }
                cluster: { formation: kubernetes }
                edge: { enabled: true }
                config: |
                  # Pods have these where Kubernetes mounts them, and each pod has all its ports.
                  akka.discovery.kubernetes-api.api-ca-path = "%1$s/ca.crt"
                  akka.discovery.kubernetes-api.api-token-path = "%1$s/token"
                  clawterm.node.tls-cert = "%1$s/tls.crt"
                  clawterm.node.tls-key = "%1$s/tls.key"
                  clawterm.node.bind = ${?CLAWTERM_CLUSTER_HOST}
                """
                    .formatted(home)));
  }

  @AfterAll
  static void stop() {
    api.close();
    postgres.close();
  }

  /** An address of this machine that no other test has: all ports are as in a pod. */
  private static String address(int pod) {
    long process = ProcessHandle.current().pid();
    return "127.%d.%d.%d".formatted(64 + process / 256 % 128, process % 256, pod);
  }

  /** A pod of the chart as the API server shows it. */
  private static Pod pod(String name, PodTemplateSpec template, String address) {
    Container node = template.getSpec().getContainers().getFirst();
    return new PodBuilder()
        .withMetadata(template.getMetadata())
        .editMetadata()
        .withName(name)
        .withNamespace("apps")
        .endMetadata()
        .withSpec(template.getSpec())
        .withNewStatus()
        .withPhase("Running")
        .withPodIP(address)
        .withContainerStatuses(
            new ContainerStatusBuilder()
                .withName(node.getName())
                .withReady(false)
                .withState(new ContainerStateBuilder().withNewRunning().endRunning().build())
                .build())
        .endStatus()
        .build();
  }

  private static void show(Pod pod) {
    ObjectNode object = new ObjectMapper().valueToTree(pod);
    api.put(object);
  }

  /** Starts the node in a pod, with the file that the chart gives it. */
  private static RunningNode begin(Pod pod, String... more) throws IOException {
    Path folder = Files.createDirectory(home.resolve(pod.getMetadata().getName()));
    String name =
        Path.of(pod.getSpec().getContainers().getFirst().getArgs().getLast())
            .getFileName()
            .toString();
    String text = Objects.requireNonNull(chart.configurations().get(name), name);
    Path file = Files.writeString(folder.resolve(name), text + String.join("\n", more));
    return RunningNode.begin(
        Cli.in(folder)
            .with("CLAWTERM_CLUSTER_HOST", pod.getStatus().getPodIP())
            .with("CLAWTERM_DATABASE", url())
            .with("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .with("KUBERNETES_SERVICE_PORT", "" + api.port()),
        "--config",
        file.toString());
  }

  private static String url() {
    return "postgresql://%s:%s@%s"
        .formatted(
            postgres.target().user(),
            postgres.target().password().value(),
            postgres.target().url().replaceFirst("jdbc:postgresql://", ""));
  }

  @Test
  void enoughPodsBeginOneClusterAndAllOthersJoinIt() throws Exception {
    PodTemplateSpec nodes = chart.the(Deployment.class).getSpec().getTemplate();
    PodTemplateSpec edges = chart.the(DaemonSet.class).getSpec().getTemplate();
    Pod first = pod("first", nodes, address(2));
    Pod second = pod("second", nodes, address(3));
    Pod edge = pod("edge", edges, address(4));
    Pod leaving = pod("leaving", nodes, address(9));
    leaving.getMetadata().setDeletionTimestamp("2026-01-01T00:00:00Z");
    Pod pending = pod("second", nodes, address(3));
    pending.getStatus().setPhase("Pending");
    Stream.of(first, pending, leaving).forEach(KubernetesFormationTest::show);

    try (RunningNode one = begin(first)) {
      await().atMost(LIMIT).until(() -> one.logged(ALONE) >= DECISIONS || !one.isAlive());
      assertThat(one.isReady()).as("one of two that have to see each other").isFalse();

      show(second);
      show(edge);
      try (RunningNode other = begin(edge);
          RunningNode two = begin(second)) {
        List<RunningNode> all = List.of(one, two, other);
        all.forEach(RunningNode::awaitReady);
        for (RunningNode each : all) {
          await()
              .atMost(LIMIT)
              .untilAsserted(() ->
                  assertThat(members(each))
                      .containsExactlyInAnyOrder(
                          address(2) + ":25520", address(3) + ":25520", address(4) + ":25520"));
        }
      }
    }
  }

  private static List<String> members(RunningNode node) throws Exception {
    JsonNode cluster =
        new ObjectMapper().readTree(node.cli().run("cluster", "--json").succeeded().out());
    return StreamSupport.stream(cluster.path("nodes").spliterator(), false)
        .filter(each -> each.path("status").asText().equals("up"))
        .map(each -> each.path("address").asText().replaceFirst(".*@", ""))
        .toList();
  }

  @Test
  void aPodThatMayNotListPodsSaysWhatItLacks() throws Exception {
    Pod refused = pod("refused", chart.the(Deployment.class).getSpec().getTemplate(), address(5));
    show(refused);
    api.forbidPods(true);
    try (RunningNode node = begin(refused, "clawterm.cluster.join-timeout = 3s")) {
      assertThat(node.ended()).isEqualTo(1);
      assertThat(api.asked()).contains("GET 403").doesNotContain("GET 401");
      assertThat(node.complained())
          .contains("became no member in 3 s", "Forbidden", "a role that lets it list the pods")
          .doesNotContain("should not happen");
    } finally {
      api.forbidPods(false);
      api.removePod("refused");
    }
  }
}
