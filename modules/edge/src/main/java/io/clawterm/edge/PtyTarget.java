package io.clawterm.edge;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Signal;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.clawterm.api.Principal;
import io.clawterm.session.Attachment.WindowSize;
import io.clawterm.session.Bytes;
import io.clawterm.session.Entry;
import io.clawterm.session.SessionCommand.Emit;
import io.clawterm.session.SessionCommand.Finish;
import io.clawterm.session.Target;
import io.clawterm.session.TargetCommand;
import io.clawterm.session.TargetContext;
import io.clawterm.session.Targets;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A program on a pseudo-terminal behind a session: {@code pty:COMMAND}.
 *
 * <p>The program dies with the life of this target. That it is started is stored before it is, so
 * that after a crash the next life knows: it says so and finishes, and never runs the program a
 * second time. How the program ended is stored before the session finishes with it; a crash after
 * that finishes with the same text.
 *
 * <p>One emission is unconfirmed at a time. What the program writes meanwhile goes into the next
 * one, until the buffer is full: then the program waits.
 */
public final class PtyTarget implements Target {

  private static final String PREFIX = "pty:";
  private static final int ENTRY_BYTES = 32 * 1024;
  private static final WindowSize USUAL_SIZE = new WindowSize(80, 24);
  private static final String ENDED_BY_RESTART = "the program was ended by a restart of the server";

  private final String command;
  private final Factory programs;

  private PtyTarget(String command, Factory programs) {
    this.command = command;
    this.programs = programs;
  }

  /** Finds programs where the configuration allows them; one for a node, because it counts them. */
  public static final class Factory implements Targets {

    private final Supplier<PtySettings> settings;
    private final AtomicInteger running = new AtomicInteger();
    private final Counter refused;
    private final Counter droppedInput;

    /** Programs by settings that stay as they are. */
    public Factory(PtySettings settings, MeterRegistry meters) {
      this(() -> settings, meters);
    }

    /**
     * Programs by these settings.
     *
     * @param settings those in force; programs that run keep those that they were started with
     */
    public Factory(Supplier<PtySettings> settings, MeterRegistry meters) {
      this.settings = settings;
      this.refused = meters.counter("clawterm.edge.pty.refused");
      this.droppedInput = meters.counter("clawterm.edge.pty.dropped.bytes");
      Gauge.builder("clawterm.edge.pty.programs", running, AtomicInteger::get).register(meters);
    }

    /** Takes a place for a program, if there is one; {@link #leave} gives it back. */
    private boolean enter() {
      int max = settings.get().maxPrograms();
      return running.getAndUpdate(now -> now < max ? now + 1 : now) < max;
    }

    private void leave() {
      running.decrementAndGet();
    }

    @Override
    public Found find(Principal owner, String name) {
      String command = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
      if (command.isBlank()) {
        return new Found.Missing("a program is named as pty:COMMAND");
      }
      if (!settings.get().allows(command)) {
        refused.increment();
        return new Found.Denied(
            "this program is not allowed here; the setting clawterm.pty.allow says which are");
      }
      return new Found.Available(new PtyTarget(command, this));
    }
  }

  /** From the threads of the program. */
  private sealed interface Event extends TargetCommand.Own {
    record OutputWaits() implements Event {}

    record Ended(String text) implements Event {}
  }

  @Override
  public InputStyle inputStyle() {
    return InputStyle.VOLATILE;
  }

  @Override
  public Behavior<TargetCommand> start(TargetContext life) {
    return Behaviors.setup(context -> {
      var running = new Running(context, command, programs, life);
      running.begin();
      return running;
    });
  }

  /** One life. */
  private static final class Running extends AbstractOnMessageBehavior<TargetCommand> {

    private final String command;
    private final Factory programs;
    private final TargetContext life;

    private final List<Entry> notices = new ArrayList<>();
    private final WindowSize size;
    private @Nullable PtyProgram program;
    private @Nullable String end;
    private boolean started;
    private boolean endStored;
    private boolean finished;
    private boolean droppedNow;
    private long emitted;
    private long confirmed;
    private long consumed;

    Running(
        ActorContext<TargetCommand> context, String command, Factory programs, TargetContext life) {
      super(context);
      this.command = command;
      this.programs = programs;
      this.life = life;
      this.size = life.size().filter(Running::isUsable).orElse(USUAL_SIZE);
    }

