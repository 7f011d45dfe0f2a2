package io.clawterm.agent;

import io.clawterm.api.Principal;
import io.clawterm.session.Targets;
import io.clawterm.telemetry.Tracing;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;

/** The agents of a node, by name. */
public final class AgentTargets implements Targets {

  /** How the target of an agent begins. */
  public static final String PREFIX = "agent:";

  private final Map<String, Agent> agents;
  private final Supplier<AgentSettings> settings;
  private final Tracing tracing;

  /** Agents with settings that stay as they are, without traces. */
  public AgentTargets(Map<String, Agent> agents, AgentSettings settings) {
    this(agents, () -> settings, Tracing.OFF);
  }

  /**
   * These agents.
   *
   * @param settings those in force
   */
  public AgentTargets(
      Map<String, Agent> agents, Supplier<AgentSettings> settings, Tracing tracing) {
    this.agents = Map.copyOf(agents);
    this.settings = settings;
    this.tracing = tracing;
  }

  @Override
  public Found find(Principal owner, String name) {
    String bare = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    Agent agent = agents.get(bare);
    return agent == null
        ? new Found.Missing("no agent of that name; there are " + new TreeSet<>(agents.keySet()))
        : new Found.Available(new AgentTarget(bare, agent, settings, tracing));
  }
}
