package io.clawterm.node;

import io.clawterm.api.SessionId;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.ResumeOptions;
import io.clawterm.protocol.Mode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code clawterm send}. */
@Command(
    name = "send",
    description = "Send one message to an agent and print the answer; exits with 1 if it fails.",
    mixinStandardHelpOptions = true)
final class SendCommand implements Callable<Integer> {

  @Mixin private ServerOption server;
  @Mixin private KeyOption key;

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
      names = "--json",
      description = "Session, outcome and answer as a JSON object, when all of it is there.")
  private boolean json;

  @Parameters(paramLabel = "TEXT", description = "The message.")
  private String text;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    Conversation conversation = server.conversation();
    Conversation.Opening opening = opening();
    return json ? conversation.askForJson(opening, text) : conversation.ask(opening, text);
  }

  private Conversation.Opening opening() {
    if (session != null) {
      SessionId id = server.session(session);
      return (client, terminal) ->
          client.resume(id, ResumeOptions.asBefore().withMode(Mode.SHARE).withEvents(true));
    }
    ConnectOptions asked =
        key.in(ConnectOptions.target(target).withMode(Mode.SHARE).withEvents(true));
    return (client, terminal) -> client.connect(asked);
  }
}
