package io.clawterm.session;

import akka.actor.typed.ActorRef;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The place behind a session where the actor of its target lives: one life at a time, each with an
 * epoch of its own, and how long to wait for the next.
 */
final class TargetSlot {

  private static final Duration BACK_OFF = Duration.ofMillis(200);
  private static final Duration MAX_BACK_OFF = Duration.ofSeconds(10);

  private Optional<ActorRef<TargetCommand>> actor = Optional.empty();
  private long epoch;
  private long emissions;
  private long delivered;
  private int failures;

  boolean isTaken() {
    return actor.isPresent();
  }

  /** Whether this is the life that there is; what an older one says has no place any more. */
  boolean isLife(long candidate) {
    return candidate == epoch;
  }

  /** The epoch of the life that begins now; {@link #take} follows. */
  long nextEpoch() {
    epoch++;
    emissions = 0;
    delivered = 0;
    return epoch;
  }

  /** The actor of the life that has begun. */
  void take(ActorRef<TargetCommand> life) {
    actor = Optional.of(life);
  }

  /** Tells the target, if there is one. */
  void tell(TargetCommand command) {
    actor.ifPresent(life -> life.tell(command));
  }

  /** Hands over durable input, each frame once in a life. */
  void deliver(List<TargetCommand.TargetInput> inputs) {
    int known = 0;
    while (known < inputs.size() && inputs.get(known).number() <= delivered) {
      known++;
    }
    List<TargetCommand.TargetInput> fresh = inputs.subList(known, inputs.size());
    if (!fresh.isEmpty() && isTaken()) {
      delivered = fresh.getLast().number();
      tell(new TargetCommand.Deliver(fresh));
    }
  }

  /** Counts an emission of this life; the first is 1. */
  long countEmission() {
    return ++emissions;
  }

  /** The target has got something done: the next failure is its first again. */
  void worked() {
    failures = 0;
  }

  /** The life is over. */
  void ended() {
    actor = Optional.empty();
    epoch++;
  }

  /** How long to wait before the next life. */
  Duration backOff() {
    Duration wait = BACK_OFF.multipliedBy(1L << Math.min(failures, 6));
    failures++;
    return wait.compareTo(MAX_BACK_OFF) > 0 ? MAX_BACK_OFF : wait;
  }
}
