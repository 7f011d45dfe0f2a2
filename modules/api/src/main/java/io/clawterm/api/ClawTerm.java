package io.clawterm.api;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.CompletionStage;
import javax.sql.DataSource;

/**
 * A ClawTerm node inside a host application.
 *
 * <p>It behaves as a guest: it opens no port that was not configured, never ends the process, adds
 * no shutdown hook and configures no logging. Two of them fit in one process.
 */
public interface ClawTerm extends AutoCloseable {

  /**
   * Begins to describe a node.
   *
   * @throws IllegalStateException if {@code clawterm-node} is not on the class path
   */
  static Builder embedded() {
    List<Factory> factories =
        ServiceLoader.load(Factory.class).stream().map(ServiceLoader.Provider::get).toList();
    if (factories.isEmpty()) {
      throw new IllegalStateException("add io.clawterm:clawterm-node to the class path");
    }
    return factories.get(0).builder();
  }

  /**
   * Starts the node; completed once it takes connections. A second call gives the first one's
   * result. It fails if a setting is wrong, the data folder is in use or the database is out of
   * reach.
   */
  CompletionStage<ClawTerm> start();

  /**
   * Stops the node: devices are told to come back, what is decided is committed. Completed once all
   * is closed; a second call gives the first one's result.
   */
  CompletionStage<Void> stop();

  /**
   * Completed once the node has stopped: because it was asked to, or by itself, because the rest of
   * its cluster has taken it for dead. A new node can be started then, on an actor system of its
   * own.
   */
  CompletionStage<Void> whenStopped();

  /** Stops the node and waits for it. */
  @Override
  void close();

  /** Where a started node listens. */
  Endpoints endpoints();

  /**
   * Where a node listens; what is not configured is empty.
   *
   * @param tokenFile holds the credential for TCP, WebSocket and HTTP
   */
  record Endpoints(
      Optional<Path> unixSocket,
      Optional<InetSocketAddress> tcp,
      Optional<InetSocketAddress> http,
      Optional<Path> tokenFile) {}

  /** Describes a node. Each setting of {@code reference.conf} can be given. */
  interface Builder {

    /**
     * The folder for the embedded database, sockets and certificates. Needed unless a data source
     * is given; without a folder there is no Unix socket and no embedded database.
     */
    Builder dataFolder(Path folder);

    /** The host's PostgreSQL in place of an embedded one; at least 10 connections. */
    Builder dataSource(DataSource dataSource);

    /** One setting under {@code clawterm}, such as {@code ("clawterm.node.port", 0)}. */
    Builder setting(String key, Object value);

    /**
     * The host's {@code akka.actor.typed.ActorSystem}, with the cluster provider; it is used and
     * not stopped. Given as an object because this module knows no Akka.
     */
    Builder actorSystem(Object system);

    /**
     * The host's {@code io.opentelemetry.api.OpenTelemetry}, which gets the node's spans in place
     * of what {@code clawterm.telemetry.traces} says. The host ends it, after the node. Given as an
     * object because this module knows no OpenTelemetry.
     */
    Builder openTelemetry(Object openTelemetry);

    /** An agent behind {@code agent:NAME}. */
    Builder agent(String name, AgentFunction agent);

    /** The node; it is not started yet. */
    ClawTerm build();
  }

  /** How {@link #embedded()} finds the implementation. */
  interface Factory {
    Builder builder();
  }
}
