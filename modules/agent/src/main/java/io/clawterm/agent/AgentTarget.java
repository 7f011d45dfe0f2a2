package io.clawterm.agent;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.StashBuffer;
import akka.stream.javadsl.Sink;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.telemetry.Tracing;
import java.util.function.Supplier;

/** An agent behind a session; each life begins by reading back the conversation. */
final class AgentTarget implements Target {

  /**
   * Entries read back at the start of a life; what is older is no part of the context. More are
   * read where a run or a message that waits began before them.
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
        stash ->
            Behaviors.setup(actor -> {
              long needed = AgentMemo.of(context.memo()).readFrom();
              long from = Math.max(1, Math.min(needed, context.headNumber() - MAX_READ_BACK));
              actor.pipeToSelf(
                  context
                      .log()
                      .read(context.id(), 1, from)
                      .takeWhile(entry -> entry.number() <= context.headNumber())
                      .runWith(
                          Sink.fold(
                              new Transcript(settings.get().contextChars()),
                              (transcript, entry) -> {
                                transcript.add(entry.number(), entry.entry());
                                return transcript;
                              }),
                          actor.getSystem()),
                  (transcript, failure) ->
                      failure == null ? new Loaded(transcript) : new NotLoaded(failure));
              return loading(context, stash);
            }));
  }

  private Behavior<TargetCommand> loading(TargetContext context, StashBuffer<TargetCommand> stash) {
    return Behaviors.receive((actor, command) -> {
      if (command instanceof Loaded loaded) {
        return stash.unstashAll(
            AgentActor.create(
                actor,
                agent,
                settings,
                context,
                loaded.transcript(),
                new RunTrace(tracing, context.id(), name)));
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
}
