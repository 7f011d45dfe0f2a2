package io.clawterm.node;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.remote.artery.tcp.SSLEngineProviderSetup;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.cluster.ClusterTls;
import io.clawterm.cluster.NodeFence;
import io.clawterm.storage.StorageSetup;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;

/**
 * What a host application's own actor system needs so that a node can live on it: {@code
 * ActorSystem.create(guardian, "host", ClawTermActorSystem.setup(hosts, dataSource))}, joined to a
 * cluster, and then given to {@code ClawTerm.embedded()} together with the same data source.
 *
 * <p>The node's journal becomes the system's default one. One node can live on a system, once: its
 * shard regions cannot be started again after it was stopped.
 */
public final class ClawTermActorSystem {

  /** What the journal may use of a pool of one's own, and of a host's; half of it for commits. */
  static final int JOURNAL_CONNECTIONS = 8;

  private static final int JOURNAL_CONNECTIONS_OF_HOST = 6;

  private static final String ROLES = "akka.cluster.roles";

  private ClawTermActorSystem() {}

  /** Settings for Akka that a node relies on; the host's own go in front of them. */
  public static Config config() {
    return storage()
        .withFallback(ConfigFactory.parseResourcesAnySyntax(Node.PROFILE))
        .withFallback(ConfigFactory.defaultReferenceUnresolved())
        .resolve();
  }

  /**
   * The setup of a system on which a node can live.
   *
   * @param hosts the host's own settings, which win
   * @param database the same as for the node; the system leaves it open
   */
  public static ActorSystemSetup setup(Config hosts, DataSource database) {
    Config all = hosts.withFallback(config()).resolve();
    ClusterSettings cluster = ClusterSettings.from(all.getConfig("clawterm.cluster"));
    Set<String> roles = new LinkedHashSet<>(all.getStringList(ROLES));
    roles.addAll(cluster.roles());
    return setup(
        all.withValue(ROLES, ConfigValueFactory.fromIterable(roles)),
        cluster,
        database,
        JOURNAL_CONNECTIONS_OF_HOST);
  }

  private static ActorSystemSetup setup(
      Config config, ClusterSettings cluster, DataSource database, int connections) {
    return ActorSystemSetup.create(
        BootstrapSetup.create(config),
        new StorageSetup(database, connections),
        new NodeFence(database),
        SSLEngineProviderSetup.create(system -> new ClusterTls(cluster, database)));
  }

  /** A node's own system; it is no member of a cluster yet. */
  static ActorSystem<Void> start(NodePlan plan, NodeBlocks blocks, DataSource database) {
    ClusterSettings cluster = blocks.cluster();
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "akka.management.http.hostname",
                    blocks.node().managementBind(),
                    "akka.management.http.port",
                    Math.max(0, blocks.node().managementPort()),
                    "akka.remote.artery.canonical.hostname",
                    cluster.host(),
                    "akka.remote.artery.canonical.port",
                    cluster.port(),
                    ROLES,
                    List.copyOf(cluster.roles()),
                    "akka.cluster.app-version",
                    Version.CURRENT))
            .withFallback(cluster.discovery())
            .withFallback(storage())
            .withFallback(plan.configuration().config())
            .resolve();
    return ActorSystem.create(
        Behaviors.empty(),
        "clawterm",
        setup(
            config,
            cluster,
            database,
            plan.dataSource().isPresent() ? JOURNAL_CONNECTIONS_OF_HOST : JOURNAL_CONNECTIONS));
  }

  /** The journal and the projections on the node's database. */
  static Config storage() {
    return ConfigFactory.parseResources("storage.conf")
        .withFallback(ConfigFactory.parseResources("projection.conf"));
  }

  /** The journal's way to the database; refuses a system that was made without it. */
  static StorageSetup journal(ActorSystem<?> hosts) {
    return hosts
        .settings()
        .setup()
        .get(StorageSetup.class)
        .orElseThrow(() ->
            new StartException(
                "the actor system "
                    + hosts.name()
                    + " has no journal for sessions: make it with ClawTermActorSystem.setup(...)"));
  }
}
