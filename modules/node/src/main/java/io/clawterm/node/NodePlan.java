package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import io.clawterm.api.AgentFunction;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.NodeConfiguration;
import io.opentelemetry.api.OpenTelemetry;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import javax.sql.DataSource;

/**
 * What a node is to be.
 *
 * @param dataSource the host's database in place of what the settings name
 * @param system the host's actor system, which the node does not end
 * @param environment variables that may hold keys of model providers, and where spans go
 * @param progress hears what takes long
 * @param whenSet hears the node's settings at its start and whenever they change
 * @param openTelemetry the host's, which takes the spans whatever the settings say of them
 */
record NodePlan(
    NodeConfiguration configuration,
    Optional<DataSource> dataSource,
    Optional<ActorSystem<?>> system,
    Map<String, AgentFunction> agents,
    Map<String, String> environment,
    Consumer<String> progress,
    Consumer<NodeSettings> whenSet,
    Optional<OpenTelemetry> openTelemetry) {

  NodePlan {
    agents = Map.copyOf(agents);
    environment = Map.copyOf(environment);
  }

  /**
   * The same with what the file says now.
   *
   * @throws InvalidConfigurationException if it is wrong
   */
  NodePlan reread() {
    NodeConfiguration read = configuration.reread();
    NodeBlocks unused = NodeBlocks.read(read);
    return new NodePlan(
        read, dataSource, system, agents, environment, progress, whenSet, openTelemetry);
  }
}
