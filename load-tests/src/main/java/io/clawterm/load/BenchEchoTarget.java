package io.clawterm.load;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Says each frame of input again as one frame of output. */
final class BenchEchoTarget implements Target {

  @Override
  public InputStyle inputStyle() {
    return InputStyle.BYTES;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext context) {
    return Behaviors.receiveMessage(command ->
        switch (command) {
          case TargetCommand.Deliver deliver -> {
            echo(context, deliver.inputs());
            yield Behaviors.same();
          }
          case TargetCommand.Stop stop -> Behaviors.stopped();
          case TargetCommand.Resized resized -> Behaviors.same();
          case TargetCommand.Emitted emitted -> Behaviors.same();
          case TargetCommand.Own own -> Behaviors.unhandled();
        });
  }

  private static void echo(TargetContext context, List<TargetCommand.TargetInput> inputs) {
    List<Entry> entries =
        inputs.stream().map(input -> Entry.bytes(input.body(), input.more())).toList();
    context
        .session()
        .tell(
            new SessionCommand.Emit(
                context.epoch(),
                entries,
                OptionalLong.of(inputs.getLast().number()),
                Optional.empty()));
  }
}
