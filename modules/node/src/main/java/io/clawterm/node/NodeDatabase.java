package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import com.zaxxer.hikari.HikariDataSource;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.cluster.Formation;
import io.clawterm.storage.DatabaseSettings;
import io.clawterm.storage.Databases;
import io.clawterm.storage.EmbeddedPostgres;
import io.clawterm.storage.EmbeddedPostgresSettings;
import io.clawterm.storage.JdbcTarget;
import io.clawterm.storage.Migrations;
import io.clawterm.storage.NodeLease;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import javax.sql.DataSource;

/** The way to the database: a host's, one that the settings name, or the embedded one. */
final class NodeDatabase {

  /** For the projection (2), questions of the HTTP API, trimming, probes and the watch. */
  private static final int OTHER_CONNECTIONS = 6;

  /**
   * A database on which this node may write until another one takes it for dead.
   *
   * @param folder of the embedded one
   */
  record Registered(DataSource source, NodeLease lease, Optional<Path> folder) {}

  private final NodePlan plan;
  private final NodeSettings settings;
  private final ClusterSettings cluster;
  private final Closing closing;
  private final BooleanSupplier isLost;
  private final Consumer<String> lose;

  /**
   * A way that is not open yet.
   *
   * @param isLost whether the node was taken over from
   * @param lose hears why it was
   */
  NodeDatabase(
      NodePlan plan,
      NodeBlocks blocks,
      Closing closing,
      BooleanSupplier isLost,
      Consumer<String> lose) {
    this.plan = plan;
    this.settings = blocks.node();
    this.cluster = blocks.cluster();
    this.closing = closing;
    this.isLost = isLost;
    this.lose = lose;
  }

  /** Opens it, with the schema of this release, and registers this node there. */
  Registered open() {
    DatabaseSettings databaseSettings = databaseSettings();
    if (plan.dataSource().isPresent()) {
      DataSource hosts = plan.dataSource().get();
      Databases.check(hosts, databaseSettings);
      return new Registered(hosts, register(hosts), Optional.empty());
    }
    Optional<EmbeddedPostgres> embedded =
        settings.database().isPresent() ? Optional.empty() : Optional.of(embedded());
    JdbcTarget target =
        embedded.map(EmbeddedPostgres::target).orElseGet(() -> settings.database().orElseThrow());
    DataSource single = Databases.connect(target, databaseSettings);
    NodeLease lease = register(single);
    HikariDataSource pool = Databases.pool(single, databaseSettings, lease.number());
    closing.add("database pool", pool);
    return new Registered(pool, lease, embedded.map(postgres -> embeddedFolder()));
  }

  private DatabaseSettings databaseSettings() {
    DatabaseSettings defaults = DatabaseSettings.defaults();
    return new DatabaseSettings(
        ClawTermActorSystem.JOURNAL_CONNECTIONS + OTHER_CONNECTIONS,
        defaults.connectTimeout(),
        defaults.answerTimeout(),
        settings.allowUnsafeDatabase());
  }

  private EmbeddedPostgres embedded() {
    EmbeddedPostgres postgres =
        EmbeddedPostgres.start(
            embeddedFolder(), EmbeddedPostgresSettings.defaults().withProgress(plan.progress()));
    closing.add("embedded database", postgres);
    return postgres;
  }

  private Path embeddedFolder() {
    return settings
        .data()
        .orElseThrow(
            () -> new StartException("a node needs a data folder, a database URL or a data source"))
        .resolve("postgres");
  }

  private NodeLease register(DataSource database) {
    Databases.requireSessions(database);
    Formation.requireName(database, cluster.name()); // before the schema of others is changed
    Migrations.run(database, settings.allowNewerSchema());
    plan.system().ifPresent(hosts -> closing.add("journal", () -> giveBack(hosts)));
    NodeLease lease =
        NodeLease.acquire(database, Clock.systemUTC(), cluster.name(), Version.CURRENT);
    closing.add("lease", lease);
    requireClock(lease);
    lease.watchClock(cluster.maxClockSkew());
    lease.whenLost(() -> lose.accept("another node has taken over"));
    return lease;
  }

  /** The journal is the host's default one; but what was taken over from may write nothing. */
  private void giveBack(ActorSystem<?> hosts) {
    if (!isLost.getAsBoolean()) {
      ClawTermActorSystem.journal(hosts).writeAsOperator();
    }
  }

  private void requireClock(NodeLease lease) {
    if (lease.skew().abs().compareTo(cluster.maxClockSkew()) > 0) {
      throw new StartException(
          "the clock of this machine is "
              + lease.skew().abs().toSeconds()
              + " s "
              + (lease.skew().isNegative() ? "behind" : "ahead of")
              + " the database's; set it (clawterm.cluster.max-clock-skew is "
              + cluster.maxClockSkew().toSeconds()
              + " s)");
    }
  }
}
