package io.clawterm.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import akka.actor.Address;
import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.MemberStatus;
import akka.cluster.UniqueAddress;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Down;
import akka.cluster.typed.Join;
import akka.remote.RemoteActorRefProvider;
import akka.remote.artery.tcp.SSLEngineProviderSetup;
import akka.remote.testkit.Blackhole$;
import akka.remote.testkit.Direction;
import akka.remote.testkit.SetThrottle;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.config.TlsIdentity;
import io.clawterm.storage.ClusterNodes;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import io.clawterm.testkit.FaultProxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import scala.concurrent.Await;

/** Actor systems that speak over real sockets, on a real database. */
class ClusterTest {

  private static final Duration LIMIT = Duration.ofSeconds(90);

  @TempDir static Path folder;

  private static EmbeddedPostgres server;
  private static DataSource database;

  private final List<Member> members = new ArrayList<>();

  private record Member(ActorSystem<Void> system, NodeLease lease, Formation formation) {

    void join() throws InterruptedException {
      UniqueAddress self = Cluster.get(system).selfMember().uniqueAddress();
      lease.describe(NodeFence.text(self.address()), self.longUid(), "");
      formation.join();
      NodeFence fence = NodeFence.of(Adapter.toClassic(system));
      system.systemActorOf(CrashWatch.create(fence), "watch", Props.empty());
    }

    Address address() {
      return Cluster.get(system).selfMember().address();
    }

    /** From now on nothing comes from there, and nothing that is sent arrives. */
    void cutOff(Address other) {
      var provider = (RemoteActorRefProvider) Adapter.toClassic(system).provider();
      var unused =
          provider
              .transport()
              .managementCommand(
                  new SetThrottle(other, Direction.Both$.MODULE$, Blackhole$.MODULE$));
    }

    /** As the end of its process would do, nothing listens at its port any more. */
    void stopListening() throws Exception {
      var provider = (RemoteActorRefProvider) Adapter.toClassic(system).provider();
      Await.ready(
          provider.transport().shutdown(), scala.concurrent.duration.Duration.create(30, "s"));
    }

    boolean mayWrite() {
      return new ClusterNodes(database).mayWrite(lease.number());
    }

    /** Whoever was taken out is forgotten as well; before, what he saw counts for the resolver. */
    boolean isSettledAt(int count) {
      var state = Cluster.get(system).state();
      long known = StreamSupport.stream(state.getMembers().spliterator(), false).count();
      return known == count && state.getUnreachable().isEmpty() && sees() == count;
    }

    int sees() {
      int count = 0;
      for (akka.cluster.Member member : Cluster.get(system).state().getMembers()) {
        count += member.status().equals(MemberStatus.up()) ? 1 : 0;
      }
      return count;
    }
  }

  @BeforeAll
  static void startServer() {
    server = EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests());
    database = Databases.connect(server.target(), DatabaseSettings.defaults());
    Migrations.run(database);
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @AfterEach
  void stopMembers() {
    List<CompletableFuture<?>> ends = new ArrayList<>();
    members.forEach(member -> ends.add(SystemEnd.of(member.system()).toCompletableFuture()));
    ends.forEach(CompletableFuture::join);
    members.forEach(member -> member.lease().close());
  }

  @Test
  void nodesThatStartAtOnceAreOneCluster() {
    List<Member> all = List.of(member(), member(), member());
    List<CompletableFuture<Void>> joining =
        all.stream().map(member -> CompletableFuture.runAsync(() -> joined(member))).toList();
    joining.forEach(CompletableFuture::join);

    await().atMost(LIMIT).until(() -> all.stream().allMatch(member -> member.sees() == 3));
  }

  /** The second time while the resolver still keeps the lease of the first. */
  @Test
  void whoIsCutOffIsFencedAndTheOthersGoOnAlsoWhenItHappensTwice() {
    List<Member> all = List.of(joined(member()), joined(member()), joined(member()));
    await().atMost(LIMIT).until(() -> all.stream().allMatch(member -> member.sees() == 3));

    List<Member> left = all;
    while (left.size() > 1) {
      int stay = left.size() - 1;
      Member lonely = left.getLast();
      left.subList(0, stay)
          .forEach(other -> {
            lonely.cutOff(other.address());
            other.cutOff(lonely.address());
          });
      await().atMost(LIMIT).until(() -> writers(all).size() == stay);
      // Whoever may write is a member, and nobody else.
      await()
          .atMost(LIMIT)
          .until(() -> writers(all).stream().allMatch(member -> member.isSettledAt(stay)));
      assertThat(writers(all)).hasSize(stay);
      left = writers(all);
    }
  }

