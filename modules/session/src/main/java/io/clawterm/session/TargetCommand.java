package io.clawterm.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.clawterm.telemetry.TraceContext;
import java.util.List;
import java.util.Optional;

/** What a session asks of the target behind it. */
public sealed interface TargetCommand {

  /** Durable input in order, each entry once in the life of a target actor. */
  record Deliver(List<TargetInput> inputs) implements TargetCommand {
    public Deliver {
      inputs = List.copyOf(inputs);
    }
  }

  /** A device's terminal has another size. */
  record Resized(Attachment.WindowSize size) implements TargetCommand {}

  /**
   * What was emitted is durable up to the {@code count}-th emission of this life (from 1 on). A
   * target keeps at most a bounded amount unconfirmed.
   *
   * @param firstNumber the number of the first entry of that emission, if it had any
   */
  record Emitted(long count, long firstNumber) implements TargetCommand {}

  /** The session is over for good. When it moves or rests, the actor is just stopped. */
  record Stop() implements TargetCommand {}

  /** A message of a target to itself, from outside of this module. */
  non-sealed interface Own extends TargetCommand {}

  /**
   * One frame of input.
   *
   * @param number counts the frames that this session's target has been given, from 1 on
   * @param entry the log number of the input's own entry, where the target keeps input in the log
   * @param trace of a message: that of the commit that made it durable
   */
  record TargetInput(
      long number,
      String device,
      Bytes body,
      boolean event,
      boolean more,
      Optional<Long> entry,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<TraceContext> trace) {

    /** Input in no trace. */
    public TargetInput(
        long number, String device, Bytes body, boolean event, boolean more, Optional<Long> entry) {
      this(number, device, body, event, more, entry, Optional.empty());
    }

    /**
     * The same in a trace, where it is a message: bytes for a pod lead to nothing that is traced.
     */
    TargetInput in(Optional<TraceContext> place) {
      return entry.isEmpty()
          ? this
          : new TargetInput(number, device, body, event, more, entry, place);
    }
  }
}
