package io.clawterm.http;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.Props;
import akka.actor.typed.javadsl.AskPattern;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.SessionId;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Sessions;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Asks sessions: a question needs somebody to be sent through, and {@link Sessions} only tells. */
final class SessionRelay {

  private sealed interface Message {}

  private record Pass(SessionId session, SessionCommand command) implements Message {}

  private record Stop() implements Message {}

  private final ActorSystem<?> system;
  private final ActorRef<Message> relay;
  private final Duration limit;

  SessionRelay(ActorSystem<?> system, Sessions sessions, Duration limit) {
    this.system = system;
    this.limit = limit;
    relay =
        system.systemActorOf(passing(sessions), "http-relay-" + UUID.randomUUID(), Props.empty());
  }

  private static Behavior<Message> passing(Sessions sessions) {
    return Behaviors.receiveMessage(message ->
        switch (message) {
          case Pass pass -> {
            sessions.tell(pass.session(), pass.command());
            yield Behaviors.same();
          }
          case Stop stop -> Behaviors.stopped();
        });
  }

  /** The answer; fails with {@link java.util.concurrent.TimeoutException} when none comes. */
  <T> CompletionStage<T> ask(SessionId session, Function<ActorRef<T>, SessionCommand> command) {
    return AskPattern.<Message, T>ask(
        relay, replyTo -> new Pass(session, command.apply(replyTo)), limit, system.scheduler());
  }

  void stop() {
    relay.tell(new Stop());
  }
}
