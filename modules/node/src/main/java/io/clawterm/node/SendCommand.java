package io.clawterm.node;

import io.clawterm.api.SessionId;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ResumeOptions;
import io.clawterm.protocol.Mode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clawterm send}. */
@Command(
    name = "send",
    description = "Send one message to an agent and print the answer; exits with 1 if it fails.",
    mixinStandardHelpOptions = true)
final class SendCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ServerOption server;

  @Option(
      names = "--session",
      paramLabel = "ID",
      description = "Go on with this session (default: a new one).")
  private @Nullable String session;

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      defaultValue = "agent:main",
      description = "The agent of a new session (default: agent:main).")
  private String target;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "Join the session of this key, or open it.")
  private @Nullable String key;

  @Parameters(paramLabel = "TEXT", description = "The message.")
  private String text;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    var conversation =
        new Conversation(server, spec.commandLine().getOut(), spec.commandLine().getErr());
    if (session != null) {
      SessionId id;
      try {
        id = SessionId.of(session);
      } catch (IllegalArgumentException e) {
        throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage());
      }
      return conversation.ask(
          (client, terminal) ->
              client.resume(id, ResumeOptions.asBefore().withMode(Mode.SHARE).withEvents(true)),
          text);
    }
    ConnectOptions options = ConnectOptions.target(target).withMode(Mode.SHARE).withEvents(true);
    ConnectOptions asked = key == null ? options : options.withKey(key);
    return conversation.ask((client, terminal) -> client.connect(asked), text);
  }
}
