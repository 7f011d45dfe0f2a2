package io.clawterm.node;

import io.clawterm.client.ConnectOptions;
import io.clawterm.protocol.Mode;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm connect}. */
@Command(
    name = "connect",
    description = "Open a session and talk; Ctrl-] leaves it, it goes on without you.",
    mixinStandardHelpOptions = true)
final class ConnectCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ServerOption server;

  @Parameters(
      arity = "0..1",
      paramLabel = "TARGET",
      defaultValue = "agent:main",
      description = "agent:NAME, pod:NAME or pty:COMMAND (default: agent:main).")
  private String target;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "Join the session of this key, or open it.")
  private @Nullable String key;

  @Option(
      names = "--mode",
      paramLabel = "takeover|share|watch",
      defaultValue = "takeover",
      description = "What happens to other devices: detached, kept, or this one only watches.")
  private String mode;

  @Option(
      names = "--expiry",
      paramLabel = "DAYS",
      description = "How many days the session may stay without a device (default: the server's).")
  private @Nullable Integer expiry;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    boolean program = target.startsWith("pty:") || target.startsWith("pod:");
    ConnectOptions options = ConnectOptions.target(target).withMode(mode(spec, mode));
    if (key != null) {
      options = options.withKey(key);
    }
    if (expiry != null) {
      options = options.withExpiry(Duration.ofDays(expiry));
    }
    ConnectOptions asked = options;
    return new Conversation(server, spec.commandLine().getOut(), spec.commandLine().getErr())
        .run(
            program,
            (client, terminal) ->
                client.connect(
                    terminal
                        .map(t -> asked.withEvents(!program).withSize(t.getColumns(), t.getRows()))
                        .orElse(asked.withEvents(true))));
  }

  static Mode mode(CommandSpec spec, String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "takeover", "take-over" -> Mode.TAKE_OVER;
      case "share" -> Mode.SHARE;
      case "watch" -> Mode.WATCH;
      default ->
          throw new CommandLine.ParameterException(
              spec.commandLine(), "--mode is takeover, share or watch, not \"" + name + "\"");
    };
  }
}
