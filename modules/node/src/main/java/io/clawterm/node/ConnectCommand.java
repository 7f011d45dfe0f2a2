package io.clawterm.node;

import io.clawterm.client.ConnectOptions;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code clawterm connect}. */
@Command(
    name = "connect",
    description = "Open a session and talk; Ctrl-] leaves it, it goes on without you.",
    mixinStandardHelpOptions = true)
final class ConnectCommand implements Callable<Integer> {

  @Mixin private ServerOption server;
  @Mixin private ModeOption mode;
  @Mixin private KeyOption key;

  @Parameters(
      arity = "0..1",
      paramLabel = "TARGET",
      defaultValue = "agent:main",
      description = "agent:NAME, pod:NAME or pty:COMMAND (default: agent:main).")
  private String target;

  @Option(
      names = "--expiry",
      paramLabel = "DAYS",
      description = "How many days the session may stay without a device (default: the server's).")
  private @Nullable Integer expiry;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    boolean program = target.startsWith("pty:") || target.startsWith("pod:");
    ConnectOptions options = key.in(ConnectOptions.target(target).withMode(mode.mode()));
    if (expiry != null) {
      options = options.withExpiry(Duration.ofDays(expiry));
    }
    ConnectOptions asked = options;
    return server
        .conversation()
        .run(
            program,
            (client, terminal) ->
                client.connect(
                    terminal
                        .map(t -> asked.withEvents(!program).withSize(t.getColumns(), t.getRows()))
                        .orElse(asked.withEvents(true))));
  }
}