    /** Stores that there is a program before there is one, or finishes for the one that was. */
    void begin() {
      if (life.memo().isEmpty()) {
        program = newProgram();
        emit(List.of(), Optional.of(new PtyMemo(Optional.empty())));
        return;
      }
      Optional<String> known = PtyMemo.from(life.memo().get()).end();
      end = known.orElse(ENDED_BY_RESTART);
      endStored = known.isPresent();
      if (known.isEmpty()) {
        notices.add(TargetNotice.of(ENDED_BY_RESTART));
      }
      emitNext();
    }

    @Override
    public Behavior<TargetCommand> onMessage(TargetCommand message) {
      switch (message) {
        case TargetCommand.Deliver deliver -> deliver(deliver);
        case TargetCommand.Resized resized -> resize(resized.size());
        case TargetCommand.Emitted durable -> confirmed(durable.count());
        case TargetCommand.Stop ignored -> {
          return Behaviors.stopped();
        }
        case Event.OutputWaits ignored -> emitNext();
        case Event.Ended ended -> {
          end = ended.text();
          emitNext();
        }
        case TargetCommand.Own ignored -> {
          return Behaviors.unhandled();
        }
      }
      return this;
    }

    @Override
    public Behavior<TargetCommand> onSignal(Signal signal) {
      if (signal instanceof PostStop && program != null) {
        program.end();
      }
      return this;
    }

    private void deliver(TargetCommand.Deliver deliver) {
      for (TargetCommand.TargetInput input : deliver.inputs()) {
        write(input.number(), input.body());
      }
    }

    private void write(long number, Bytes bytes) {
      if (program == null || program.write(number, bytes)) {
        droppedNow = false;
        return;
      }
      programs.droppedInput.increment(bytes.length());
      if (!droppedNow) {
        droppedNow = true;
        notices.add(TargetNotice.of("the program reads no input; what follows is dropped"));
        emitNext();
      }
    }

    private void resize(WindowSize newSize) {
      if (program != null && isUsable(newSize)) {
        program.resize(newSize);
      }
    }

    private void confirmed(long count) {
      confirmed = count;
      if (program != null && !started) {
        start(program);
      }
      emitNext();
    }

    private void start(PtyProgram ready) {
      started = true;
      if (programs.enter()) {
        ready.start();
        return;
      }
      programs.refused.increment();
      end = "this node runs as many programs as clawterm.pty.max-programs allows";
      notices.add(TargetNotice.of(end));
    }

    private PtyProgram newProgram() {
      ActorRef<TargetCommand> self = getContext().getSelf();
      var listener =
          new PtyProgram.Listener() {
            @Override
            public void outputWaits() {
              self.tell(new Event.OutputWaits());
            }

            @Override
            public void ended(String text) {
              self.tell(new Event.Ended(text));
            }
          };
      PtySettings settings = programs.settings.get();
      return new PtyProgram(
          settings.line(command),
          settings,
          size,
          life.id().toString(),
          life.mayAct(),
          listener,
          programs::leave);
    }

    /** Emits what there is unless an emission is under way; finishes when all is durable. */
    private void emitNext() {
      if (emitted > confirmed || finished) {
        return;
      }
      List<Entry> entries = takeEntries();
      if (end != null && !endStored) {
        // With the end known nothing can follow: these are the last, if there are any.
        endStored = true;
        emit(entries, Optional.of(new PtyMemo(Optional.of(end))));
      } else if (!entries.isEmpty()) {
        emit(entries, Optional.empty());
      } else if (end != null) {
        finish(end);
      }
    }

    private List<Entry> takeEntries() {
      List<Entry> entries = new ArrayList<>();
      if (program != null) {
        byte[] output = program.takeOutput();
        for (int at = 0; at < output.length; at += ENTRY_BYTES) {
          int to = Math.min(at + ENTRY_BYTES, output.length);
          entries.add(Entry.bytes(Bytes.wrap(Arrays.copyOfRange(output, at, to)), false));
        }
        consumed = Math.max(consumed, program.written());
      }
      entries.addAll(notices);
      notices.clear();
      return entries;
    }

    private void emit(List<Entry> entries, Optional<PtyMemo> memo) {
      emitted++;
      OptionalLong consumedUpTo = consumed > 0 ? OptionalLong.of(consumed) : OptionalLong.empty();
      life.session().tell(new Emit(life.epoch(), entries, consumedUpTo, memo.map(PtyMemo::toMemo)));
    }

    private void finish(String text) {
      finished = true;
      life.session().tell(new Finish(life.epoch(), text));
    }

    private static boolean isUsable(WindowSize size) {
      return size.columns() > 0 && size.rows() > 0;
    }
  }
}
