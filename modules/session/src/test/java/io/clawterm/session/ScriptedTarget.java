package io.clawterm.session;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A target that notes what it is told; the test speaks for it. */
final class ScriptedTarget implements Target {

  /** The test makes the target fail. */
  record Crash() implements TargetCommand.Own {}

  final BlockingQueue<TargetContext> started = new LinkedBlockingQueue<>();
  final BlockingQueue<TargetCommand> told = new LinkedBlockingQueue<>();
  volatile Optional<akka.actor.typed.ActorRef<TargetCommand>> actor = Optional.empty();
  private final InputStyle style;

  ScriptedTarget(InputStyle style) {
    this.style = style;
  }

  @Override
  public InputStyle inputStyle() {
    return style;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext context) {
    return Behaviors.setup(actorContext -> {
      actor = Optional.of(actorContext.getSelf());
      started.add(context);
      return Behaviors.receiveMessage(message -> {
        if (message instanceof Crash) {
          throw new IllegalStateException("the test wants it so");
        }
        told.add(message);
        return Behaviors.same();
      });
    });
  }
}
