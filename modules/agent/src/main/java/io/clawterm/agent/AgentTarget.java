package io.clawterm.agent;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.StashBuffer;
import akka.stream.javadsl.Sink;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.telemetry.Tracing;
import java.util.function.Supplier;

/**
 * An agent behind a session. A life reads back the conversation once it has something to do: a run
 * to go on with, or input.
 */
final class AgentTarget implements Target {

  /**
   * Entries read back in a life for the sake of the conversation; what is older is no part of the
   * context. More are read where a run or a message that waits began before them.
   */
  private static final long MAX_READ_BACK = 10_000;

  private static final int MAX_STASHED = 10_000;

  private final String name;
  private final Agent agent;
  private final Supplier<AgentSettings> settings;
  private final Tracing tracing;

  private record Loaded(Transcript transcript) implements TargetCommand.Own {}

  private record NotLoaded(Throwable cause) implements TargetCommand.Own {}

  AgentTarget(String name, Agent agent, Supplier<AgentSettings> settings, Tracing tracing) {
    this.name = name;
    this.agent = agent;
    this.settings = settings;
    this.tracing = tracing;
  }

  @Override
  public InputStyle inputStyle() {
    return InputStyle.MESSAGES;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext context) {
    return Behaviors.withStash(
        MAX_STASHED,
        stash -> {
          AgentMemo memo = AgentMemo.of(context.memo());
          return memo.open() ? reading(context, memo, stash) : resting(context, memo, stash);
        });
  }

  /** Nothing to do yet: most sessions that are opened again are only looked at. */
  private Behavior<TargetCommand> resting(
      TargetContext context, AgentMemo memo, StashBuffer<TargetCommand> stash) {
    return Behaviors.receiveMessage(command ->
        switch (command) {
          case TargetCommand.Deliver deliver -> {
            stash.stash(deliver);
            yield reading(context, memo, stash);
          }
          case TargetCommand.Stop stop -> Behaviors.stopped();
          case TargetCommand.Resized resized -> Behaviors.same();
          case TargetCommand.Emitted emitted -> Behaviors.unhandled();
          case TargetCommand.Own own -> Behaviors.unhandled();
        });
  }

  private Behavior<TargetCommand> reading(
      TargetContext context, AgentMemo memo, StashBuffer<TargetCommand> stash) {
    return Behaviors.setup(actor -> {
      int chars = settings.get().contextChars();
      var empty = new Transcript(chars);
      if (context.headNumber() == 0) {
        return living(actor, context, empty, stash);
      }
      long from = memo.firstToRead(context.headNumber(), MAX_READ_BACK, chars);
      actor.pipeToSelf(
          context
              .log()
              .read(context.id(), 1, from)
              .takeWhile(entry -> entry.number() <= context.headNumber())
              .runWith(
                  Sink.fold(
                      empty,
                      (transcript, entry) -> {
                        transcript.add(entry.number(), entry.entry());
                        return transcript;
                      }),
                  actor.getSystem()),
          (transcript, failure) ->
              failure == null ? new Loaded(transcript) : new NotLoaded(failure));
      return loading(context, stash);
    });
  }

  private Behavior<TargetCommand> loading(TargetContext context, StashBuffer<TargetCommand> stash) {
    return Behaviors.receive((actor, command) -> {
      if (command instanceof Loaded loaded) {
        return living(actor, context, loaded.transcript(), stash);
      }
      if (command instanceof NotLoaded failed) {
        throw new IllegalStateException("the conversation could not be read", failed.cause());
      }
      if (command instanceof TargetCommand.Stop) {
        return Behaviors.stopped();
      }
      stash.stash(command);
      return Behaviors.same();
    });
  }

  private Behavior<TargetCommand> living(
      ActorContext<TargetCommand> actor,
      TargetContext context,
      Transcript transcript,
      StashBuffer<TargetCommand> stash) {
    return stash.unstashAll(
        AgentActor.create(
            actor,
            agent,
            settings,
            context,
            transcript,
            new RunTrace(tracing, context.id(), name)));
  }
}
