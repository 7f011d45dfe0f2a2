package io.clawterm.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.actor.ActorSystem;
import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.coordination.lease.javadsl.Lease;
import akka.coordination.lease.javadsl.LeaseProvider;
import com.typesafe.config.ConfigFactory;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import io.clawterm.testkit.KubernetesApiServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two nodes compete for the lease object of an API server. */
class KubernetesLeaseTest {

  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir private static Path folder;
  private static EmbeddedPostgres server;
  private static DataSource database;

  private final List<AutoCloseable> closing = new ArrayList<>();
  private KubernetesApiServer api;
  private Path token;

  @BeforeAll
  static void startDatabase() {
    server = EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.forTests());
    database = Databases.connect(server.target(), DatabaseSettings.defaults());
    Migrations.run(database);
  }

  @AfterAll
  static void stopDatabase() {
    server.close();
  }

  @BeforeEach
  void startApi() throws Exception {
    token = Files.writeString(folder.resolve("token"), "secret\n");
    api = KubernetesApiServer.start("here", "secret");
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable each : closing) {
      each.close();
    }
    api.close();
  }

  @Test
  void oneOfTwoGetsItUntilItIsGivenUp() throws Exception {
    Lease one = lease();
    Lease two = lease();

    assertThat(decided(one)).isTrue();
    assertThat(decided(two)).isFalse();
    assertThat(decided(one)).as("it has it already").isTrue();

    assertThat(two.release().toCompletableFuture().get(10, TimeUnit.SECONDS)).isTrue();
    assertThat(decided(two)).as("what is another's can't be given up").isFalse();
    assertThat(one.release().toCompletableFuture().get(10, TimeUnit.SECONDS)).isTrue();
    assertThat(decided(two)).isTrue();
    assertThat(api.leases()).containsOnlyKeys("clawterm-akka-sbr");
  }

  @Test
  void twoClustersInANamespaceHaveOneEach() throws Exception {
    assertThat(decided(lease(url(), "one"))).isTrue();
    assertThat(decided(lease(url(), "Two_of_us"))).isTrue();

    assertThat(api.leases()).containsOnlyKeys("one", "two-of-us");
  }

  @Test
  void thatOfADeadNodeRunsOutByTheServersClock() throws Exception {
    Lease dead = lease();
    Lease two = lease();
    assertThat(decided(dead)).isTrue();

    api.later(Duration.ofSeconds(13));
    assertThat(decided(two)).isFalse();
    api.later(Duration.ofSeconds(4));

    assertThat(decided(two)).isTrue();
    assertThat(decided(dead)).isFalse();
  }

  @Test
  void whoReadsAtTheSameTimeIsNotTheSecondOwner() throws Exception {
    Lease one = lease();
    Lease two = lease();
    assertThat(decided(one)).isTrue();
    assertThat(one.release().toCompletableFuture().get(10, TimeUnit.SECONDS)).isTrue();

    api.betweenReadAndWrite(() -> assertThat(decided(two)).isTrue());

    assertThat(decided(one)).isFalse();
    assertThat(api.asked()).contains("PUT 409");
  }

  @Test
  void noAnswerIsNoDecision() throws Exception {
    api.away(true);
    var decision = lease().acquire().toCompletableFuture();
    await().atMost(LIMIT).until(() -> api.asked().size() >= 2);
    assertThat(decision).isNotDone();

    Files.writeString(token, "another one\n");
    api.away(false);
    await().atMost(LIMIT).until(() -> api.asked().contains("GET 401"));
    assertThat(decision).isNotDone();

    Files.writeString(token, "secret\n");
    assertThat(decision.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aTokenGoesToNobodyWithoutTls() {
    assertThatThrownBy(() -> lease("http://10.0.0.1:6443", "")).hasStackTraceContaining("https://");
  }

  private static boolean decided(Lease lease) {
    return lease.acquire().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
  }

  private String url() {
    return "http://127.0.0.1:" + api.port();
  }

  private Lease lease() {
    return lease(url(), "");
  }

  private Lease lease(String url, String name) {
    var fence = new NodeFence(database);
    NodeLease life = NodeLease.acquire(database, Clock.systemUTC(), "test", "1");
    closing.add(life);
    fence.actAs(life);
    var config =
        ConfigFactory.parseString(
                """
                akka.actor.provider = local
                clawterm.cluster.lease {
                  lease-class = "io.clawterm.cluster.KubernetesLease"
                  kubernetes {
                    api-server = "%s", namespace = here, token = "%s", name = "%s"
                  }
                }
                """
                    .formatted(url, token, name))
            .withFallback(ConfigFactory.load());
    ActorSystem system =
        ActorSystem.create(
            "clawterm", ActorSystemSetup.create(BootstrapSetup.create(config.resolve()), fence));
    closing.add(() -> {
      var unused = system.terminate();
    });
    return LeaseProvider.get(system)
        .getLease("clawterm-akka-SBR", "clawterm.cluster.lease", "akka://clawterm@127.0.0.1:1");
  }
}
