package io.clawterm.http;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.TargetMemo;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A target that notes what it is told; {@link GoldenSessions} speaks for it. */
final class GoldenTarget implements Target {

  private static final int PATIENCE_SECONDS = 30;

  private final InputStyle style;
  private final BlockingQueue<TargetContext> lives = new LinkedBlockingQueue<>();
  private final BlockingQueue<TargetCommand> told = new LinkedBlockingQueue<>();

  GoldenTarget(InputStyle style) {
    this.style = style;
  }

  /** Of the style that a target of this name has. */
  static GoldenTarget named(String name) {
    return new GoldenTarget(
        switch (name.substring(0, name.indexOf(':'))) {
          case "pod" -> InputStyle.BYTES;
          case "pty" -> InputStyle.VOLATILE;
          default -> InputStyle.MESSAGES;
        });
  }

  @Override
  public InputStyle inputStyle() {
    return style;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext context) {
    lives.add(context);
    return Behaviors.receiveMessage(message -> {
      told.add(message);
      return message instanceof TargetCommand.Stop ? Behaviors.stopped() : Behaviors.same();
    });
  }

  TargetContext started() {
    return next(lives);
  }

  List<TargetCommand.TargetInput> delivered() {
    return nextTold(TargetCommand.Deliver.class).inputs();
  }

  /** Emits in one commit, and waits until it is durable. */
  void emits(
      TargetContext life, OptionalLong consumed, Optional<TargetMemo> memo, Entry... entries) {
    life.session().tell(new SessionCommand.Emit(life.epoch(), List.of(entries), consumed, memo));
    nextTold(TargetCommand.Emitted.class);
  }

  private <T extends TargetCommand> T nextTold(Class<T> type) {
    TargetCommand command = next(told);
    while (!type.isInstance(command)) {
      command = next(told);
    }
    return type.cast(command);
  }

  private static <T> T next(BlockingQueue<T> queue) {
    try {
      T found = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (found == null) {
        throw new AssertionError("the target heard nothing for " + PATIENCE_SECONDS + " s");
      }
      return found;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
