package io.clawterm.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorSystem;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All that holds for a pod in a node's own folder holds for one in that of another node. */
final class PodOfAnotherNodeTest extends PodTargetTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  private static final Config NODE =
      ConfigFactory.parseString(
          """
          akka.actor.provider = cluster
          akka.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }
          akka.remote.artery.transport = tcp
          akka.cluster.jmx.multi-mbeans-in-same-jvm = on
          akka.coordinated-shutdown.exit-jvm = off
          """);

  private static ActorTestKit near;
  private static ActorTestKit far;
  private static ActorTestKit third;

  @TempDir Path ownFolder;
  private final SimpleMeterRegistry ownMeters = new SimpleMeterRegistry();
  private final SimpleMeterRegistry farMeters = new SimpleMeterRegistry();
  private final List<AutoCloseable> open = new ArrayList<>();

  @BeforeAll
  static void formCluster() {
    near = ActorTestKit.create("pods", NODE.withFallback(ConfigFactory.load()));
    far = ActorTestKit.create("pods", NODE.withFallback(ConfigFactory.load()));
    third = ActorTestKit.create("pods", NODE.withFallback(ConfigFactory.load()));
    for (ActorTestKit node : List.of(near, far, third)) {
      Cluster cluster = Cluster.get(node.system());
      cluster.manager().tell(Join.create(Cluster.get(near.system()).selfMember().address()));
      await().atMost(LIMIT).until(() -> cluster.selfMember().status().equals(MemberStatus.up()));
    }
  }

  @AfterAll
  static void dissolveCluster() {
    near.shutdownTestKit();
    far.shutdownTestKit();
    third.shutdownTestKit();
  }

  @Override
  Pods reach(PodRegistry folder) throws IOException {
    start(far.system(), folder, farMeters);
    var own = PodRegistry.open(settings(ownFolder, ""), ownMeters);
    open.add(own);
    return start(near.system(), own, meters);
  }

  @Override
  int cutEach() {
    return 5;
  }

  /** At first the nodes have not heard of each other. */
  @Override
  PodDouble pod(String name) throws IOException {
    PodDouble pod = super.pod(name);
    await().atMost(LIMIT).until(() -> all().names().contains(name));
    return pod;
  }

  private ClusterPods start(ActorSystem<?> node, PodRegistry folder, SimpleMeterRegistry registry) {
    ClusterPods pods = ClusterPods.start(node, folder, Duration.ofMillis(200), registry);
    open.add(pods);
    return pods;
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  @Test
  void noConnectionIsLeftWhereTheSessionHasGone() throws Exception {
    try (var pod = pod("pod")) {
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        session.input("a");
        await().atMost(LIMIT).until(() -> pod.inputs().contains("a"));
        assertThat(relayed()).isEqualTo(1);
        assertThat(all().names()).containsExactly("pod");
      }
      await().atMost(LIMIT).until(() -> relayed() == 0);
    }
    await().atMost(LIMIT).until(() -> all().route("pod").isEmpty());
  }

  @Test
  void thePodInTheOwnFolderComesFirst() throws Exception {
    try (var stranger = pod("pod")) {
      await().atMost(LIMIT).until(() -> all().route("pod").isPresent());
      try (var pod = new PodDouble(ownFolder.resolve("pod.sock"))) {
        await().atMost(LIMIT).until(() -> ownMeters.get("clawterm.edge.pods").gauge().value() == 1);
        try (var session = session("pod", SessionDouble.AT_ONCE)) {
          session.input("a");
          await().atMost(LIMIT).until(() -> pod.inputs().contains("a"));
        }
        assertThat(stranger.connections()).isZero();
      }
    }
  }

  /** Whichever node has heard of which first. */
  @Test
  void ofTwoOtherNodesThatOfTheFirstAddressComesFirst(@TempDir Path thirdFolder) throws Exception {
    var folder = PodRegistry.open(settings(thirdFolder, ""), new SimpleMeterRegistry());
    open.add(folder);
    start(third.system(), folder, new SimpleMeterRegistry());
    try (var one = pod("pod");
        var other = new PodDouble(thirdFolder.resolve("pod.sock"));
        var sign = new PodDouble(thirdFolder.resolve("sign.sock"))) {
      // Told in one list with the pod before it.
      await().atMost(LIMIT).until(() -> all().names().contains("sign"));
      boolean farIsFirst = address(far).compareTo(address(third)) < 0;
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        session.input("a");
        PodDouble first = farIsFirst ? one : other;
        await().atMost(LIMIT).until(() -> first.inputs().contains("a"));
      }
      assertThat((farIsFirst ? other : one).connections()).isZero();
      assertThat(sign.connections()).isZero();
    }
  }

  private static String address(ActorTestKit node) {
    return Cluster.get(node.system()).selfMember().address().toString();
  }

  /** It fills what lies between, and whoever carries it must not wait for room for ever. */
  @Test
  void noConnectionIsLeftOfAPodThatNeverStopsTalking() throws Exception {
    try (var pod = pod("pod")) {
      try (var session = session("pod", SessionDouble.AT_ONCE)) {
        await().atMost(LIMIT).until(() -> session.text().equals("hello"));
        session.confirmByHand();
        Thread speaker = Thread.ofVirtual().start(() -> talkWhileHeard(pod));
        await()
            .during(Duration.ofMillis(300))
            .atMost(LIMIT)
            .until(() -> session.unconfirmed() == 1);
        assertThat(speaker.join(Duration.ofMillis(200))).isFalse();
      }
      await().atMost(LIMIT).until(() -> relayed() == 0);
    }
  }

  private static void talkWhileHeard(PodDouble pod) {
    try {
      for (int i = 0; i < 1_000; i++) {
        pod.say(new byte[60_000], 0);
      }
    } catch (UncheckedIOException e) {
      // The node has hung up: who writes sees it, or who reads does first, and closes.
      assertThat(e.getCause())
          .satisfiesAnyOf(
              cause -> assertThat(cause).hasMessage("Broken pipe"),
              cause -> assertThat(cause).isInstanceOf(AsynchronousCloseException.class));
    }
  }

  private double relayed() {
    return farMeters.get("clawterm.edge.pods.relayed").gauge().value();
  }
}
