package io.clawterm.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import com.typesafe.config.ConfigFactory;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.api.AgentFunction;
import io.clawterm.api.ClawTerm;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ConnectionEvent;
import io.clawterm.client.PipedSession;
import io.clawterm.client.ServerAddress;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes inside this process, as a host application has them. */
class EmbeddedNodeTest {

  private static final AgentFunction SHOUT =
      request -> said(request.text().toUpperCase(Locale.ROOT), "!");

  @TempDir Path folder;

  /** A publisher that says these pieces to whoever subscribes. */
  private static Flow.Publisher<String> said(String... pieces) {
    return subscriber -> {
      var publisher = new SubmissionPublisher<String>(Runnable::run, pieces.length);
      publisher.subscribe(subscriber);
      List.of(pieces).forEach(publisher::submit);
      publisher.close();
    };
  }

  private static String ask(ServerAddress address, String credential, String target, String text)
      throws Exception {
    var out = new StringWriter();
    var pipes = new PipedSession(new PrintWriter(out), new PrintWriter(new StringWriter()));
    ClawTermClient.Builder builder = ClawTermClient.builder().address(address).listener(pipes);
    if (!credential.isEmpty()) {
      builder.credential(credential);
    }
    try (ClawTermClient client = builder.build()) {
      ClientSession session =
          client
              .connect(ConnectOptions.target(target).withEvents(true))
              .toCompletableFuture()
              .get(60, TimeUnit.SECONDS);
      assertThat(pipes.ask(session, text)).isZero();
    }
    return out.toString();
  }

  private static ServerAddress socket(ClawTerm node) {
    return ServerAddress.unix(node.endpoints().unixSocket().orElseThrow());
  }

