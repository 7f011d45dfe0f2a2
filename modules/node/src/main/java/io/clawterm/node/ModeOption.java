package io.clawterm.node;

import io.clawterm.protocol.Mode;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What becomes of the other devices of a session. */
final class ModeOption {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--mode",
      paramLabel = "takeover|share|watch",
      defaultValue = "takeover",
      description = "What happens to other devices: detached, kept, or this one only watches.")
  private String mode;

  Mode mode() {
    return switch (mode.toLowerCase(Locale.ROOT)) {
      case "takeover", "take-over" -> Mode.TAKE_OVER;
      case "share" -> Mode.SHARE;
      case "watch" -> Mode.WATCH;
      default ->
          throw new CommandLine.ParameterException(
              spec.commandLine(), "--mode is takeover, share or watch, not \"" + mode + "\"");
    };
  }
}
