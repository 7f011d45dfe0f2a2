package io.clawterm.node;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorSystem;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.clawterm.storage.StorageSetup;
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

  /** Of the at least 10 connections of a host's data source. */
  private static final int JOURNAL_CONNECTIONS = 6;

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
    return ActorSystemSetup.create(
        BootstrapSetup.create(hosts.withFallback(config()).resolve()),
        new StorageSetup(database, JOURNAL_CONNECTIONS));
  }

  /** The journal and the projections on the node's database. */
  static Config storage() {
    return ConfigFactory.parseResources("storage.conf")
        .withFallback(ConfigFactory.parseResources("projection.conf"));
  }

  /** Refuses a system that lacks what would fail much later, and less clearly. */
  static void requireFit(ActorSystem<?> hosts) {
    if (hosts.settings().setup().get(StorageSetup.class).isEmpty()) {
      throw new StartException(
          "the actor system "
              + hosts.name()
              + " has no journal for sessions: make it with ClawTermActorSystem.setup(...)");
    }
  }
}
