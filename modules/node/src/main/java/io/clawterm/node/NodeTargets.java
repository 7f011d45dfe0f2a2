package io.clawterm.node;

import akka.actor.typed.ActorSystem;
import io.clawterm.agent.Agent;
import io.clawterm.agent.AgentTargets;
import io.clawterm.agent.Agents;
import io.clawterm.api.Principal;
import io.clawterm.config.LiveSettings;
import io.clawterm.edge.ClusterPods;
import io.clawterm.edge.PodRegistry;
import io.clawterm.edge.PodSettings;
import io.clawterm.edge.PodTarget;
import io.clawterm.edge.PtyTarget;
import io.clawterm.model.Models;
import io.clawterm.session.Targets;
import io.clawterm.storage.ClusterSecrets;
import io.clawterm.telemetry.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;

/** All that can sit behind a session on this node; a bare name is an agent. */
record NodeTargets(Targets agents, Targets pods, Targets programs) implements Targets {

  private static final String DEFAULT = "main";

  /** Those of a plan, by the settings in force; the folder of the pods is watched from now on. */
  static NodeTargets open(
      NodePlan plan,
      LiveSettings<NodeBlocks> live,
      ActorSystem<?> system,
      DataSource database,
      MeterRegistry registry,
      Tracing tracing,
      Closing closing)
      throws IOException {
    return new NodeTargets(
        new AgentTargets(
            agents(plan, live, system, tracing), () -> live.current().agent(), tracing),
        pods(live, system, database, registry, closing),
        new PtyTarget.Factory(() -> live.current().pty(), registry));
  }

  private static Map<String, Agent> agents(
      NodePlan plan, LiveSettings<NodeBlocks> live, ActorSystem<?> system, Tracing tracing) {
    Map<String, Agent> agents = new HashMap<>();
    agents.put("demo", Agents.demo());
    agents.put(
        DEFAULT,
        Agents.asking(
            () -> Models.resolve(system, live.current().model(), plan.environment(), tracing),
            () ->
                Optional.of(live.current().agent().instructions())
                    .filter(text -> !text.isBlank())));
    plan.agents().forEach((name, function) -> agents.put(name, Agents.function(function)));
    return agents;
  }

  private static Targets pods(
      LiveSettings<NodeBlocks> live,
      ActorSystem<?> system,
      DataSource database,
      MeterRegistry registry,
      Closing closing)
      throws IOException {
    if (live.current().node().data().isEmpty()) {
      return (owner, name) -> new Found.Missing("this node has no folder for pods");
    }
    PodSettings settings = live.current().pods();
    PodRegistry here = PodRegistry.open(settings, registry);
    closing.add("pods", here);
    var pods = ClusterPods.start(system, here, settings.rescanInterval(), registry);
    closing.add("pods of the other nodes", pods);
    byte[] secret = ClusterSecrets.getOrCreate(database, "pod-tokens", 32);
    return new PodTarget.Factory(() -> live.current().pods(), pods, secret, registry);
  }

  @Override
  public Found find(Principal owner, String name) {
    int colon = name.indexOf(':');
    String kind = colon < 0 ? "agent" : name.substring(0, colon);
    return switch (kind) {
      case "agent" -> agents.find(owner, name.isBlank() ? DEFAULT : name);
      case "pod" -> pods.find(owner, name);
      case "pty" -> programs.find(owner, name);
      default ->
          new Found.Missing(
              "a target is agent:NAME, pod:NAME or pty:COMMAND, not \"" + kind + ":…\"");
    };
  }
}
