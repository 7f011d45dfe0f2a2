package io.clawterm.node;

import io.clawterm.api.SessionId;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.KnownSession;
import io.clawterm.client.ResumeOptions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code clawterm resume}. */
@Command(
    name = "resume",
    description = "Go on with a session that was open on this machine.",
    mixinStandardHelpOptions = true)
final class ResumeCommand implements Callable<Integer> {

  @Mixin private ServerOption server;
  @Mixin private ModeOption mode;

  @Parameters(
      arity = "0..1",
      paramLabel = "ID",
      description = "The session (default: the one that was used last).")
  private @Nullable String id;

  @Option(names = "--all", description = "Show the whole conversation, not only what was missed.")
  private boolean all;

  @Override
  public Integer call() throws Exception {
    Logs.onTerminal();
    KnownSession known = known();
    boolean program = known.target().startsWith("pty:") || known.target().startsWith("pod:");
    ResumeOptions options = ResumeOptions.asBefore().withMode(mode.mode());
    ResumeOptions asked = all ? options.withAfter(0) : options;
    return server
        .conversation()
        .run(
            program,
            (client, terminal) ->
                resumed(
                    client,
                    known.id(),
                    terminal
                        .map(t -> asked.withEvents(!program).withSize(t.getColumns(), t.getRows()))
                        .orElse(asked.withEvents(true))));
  }

  private static CompletionStage<ClientSession> resumed(
      ClawTermClient client, SessionId session, ResumeOptions options) {
    return client.resume(session, options);
  }

  private KnownSession known() throws Exception {
    List<KnownSession> sessions;
    try (ClawTermClient client = server.client((session, event) -> {})) {
      sessions = client.sessions();
    }
    if (id == null) {
      return sessions.stream()
          .findFirst()
          .orElseThrow(() ->
              new CommandFailedException(
                  "no session was opened from this machine; open one with: clawterm connect"));
    }
    SessionId session = server.session(id);
    return sessions.stream()
        .filter(known -> known.id().equals(session))
        .findFirst()
        .orElseThrow(() ->
            new CommandFailedException(
                "session "
                    + session
                    + " was not opened from this machine, so there is no token for it. It can"
                    + " be joined by its key: clawterm connect --key KEY"));
  }
}
