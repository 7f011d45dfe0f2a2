package io.clawterm.example;

import io.clawterm.api.AgentFunction;
import io.clawterm.api.ClawTerm;
import io.clawterm.client.ClawTermClient;
import io.clawterm.client.ClientSession;
import io.clawterm.client.ConnectOptions;
import io.clawterm.client.PipedSession;
import io.clawterm.client.ServerAddress;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.SubmissionPublisher;

/** A host application with a node, an agent in Java and a client that asks it one question. */
public final class EmbeddedExample {

  /** Answers each message with its length, in two pieces. */
  private static final AgentFunction COUNTER =
      request ->
          subscriber -> {
            var answer = new SubmissionPublisher<String>(Runnable::run, 2);
            answer.subscribe(subscriber);
            answer.submit("That has ");
            answer.submit(request.text().length() + " characters.");
            answer.close();
          };

  private EmbeddedExample() {}

  /** The data folder is the only argument; sessions live on in it from one run to the next. */
  public static void main(String[] arguments) throws Exception {
    run(Path.of(arguments[0]), new PrintWriter(System.out, true, StandardCharsets.UTF_8));
  }

  static void run(Path data, PrintWriter out) throws Exception {
    try (ClawTerm node = ClawTerm.embedded().dataFolder(data).agent("counter", COUNTER).build()) {
      node.start().toCompletableFuture().get();

      var screen = new PipedSession(out, out);
      var address = ServerAddress.unix(node.endpoints().unixSocket().orElseThrow());
      try (ClawTermClient client =
          ClawTermClient.builder().address(address).listener(screen).build()) {
        ClientSession session =
            client
                .connect(ConnectOptions.target("agent:counter").withEvents(true))
                .toCompletableFuture()
                .get();
        screen.ask(session, "How long is this?");
      }
    } // the node stops here; nothing of it is left in the process
  }
}
