package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import io.clawterm.api.AgentFunction;
import io.clawterm.api.ClawTerm;
import io.clawterm.config.NodeConfiguration;
import io.opentelemetry.api.OpenTelemetry;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;

/** Makes embedded nodes; found by {@link ClawTerm#embedded()} through the service loader. */
public final class NodeFactory implements ClawTerm.Factory {

  @Override
  public ClawTerm.Builder builder() {
    return new Builder();
  }

  /** A guest listens nowhere and keeps no files unless it is told to. */
  private static final class Builder implements ClawTerm.Builder {

    private final Map<String, Object> settings =
        new HashMap<>(
            Map.of(
                "clawterm.node.data", "",
                "clawterm.node.port", -1,
                "clawterm.node.http-port", -1,
                "clawterm.node.management-port", -1));
    private final Map<String, AgentFunction> agents = new HashMap<>();
    private Optional<DataSource> dataSource = Optional.empty();
    private Optional<ActorSystem<?>> system = Optional.empty();
    private Optional<OpenTelemetry> openTelemetry = Optional.empty();

    @Override
    public ClawTerm.Builder dataFolder(Path folder) {
      return setting("clawterm.node.data", folder.toAbsolutePath().toString());
    }

    @Override
    public ClawTerm.Builder dataSource(DataSource hosts) {
      dataSource = Optional.of(hosts);
      return this;
    }

    @Override
    public ClawTerm.Builder setting(String key, Object value) {
      settings.put(key, value);
      return this;
    }

    @Override
    public ClawTerm.Builder actorSystem(Object hosts) {
      if (!(hosts instanceof ActorSystem<?> typed)) {
        throw new IllegalArgumentException(
            "an akka.actor.typed.ActorSystem is expected, not " + hosts.getClass().getName());
      }
      system = Optional.of(typed);
      return this;
    }

    @Override
    public ClawTerm.Builder openTelemetry(Object hosts) {
      if (!(hosts instanceof OpenTelemetry telemetry)) {
        throw new IllegalArgumentException(
            "an io.opentelemetry.api.OpenTelemetry is expected, not " + hosts.getClass().getName());
      }
      openTelemetry = Optional.of(telemetry);
      return this;
    }

    @Override
    public ClawTerm.Builder agent(String name, AgentFunction agent) {
      if (!name.matches("[A-Za-z0-9._-]{1,64}")) {
        throw new IllegalArgumentException(
            "an agent's name is 1 to 64 letters, digits or . _ -, not \"" + name + "\"");
      }
      agents.put(name, agent);
      return this;
    }

    @Override
    public ClawTerm build() {
      return new Node(
          new NodePlan(
              NodeConfiguration.load(settings, Optional.empty(), Node.PROFILE),
              dataSource,
              system,
              agents,
              Map.of(),
              progress -> {},
              settings -> {},
              openTelemetry));
    }
  }
}
