package io.clawterm.node;

import io.clawterm.api.SessionId;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which session a command is about. */
final class SessionParameter {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Parameters(paramLabel = "ID", description = "The session, as `clawterm sessions` shows it.")
  private String text;

  SessionId id() {
    return read(spec, text);
  }

  /** Reads the id of a session that somebody has typed. */
  static SessionId read(CommandSpec spec, String text) {
    try {
      return SessionId.of(text);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage());
    }
  }
}
