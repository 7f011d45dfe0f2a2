package io.clawterm.http;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.TargetMemo;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A target whose run is open from the input {@code start} to the input {@code stop}. It leaves the
 * input {@code wait} where it is, and {@code drop} takes all there is without a word.
 */
final class CountingTarget implements Target {

  final BlockingQueue<TargetContext> lives = new LinkedBlockingQueue<>();

  @Override
  public InputStyle inputStyle() {
    return InputStyle.MESSAGES;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext context) {
    lives.add(context);
    return Behaviors.receiveMessage(message -> {
      if (message instanceof TargetCommand.Deliver deliver) {
        deliver.inputs().forEach(input -> answer(context, input));
      }
      return message instanceof TargetCommand.Stop ? Behaviors.stopped() : Behaviors.same();
    });
  }

  private static void answer(TargetContext context, TargetCommand.TargetInput input) {
    String word = new String(input.body().unsafeArray(), StandardCharsets.UTF_8);
    if (word.equals("wait")) {
      return;
    }
    boolean silent = word.equals("drop");
    context
        .session()
        .tell(
            new SessionCommand.Emit(
                context.epoch(),
                silent ? List.of() : List.of(Entry.text("heard " + word)),
                OptionalLong.of(input.number()),
                silent
                    ? Optional.empty()
                    : Optional.of(new TargetMemo("{}", word.equals("start")))));
  }
}