  @Test
  void twoNodesWithAgentsInJavaFitInOneProcessAndLeaveNothingBehind() throws Exception {
    Set<String> hooks = hooks();
    Set<Thread> threads = busyThreads();
    ClawTerm first =
        ClawTerm.embedded().dataFolder(folder.resolve("first")).agent("shout", SHOUT).build();
    ClawTerm second =
        ClawTerm.embedded()
            .dataFolder(folder.resolve("second"))
            .setting("clawterm.node.port", 0)
            .agent("shout", request -> said("I am the second."))
            .build();
    try (first;
        second) {
      assertThat(first.start().toCompletableFuture().get(120, TimeUnit.SECONDS))
          .isSameAs(first.start().toCompletableFuture().get(1, TimeUnit.SECONDS));
      second.start().toCompletableFuture().get(120, TimeUnit.SECONDS);

      assertThat(ask(socket(first), "", "agent:shout", "hello")).isEqualTo("HELLO!\n");
      assertThat(first.endpoints().tcp()).isEmpty();
      assertThat(first.endpoints().http()).isEmpty();
      String token = Files.readString(second.endpoints().tokenFile().orElseThrow()).strip();
      assertThat(
              ask(
                  ServerAddress.tcp("127.0.0.1", second.endpoints().tcp().orElseThrow().getPort()),
                  token,
                  "shout",
                  "hello"))
          .isEqualTo("I am the second.\n");
      assertThat(hooks()).isEqualTo(hooks);
    }
    first.stop().toCompletableFuture().get(1, TimeUnit.SECONDS);
    second.close();

    await()
        .pollInSameThread() // not on a thread of its own, which would be found here
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> {
          Set<Thread> left = busyThreads();
          left.removeAll(threads);
          assertThat(left).isEmpty();
        });
  }

  @Test
  void aSecondNodeOnTheSameFolderFailsAndTheFirstGoesOn() throws Exception {
    try (ClawTerm first = ClawTerm.embedded().dataFolder(folder).build();
        ClawTerm second = ClawTerm.embedded().dataFolder(folder).build()) {
      first.start().toCompletableFuture().get(120, TimeUnit.SECONDS);

      assertThatThrownBy(() -> second.start().toCompletableFuture().get(120, TimeUnit.SECONDS))
          .hasMessageContaining(folder.toString());
      second.stop().toCompletableFuture().get(30, TimeUnit.SECONDS);
      assertThat(ask(socket(first), "", "agent:demo", "count to 2")).endsWith("1 2\n");
    }
  }

  @Test
  void aNodeThatWasNeverStartedCanBeClosed() {
    ClawTerm.embedded().dataFolder(folder).build().close();

    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aWrongSettingFailsBeforeAnythingStarts() {
    assertThatThrownBy(() ->
            ClawTerm.embedded()
                .dataFolder(folder)
                .setting("clawterm.edge.keepalive-intervall", "1s")
                .build()
                .start()
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS))
        .hasMessageContaining("clawterm.edge.keepalive-intervall")
        .hasMessageContaining("did you mean clawterm.edge.keepalive-interval?");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void anActorSystemThatTheWorldCouldReachInClearIsRefused() throws Exception {
    try (EmbeddedPostgres postgres =
            EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.forTests());
        HikariDataSource database =
            Databases.open(
                postgres.target(),
                new DatabaseSettings(10, Duration.ofSeconds(10), Duration.ofMinutes(1), false))) {
      ActorSystem<Void> hosts =
          ActorSystem.create(
              Behaviors.empty(),
              "host",
              ClawTermActorSystem.setup(
                  ConfigFactory.parseString(
                      "akka.remote.artery { transport = tcp, bind.hostname = \"0.0.0.0\" }"),
                  database));
      try (ClawTerm node = ClawTerm.embedded().dataSource(database).actorSystem(hosts).build()) {
        assertThatThrownBy(() -> node.start().toCompletableFuture().get(60, TimeUnit.SECONDS))
            .hasMessageContaining("refused to let other nodes reach 0.0.0.0 without TLS");
      } finally {
        hosts.terminate();
        hosts.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void aHostsDatabaseAndActorSystemAreUsedAndLeftRunning() throws Exception {
    try (EmbeddedPostgres postgres =
            EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.forTests());
        HikariDataSource database =
            Databases.open(
                postgres.target(),
                new DatabaseSettings(10, Duration.ofSeconds(10), Duration.ofMinutes(1), false))) {
      ActorSystem<Void> hosts =
          ActorSystem.create(
              Behaviors.empty(),
              "host",
              ClawTermActorSystem.setup(ConfigFactory.empty(), database));
      try {
        Cluster cluster = Cluster.get(hosts);
        cluster.manager().tell(Join.create(cluster.selfMember().address()));
        ClawTerm node =
            ClawTerm.embedded()
                .dataSource(database)
                .actorSystem(hosts)
                .setting("clawterm.node.data", folder.resolve("data").toString())
                .agent("shout", SHOUT)
                .build();
        try (node) {
          node.start().toCompletableFuture().get(120, TimeUnit.SECONDS);
          assertThat(ask(socket(node), "", "agent:shout", "host")).isEqualTo("HOST!\n");
        }

        assertThat(hosts.whenTerminated().isCompleted()).isFalse();
        assertThat(cluster.isTerminated()).isFalse();
        assertThat(database.isClosed()).isFalse();
        assertThat(folder.resolve("data/postgres")).doesNotExist();
      } finally {
        hosts.terminate();
        hosts.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void devicesAreToldWhenTheHostEndsItsActorSystem() throws Exception {
    try (EmbeddedPostgres postgres =
            EmbeddedPostgres.start(folder.resolve("pg"), EmbeddedPostgresSettings.forTests());
        HikariDataSource database =
            Databases.open(
                postgres.target(),
                new DatabaseSettings(10, Duration.ofSeconds(10), Duration.ofMinutes(1), false))) {
      ActorSystem<Void> hosts =
          ActorSystem.create(
              Behaviors.empty(),
              "host",
              ClawTermActorSystem.setup(ConfigFactory.empty(), database));
      Cluster cluster = Cluster.get(hosts);
      cluster.manager().tell(Join.create(cluster.selfMember().address()));
      var lost = new LinkedBlockingQueue<String>();
      try (ClawTerm node =
          ClawTerm.embedded()
              .dataSource(database)
              .actorSystem(hosts)
              .setting("clawterm.node.data", folder.resolve("data").toString())
              .agent("shout", SHOUT)
              .build()) {
        node.start().toCompletableFuture().get(120, TimeUnit.SECONDS);
        try (ClawTermClient client =
            ClawTermClient.builder()
                .address(socket(node))
                .listener((session, event) -> {
                  if (event instanceof ConnectionEvent.Lost(String reason, Duration retryIn)) {
                    lost.add(reason);
                  }
                })
                .build()) {
          client
              .connect(ConnectOptions.target("agent:shout"))
              .toCompletableFuture()
              .get(60, TimeUnit.SECONDS);

          hosts.terminate();

          assertThat(lost.poll(30, TimeUnit.SECONDS)).contains("shuts down");
          hosts.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
        }
      }
    }
  }

  @Test
  void anActorSystemThatIsNotMadeForANodeIsRefused() {
    ActorSystem<Void> bare =
        ActorSystem.create(
            Behaviors.empty(),
            "bare",
            ConfigFactory.parseString(
                    """
                    akka.actor.provider = cluster
                    akka.remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                    """)
                .withFallback(ConfigFactory.load()));
    try (ClawTerm node =
        ClawTerm.embedded().dataFolder(folder.resolve("data")).actorSystem(bare).build()) {
      assertThatThrownBy(() -> node.start().toCompletableFuture().get(120, TimeUnit.SECONDS))
          .hasMessageContaining("ClawTermActorSystem.setup");
    } finally {
      bare.terminate();
    }
    assertThatThrownBy(() -> ClawTerm.embedded().actorSystem("akka"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Threads that keep a process from ending. */
  private static Set<Thread> busyThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !thread.isDaemon() && thread.isAlive())
        .collect(Collectors.toSet());
  }

  /** The JVM tells nobody its hooks, so this looks into it. */
  private static Set<String> hooks() throws ReflectiveOperationException {
    var field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
    field.setAccessible(true);
    return ((Map<?, ?>) field.get(null))
        .keySet().stream().map(String::valueOf).collect(Collectors.toSet());
  }
}