  private static List<Member> writers(List<Member> all) {
    return all.stream().filter(Member::mayWrite).toList();
  }

  /** A restarted database has freed all locks; who looks just then must not found a second one. */
  @Test
  void aNodeWithoutItsLockForAMomentIsJoinedAllTheSame() throws Exception {
    Member one = joined(member());
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = "
              + one.lease().number());
    }
    Member two = joined(member());

    await().atMost(LIMIT).until(() -> one.sees() == 2 && two.sees() == 2);
    assertThat(one.mayWrite()).isTrue();
  }

  /** Without its heartbeats being missed, which would take longer than the test has time for. */
  @Test
  void aCrashedNodeIsForgottenAtOnce() throws Exception {
    String patient = "akka.cluster.failure-detector.acceptable-heartbeat-pause = 10m";
    Member one = joined(member(patient));
    Member crashed = joined(member(patient));
    await().atMost(LIMIT).until(() -> one.sees() == 2);

    crashed.stopListening();
    crashed.lease().close();

    await().atMost(LIMIT).until(() -> one.isSettledAt(1));
    assertThat(crashed.mayWrite()).isFalse();
    assertThat(one.mayWrite()).isTrue();
  }

  /** It hears its peers and they hear it, so that the resolver sees nothing wrong. */
  @Test
  void aNodeThatCannotReachTheDatabaseIsTakenOut() throws Exception {
    URI direct = URI.create(server.target().url().substring("jdbc:".length()));
    try (FaultProxy way = FaultProxy.to(direct.getPort())) {
      var target =
          new JdbcTarget(
              "jdbc:postgresql://127.0.0.1:" + way.port() + direct.getPath(),
              server.target().user(),
              server.target().password());
      Member one = joined(member());
      Member lonely = joined(member("", Databases.connect(target, DatabaseSettings.defaults())));
      await().atMost(LIMIT).until(() -> one.sees() == 2 && lonely.sees() == 2);

      way.lose();

      await().atMost(LIMIT).until(() -> one.isSettledAt(1));
      assertThat(lonely.mayWrite()).isFalse();
      assertThat(one.mayWrite()).isTrue();
      // It serves nobody until it reaches the database again, and then it knows why.
      await()
          .atMost(LIMIT)
          .until(() -> lonely.system().getWhenTerminated().toCompletableFuture().isDone());
      way.flow();
      await().atMost(LIMIT).until(() -> !lonely.lease().isHeld());
    }
  }

  @Test
  void anAddressThatIsAnotherMachinesIsRefused() {
    Member one = member();
    UniqueAddress self = Cluster.get(one.system()).selfMember().uniqueAddress();
    try (NodeLease stranger = NodeLease.acquire(database, Clock.systemUTC(), "test", "1")) {
      stranger.describe(NodeFence.text(self.address()), self.longUid() + 1, "");

      assertThatThrownBy(() -> joined(one))
          .isInstanceOf(CompletionException.class)
          .hasRootCauseInstanceOf(FormationException.class)
          .hasStackTraceContaining("--cluster-host");
    }
  }

  /** It trusts the others, so that only these can refuse it. */
  @Test
  void aNodeWithACertificateOfAnotherAuthorityIsRefused() throws Exception {
    TlsIdentity ours = TlsIdentity.selfSigned("dns:clawterm");
    TlsIdentity foreign = TlsIdentity.selfSigned("dns:clawterm");
    Member one = joined(member(tls(ours, ours)));
    Member stranger = member(tls(foreign, ours, foreign) + "clawterm.cluster.join-timeout = 10s\n");

    ListAppender<ILoggingEvent> told = new ListAppender<>();
    Logger log = (Logger) LoggerFactory.getLogger(ClusterTls.class);
    told.start();
    log.addAppender(told);
    try {
      assertThatThrownBy(() -> joined(stranger))
          .isInstanceOf(CompletionException.class)
          .hasRootCauseInstanceOf(FormationException.class)
          .hasStackTraceContaining("clawterm.cluster.tls-cert");
    } finally {
      log.detachAppender(told);
    }
    assertThat(told.list)
        .singleElement()
        .satisfies(line ->
            assertThat(line.getFormattedMessage())
                .contains("a node is refused", "clawterm.cluster.tls-authorities"));
    assertThat(one.sees()).isEqualTo(1);
    Member another = joined(member(tls(ours, ours)));
    await().atMost(LIMIT).until(() -> one.sees() == 2 && another.sees() == 2);
  }

  @Test
  void aSystemEndsThoughItsConnectionsDoNot() throws Exception {
    ActorSystem<Void> system = member().system();
    SystemEnd.waitsForConnections(system).suspend();

    SystemEnd.of(system).toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  @Test
  void whoIsTakenOutEndsThoughItsConnectionsDoNot() throws Exception {
    Member one = joined(member());
    Member two = joined(member());
    await().atMost(LIMIT).until(() -> one.sees() == 2 && two.sees() == 2);
    SystemEnd.waitsForConnections(two.system()).suspend();
    SystemEnd.onceTakenOut(two.system(), Duration.ofSeconds(1));

    Cluster.get(one.system()).manager().tell(new Down(two.address()));

    two.system().getWhenTerminated().toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  private static String tls(TlsIdentity own, TlsIdentity... trusted) throws Exception {
    Path at = Files.createTempDirectory(folder, "tls");
    StringBuilder authorities = new StringBuilder();
    for (TlsIdentity authority : trusted) {
      authorities.append(authority.certificatePem());
    }
    return """
    clawterm.cluster { tls-cert = "%s", tls-key = "%s", tls-authorities = "%s" }
    """
        .formatted(
            Files.writeString(at.resolve("cert.pem"), own.certificatePem()),
            Files.writeString(at.resolve("key.pem"), own.keyPem()),
            Files.writeString(at.resolve("authorities.pem"), authorities));
  }

  @Test
  void anEarlierLifeAtTheAddressIsFencedBeforeTheNextOneJoins() throws Exception {
    Member one = member();
    int before = rowOfACrash(NodeFence.text(Cluster.get(one.system()).selfMember().address()));

    joined(one);

    assertThat(new ClusterNodes(database).mayWrite(before)).isFalse();
    assertThat(one.mayWrite()).isTrue();
  }

  /** Pods begin a cluster without asking the database; a host's system does as well. */
  @Test
  void whoSleepsInAnotherClusterIsFencedBeforeAFounderRegisters() throws Exception {
    Member one = member();
    int asleep = rowOfACrash("10.9.9.9:25520");
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "UPDATE clawterm.cluster_node SET joined_at = now() WHERE number = " + asleep);
    }
    Cluster.get(one.system()).manager().tell(Join.create(one.address()));
    await().atMost(LIMIT).until(() -> one.sees() == 1);

    one.formation().joined();

    assertThat(new ClusterNodes(database).mayWrite(asleep)).isFalse();
    assertThat(one.mayWrite()).isTrue();
  }

  @Test
  void aPodWithoutAnApiServerSaysWhatItLacks() {
    Member one =
        member(
            """
            clawterm.cluster { formation = kubernetes, join-timeout = 1s }
            akka.management.http { hostname = "127.0.0.1", port = 0 }
            """);

    assertThatThrownBy(() -> joined(one))
        .hasRootCauseInstanceOf(FormationException.class)
        .hasStackTraceContaining("became no member in 1 s")
        .hasStackTraceContaining("serviceaccount");
  }

  private static int rowOfACrash(String address) throws SQLException {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "INSERT INTO clawterm.cluster_node (cluster, version, address, uid)"
                    + " VALUES ('test', '1', '%s', 1) RETURNING number".formatted(address))) {
      row.next();
      return row.getInt(1);
    }
  }

  private static Member joined(Member member) {
    try {
      member.join();
      return member;
    } catch (InterruptedException | FormationException e) {
      throw new CompletionException(e);
    }
  }

  private Member member() {
    return member("");
  }

  private Member member(String overrides) {
    return member(overrides, database);
  }

  /** A member with a way of its own to the database. */
  private Member member(String overrides, DataSource database) {
    Config given =
        ConfigFactory.parseString("akka.remote.artery.advanced.test-mode = on\n" + overrides)
            .withFallback(ConfigFactory.parseResources("clawterm-laptop.conf"))
            .withFallback(ConfigFactory.load());
    ClusterSettings settings = ClusterSettings.from(given.resolve().getConfig("clawterm.cluster"));
    Config config = settings.discovery().withFallback(given);
    var fence = new NodeFence(database);
    NodeLease lease = NodeLease.acquire(database, Clock.systemUTC(), "test", "1");
    fence.actAs(lease);
    ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(),
            "clawterm",
            ActorSystemSetup.create(
                BootstrapSetup.create(config.resolve()),
                fence,
                SSLEngineProviderSetup.create(made -> new ClusterTls(settings, database))));
    var member = new Member(system, lease, new Formation(system, settings, database, lease));
    members.add(member);
    return member;
  }
}
