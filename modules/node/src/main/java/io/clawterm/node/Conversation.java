package io.clawterm.node;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientException;
import io.clawterm.client.ClientSession;
import io.clawterm.client.Ending;
import io.clawterm.client.PipedProgram;
import io.clawterm.client.PipedSession;
import io.clawterm.client.TerminalSession;
import io.clawterm.protocol.Code;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** A person, or a pipe, in a session until one of them ends it. */
final class Conversation {

  private final ServerOption server;
  private final PrintWriter out;
  private final PrintWriter err;

  Conversation(ServerOption server, PrintWriter out, PrintWriter err) {
    this.server = server;
    this.out = out;
    this.err = err;
  }

  /**
   * Opens a session with a client. Without a terminal it asks for structured entries also where a
   * program is at the other end.
   */
  @FunctionalInterface
  interface Opening {
    CompletionStage<ClientSession> open(ClawTermClient client, Optional<Terminal> terminal);
  }

  int run(boolean program, Opening opening) throws Exception {
    // Where input or output is no terminal, JLine falls back to a dumb one.
    try (Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build()) {
      if (!terminal.getType().startsWith(Terminal.TYPE_DUMB)) {
        return onTerminal(terminal, program, opening);
      }
      return program ? programThroughPipes(opening) : throughPipes(opening);
    }
  }

  private int throughPipes(Opening opening) throws Exception {
    var pipes = new PipedSession(out, err);
    try (ClawTermClient client = server.client(pipes)) {
      ClientSession session = opened(opening.open(client, Optional.empty()));
      int code = pipes.run(session, new InputStreamReader(System.in, StandardCharsets.UTF_8));
      out.flush();
      err.println("session " + session.id() + "; go on with: clawterm resume " + session.id());
      return code == PipedSession.DONE ? 0 : Main.FAILED;
    }
  }

  private int programThroughPipes(Opening opening) throws Exception {
    try (var bytes = new FileOutputStream(FileDescriptor.out)) {
      var pipes = new PipedProgram(bytes, err);
      try (ClawTermClient client = server.client(pipes)) {
        ClientSession session = opened(opening.open(client, Optional.empty()));
        Ending ending = pipes.run(session, System.in);
        if (ending instanceof Ending.Suspended) {
          err.println("session " + session.id() + "; go on with: clawterm resume " + session.id());
        }
        return ending instanceof Ending.Failed ? Main.FAILED : 0;
      }
    }
  }

  private int onTerminal(Terminal terminal, boolean program, Opening opening) throws Exception {
    Path history = server.folder().resolve("history");
    TerminalSession screen =
        TerminalSession.on(terminal, program, program ? Optional.empty() : Optional.of(history));
    try (ClawTermClient client = server.client(screen)) {
      ClientSession session = opened(opening.open(client, Optional.of(terminal)));
      Ending ending = screen.run(session);
      return ending instanceof Ending.Failed ? Main.FAILED : 0;
    }
  }

  /** Runs one question; the answer goes to standard output. */
  int ask(Opening opening, String text) throws Exception {
    var pipes = new PipedSession(out, err);
    try (ClawTermClient client = server.client(pipes)) {
      ClientSession session = opened(opening.open(client, Optional.empty()));
      int code = pipes.ask(session, text);
      out.flush();
      return code == PipedSession.DONE ? 0 : Main.FAILED;
    }
  }

  /** As {@link #ask}; session, outcome and answer go to standard output as one JSON object. */
  int askForJson(Opening opening, String text) throws Exception {
    var pipes = new PipedSession(new PrintWriter(Writer.nullWriter()), err);
    try (ClawTermClient client = server.client(pipes)) {
      ClientSession session = opened(opening.open(client, Optional.empty()));
      PipedSession.Answer answer = pipes.answer(session, text);
      ObjectNode json =
          new ObjectMapper()
              .createObjectNode()
              .put("session", session.id().toString())
              .put("outcome", outcome(answer.code()))
              .put("text", answer.text());
      out.println(json);
      out.flush();
      return answer.code() == PipedSession.DONE ? 0 : Main.FAILED;
    }
  }

  private static String outcome(int code) {
    return switch (code) {
      case PipedSession.DONE -> "done";
      case PipedSession.ENDED -> "ended";
      default -> "failed";
    };
  }

  private static ClientSession opened(CompletionStage<ClientSession> opening) {
    try {
      return opening.toCompletableFuture().join();
    } catch (CompletionException e) {
      throw told(e.getCause() == null ? e : e.getCause());
    }
  }

  /** What a refusal means for whoever typed the command. */
  private static RuntimeException told(Throwable failure) {
    return switch (failure) {
      case ClientException.Unreachable unreachable ->
          new NoServerException(String.valueOf(unreachable.getMessage()));
      case ClientException.Refused refused when refused.code() == Code.UNAUTHENTICATED ->
          new CommandFailedException(
              refused.getMessage()
                  + ". The server's access token is in the file `token` of its data folder; give it"
                  + " with --token-file FILE or CLAWTERM_TOKEN");
      case ClientException.UnknownCertificate unknown ->
          new CommandFailedException(
              unknown.getMessage()
                  + ". If this is what the server has printed at its start, give it with"
                  + " --fingerprint");
      case ClientException known -> new CommandFailedException(String.valueOf(known.getMessage()));
      case RuntimeException other -> other;
      default -> new IllegalStateException(failure);
    };
  }
}
