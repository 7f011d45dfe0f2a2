package io.clawterm.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import io.clawterm.agent.AgentSettings;
import io.clawterm.cluster.ClusterSettings;
import io.clawterm.config.InvalidConfigurationException;
import io.clawterm.config.NodeConfiguration;
import io.clawterm.edge.EdgeSettings;
import io.clawterm.edge.PodSettings;
import io.clawterm.edge.PtySettings;
import io.clawterm.http.HttpSettings;
import io.clawterm.model.ModelSettings;
import io.clawterm.session.BundleSettings;
import io.clawterm.session.SessionSettings;
import java.nio.file.Path;
import java.util.Optional;

/** The settings of all modules. */
record NodeBlocks(
    NodeSettings node,
    ClusterSettings cluster,
    SessionSettings session,
    BundleSettings bundle,
    EdgeSettings edge,
    AgentSettings agent,
    ModelSettings model,
    PtySettings pty,
    HttpSettings http,
    PodSettings pods,
    TelemetrySettings telemetry) {

  /**
   * Reads each block.
   *
   * @throws InvalidConfigurationException with all that is wrong in any of them
   */
  static NodeBlocks read(NodeConfiguration configuration) {
    Optional<NodeSettings> node = configuration.read("clawterm.node", NodeSettings::from);
    Optional<ClusterSettings> cluster =
        configuration.read("clawterm.cluster", ClusterSettings::from);
    Optional<SessionSettings> session =
        configuration.read("clawterm.session", SessionSettings::from);
    Optional<BundleSettings> bundle = configuration.read("clawterm.bundle", BundleSettings::from);
    Optional<EdgeSettings> edge = configuration.read("clawterm.edge", EdgeSettings::from);
    Optional<AgentSettings> agent = configuration.read("clawterm.agent", AgentSettings::from);
    Optional<ModelSettings> model = configuration.read("clawterm.model", ModelSettings::from);
    Optional<PtySettings> pty = configuration.read("clawterm.pty", PtySettings::from);
    Optional<HttpSettings> http =
        configuration.read("clawterm.http", block -> HttpSettings.from(placed(block, node)));
    Optional<PodSettings> pods =
        configuration.read("clawterm.pods", block -> PodSettings.from(placed(block, node)));
    Optional<TelemetrySettings> telemetry =
        configuration.read("clawterm.telemetry", TelemetrySettings::from);
    configuration.refuseIfWrong();
    return new NodeBlocks(
        node.orElseThrow(),
        cluster.orElseThrow(),
        session.orElseThrow(),
        bundle.orElseThrow(),
        edge.orElseThrow(),
        agent.orElseThrow(),
        model.orElseThrow(),
        pty.orElseThrow(),
        http.orElseThrow(),
        pods.orElseThrow(),
        telemetry.orElseThrow());
  }

  /** Where a module listens and looks is said once, for the node. */
  private static Config placed(Config block, Optional<NodeSettings> node) {
    if (node.isEmpty()) {
      return block;
    }
    NodeSettings settings = node.get();
    Config placed = block;
    if (block.hasPath("host")) {
      placed =
          placed
              .withValue("host", ConfigValueFactory.fromAnyRef(settings.bind()))
              .withValue("port", ConfigValueFactory.fromAnyRef(Math.max(0, settings.httpPort())));
    }
    if (block.hasPath("folder") && settings.run().isPresent()) {
      Path folder = settings.run().get().resolve("sockets");
      placed = placed.withValue("folder", ConfigValueFactory.fromAnyRef(folder.toString()));
    }
    return placed;
  }
}
