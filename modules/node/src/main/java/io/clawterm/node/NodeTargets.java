package io.clawterm.node;

import io.clawterm.api.Principal;
import io.clawterm.session.Targets;

/** All that can sit behind a session on this node; a bare name is an agent. */
record NodeTargets(Targets agents, Targets pods, Targets programs) implements Targets {

  private static final String DEFAULT = "main";

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
