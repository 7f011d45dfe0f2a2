package io.clawterm.load;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.persistence.jdbc.query.javadsl.JdbcReadJournal;
import akka.persistence.query.PersistenceQuery;
import akka.stream.javadsl.Source;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.session.ClusterSessions;
import io.clawterm.session.JournalSessionLog;
import io.clawterm.session.ResumeTokens;
import io.clawterm.session.SessionEnvironment;
import io.clawterm.session.SessionLog;
import io.clawterm.session.SessionMetrics;
import io.clawterm.session.SessionSettings;
import io.clawterm.session.Target;
import io.clawterm.session.Targets;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.storage.JournalTrim;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import io.clawterm.storage.StorageSetup;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;

/**
 * The sessions of a node by themselves: an actor system with sharded sessions on a journal, and one
 * target behind every name.
 */
final class BenchNode implements AutoCloseable {

  final ActorSystem<Void> system;
  final ClusterSessions sessions;
  final Config config;
  private final Optional<EmbeddedPostgres> postgres;
  private final Optional<HikariDataSource> database;

  /**
   * Starts one.
   *
   * @param data the folder of an embedded PostgreSQL; without it nothing is stored
   * @param overrides settings that differ from a node's own
   */
  static BenchNode start(Optional<Path> data, String overrides, Target target) throws Exception {
    Optional<EmbeddedPostgres> postgres =
        data.map(folder -> EmbeddedPostgres.start(folder, EmbeddedPostgresSettings.forTests()));
    Optional<HikariDataSource> database =
        postgres.map(server -> asNode(server.target(), DatabaseSettings.defaults()));
    return new BenchNode(postgres, database, overrides, target);
  }

  /** Connections on which each write is checked, as a node's are. */
  private static HikariDataSource asNode(JdbcTarget target, DatabaseSettings settings) {
    DataSource single = Databases.connect(target, settings);
    Migrations.run(single);
    NodeLease lease = NodeLease.acquire(single, Clock.systemUTC(), "bench", "bench");
    return Databases.pool(single, settings, lease.number());
  }

  private BenchNode(
      Optional<EmbeddedPostgres> postgres,
      Optional<HikariDataSource> database,
      String overrides,
      Target target)
      throws Exception {
    this.postgres = postgres;
    this.database = database;
    this.config =
        ConfigFactory.load(
            ConfigFactory.parseString(overrides)
                .withFallback(database.isPresent() ? ConfigFactory.empty() : nothingStored())
                .withFallback(ConfigFactory.parseString("akka.loglevel = WARNING"))
                .withFallback(alone())
                .withFallback(ConfigFactory.parseResources("storage.conf"))
                .withFallback(ConfigFactory.parseResources("clawterm-laptop.conf")));
    var setup = ActorSystemSetup.create(BootstrapSetup.create(config));
    if (database.isPresent()) {
      setup =
          setup.and(new StorageSetup(database.get(), DatabaseSettings.defaults().connections()));
    }
    this.system = ActorSystem.create(Behaviors.empty(), "bench", setup);
    var up = new CompletableFuture<Void>();
    akka.cluster.Cluster.get(system).registerOnMemberUp(() -> up.complete(null));
    Cluster cluster = Cluster.get(system);
    cluster.manager().tell(Join.create(cluster.selfMember().address()));
    up.get(30, TimeUnit.SECONDS);
    this.sessions =
        ClusterSessions.start(system, environment(target), new ResumeTokens(new byte[32]));
  }

  private SessionEnvironment environment(Target target) {
    SessionLog log =
        database.isPresent()
            ? new JournalSessionLog(
                PersistenceQuery.get(system)
                    .getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier()))
            : (session, journal, number) -> Source.empty();
    return new SessionEnvironment(
        SessionSettings.from(config.getConfig("clawterm.session")),
        (owner, name) -> new Targets.Found.Available(target),
        log,
        (id, upTo) ->
            CompletableFuture.runAsync(
                () -> database.ifPresent(pool -> JournalTrim.upTo(pool, id, upTo))),
        Clock.systemUTC(),
        SessionMetrics.NONE);
  }

  /** It never meets another node, and has no database to fence one in. */
  private static Config alone() {
    return ConfigFactory.parseString(
        """
        akka.remote.artery.transport = tcp
        akka.cluster.downing-provider-class = ""
        akka.cluster.roles = [session]
        """);
  }

  /** Nothing is read back either, so a snapshot would be no use. */
  private static Config nothingStored() {
    return ConfigFactory.parseString(
        """
        bench-journal.class = "io.clawterm.load.BenchJournal"
        akka.persistence.journal.plugin = "bench-journal"
        akka.persistence.snapshot-store.plugin = "akka.persistence.no-snapshot-store"
        clawterm.session.snapshot-every = 2000000000
        """);
  }

  /** The pool on the embedded PostgreSQL. */
  HikariDataSource database() {
    return database.orElseThrow();
  }

  @Override
  public void close() {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    database.ifPresent(HikariDataSource::close);
    postgres.ifPresent(EmbeddedPostgres::close);
  }
}
